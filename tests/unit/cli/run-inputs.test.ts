/** @file Inputs of `w4s run`, and many of them through one workflow. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerAll } from "../../../src/cli/answer-all.js";
import { readInputs } from "../../../src/cli/run-inputs.js";
import type { WorkflowAnswer } from "../../../src/evaluate/workflow-runner.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

function inputsOf(text: string, name = "input.json") {
  const input = join(newFolder(), name);
  writeFileSync(input, text);
  return readInputs({ choice: [], input });
}

describe("readInputs", () => {
  it("reads one object, also with a byte order mark or over several lines", () => {
    expect(inputsOf('\ufeff{\n"question": "q",\n"choices": ["a"]}\n')).toEqual({
      inputs: [{ question: "q", choices: ["a"] }],
      isMany: false,
    });
    expect(readInputs({ question: "q", choice: ["a", "b"] }).inputs).toEqual([
      { question: "q", context: undefined, choices: ["a", "b"] },
    ]);
  });

  it("reads one object a line, and a list", () => {
    const many = { inputs: [{ question: "a" }, { id: "2", question: "b" }], isMany: true };
    expect(inputsOf('{"question":"a"}\r\n\n{"id":"2","question":"b"}\n')).toEqual(many);
    expect(inputsOf('[{"question":"a"},{"id":"2","question":"b"}]')).toEqual(many);
    expect(inputsOf('{"question":"a"}', "one.jsonl")).toEqual({ inputs: [{ question: "a" }], isMany: true });
  });

  it.each([
    ["", /holds no input/],
    ['{"question":"a"}\n{"question":3}', /line 2: field question is no string/],
    ['{"question":"a"}\nnonsense', /line 2: not JSON/],
    ['[{"question":"a"},{"text":"b"}]', /item 2: unknown field "text"/],
    ['{"choices":["a"]}', /field question is missing/],
    ["3", /not a JSON object/],
  ])("names the place of a fault in %s", (text, message) => {
    expect(() => inputsOf(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), code: "input" }),
    );
  });

  it("says what is missing", () => {
    expect(() => readInputs({ choice: [] })).toThrow(/there is no input/);
    expect(() => readInputs({ choice: [], input: "nowhere.json" })).toThrow(
      /cannot read the input nowhere.json/,
    );
  });
});

describe("answerAll", () => {
  let printed = "";
  beforeEach(() => {
    printed = "";
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, "write").mockImplementation((text) => {
        printed += stream === process.stdout ? text : "";
        return true;
      });
  });
  afterEach(() => vi.restoreAllMocks());

  const inputs = ["slow", "fails", "lost", "fast"].map((question) => ({ question }));
  const isLoss = (error: unknown) => error instanceof RangeError;
  const answer = async ({ question }: { question: string }) => {
    if (question === "slow") await new Promise((resolve) => setTimeout(resolve, 20));
    if (question === "lost") throw new RangeError("no usable reply");
    if (question === "spent") throw new Error("budget spent");
    const run =
      question === "fails" ? { status: "threw", error: "boom" } : { status: "ok", answer: `${question}!` };
    return { ...run, log: "", usage: {}, tools: [] } as unknown as WorkflowAnswer;
  };
  const options = { isJson: false, isLoss, concurrency: 4, stopSignal: new AbortController().signal };

  it("writes a line for each in the order of the inputs, also where the first is the slowest", async () => {
    expect(await answerAll(inputs, answer, options)).toBe(5);
    expect(
      printed
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { input: 1, status: "ok", answer: "slow!" },
      { input: 2, status: "threw", error: "boom" },
      { input: 3, status: "lost", error: "no usable reply" },
      { input: 4, status: "ok", answer: "fast!" },
    ]);
  });

  it("ends with 0 where all are answered, and gives one object for machines", async () => {
    expect(await answerAll([{ question: "a" }], answer, { ...options, isJson: true })).toBe(0);
    expect(JSON.parse(printed)).toEqual({ results: [{ input: 1, status: "ok", answer: "a!" }] });
  });

  it("keeps the lines before what ends it, and begins nothing after it", async () => {
    const begun: string[] = [];
    const spied = (input: { question: string }) => {
      begun.push(input.question);
      return answer(input);
    };
    const list = ["a", "spent", "b"].map((question) => ({ question }));
    await expect(answerAll(list, spied, { ...options, concurrency: 1 })).rejects.toThrow("budget spent");
    expect(begun).toEqual(["a", "spent"]);
    expect(printed).toBe('{"input":1,"status":"ok","answer":"a!"}\n');
  });
});
