/** @file Named baselines: which there are, and that each of them solves what it is meant for. */
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/core/errors.js";
import {
  checkStarts,
  chooseBaselines,
  startsOf,
} from "../../../../src/evaluate/baselines/choose-baselines.js";
import { namedBaselines } from "../../../../src/evaluate/baselines/named-baselines.js";
import { usualBaselines } from "../../../../src/evaluate/baselines/usual-baselines.js";
import { WorkflowRunner } from "../../../../src/evaluate/workflow-runner.js";
import { MockChatModel } from "../../../../src/llm/mock-chat-model.js";
import type { AnswerKind } from "../../../../src/workflow/answer-kind.js";
import { PythonSandbox } from "../../../../src/workflow/python/python-sandbox.js";

const offers = (...names: string[]): ReadonlySet<string> => new Set(names);
const TEXT = { answer: "text", hasContext: true, offers: offers("weak", "runPython") } as const;
const PROGRAMS = ["always-code", "code-then-words"];
const COOPERATIVE = ["weak-draft-strong-check", "weak-first", "weak-drafts-strong-synthesis"];
const named = (list: readonly { name: string }[]) => list.map(({ name }) => name);

describe("chooseBaselines", () => {
  it("takes the usual ones unless asked, so that no run costs more than before", () => {
    expect(chooseBaselines(undefined, TEXT)).toEqual(usualBaselines("text", true));
    expect(named(chooseBaselines(undefined, { ...TEXT, offers: offers("runPython") }))).toEqual([
      "direct",
      "chain-of-thought",
      "self-consistency",
    ]);
  });

  it("takes all, or the named ones in the order of the table", () => {
    expect(named(chooseBaselines("all", TEXT))).toEqual([
      "direct",
      "chain-of-thought",
      "self-consistency",
      "weak-alone",
      ...PROGRAMS,
      ...COOPERATIVE,
      "weak-synthesis",
      "weak-aspects",
      "cite-and-answer",
    ]);
    expect(named(chooseBaselines("all", { answer: "number", hasContext: false, offers: offers() }))).toEqual([
      "direct",
      "chain-of-thought",
      "self-consistency",
    ]);
    expect(named(chooseBaselines("weak-votes-strong-in-doubt, direct", TEXT))).toEqual([
      "direct",
      "weak-first",
    ]);
    const withExamples = { ...TEXT, offers: offers("weak", "runPython", "examples") };
    expect(named(chooseBaselines("all", withExamples)).slice(-3)).toEqual([
      "cite-and-answer",
      "few-shot-5",
      "worked-5",
    ]);
    expect(named(chooseBaselines(" cite-and-answer, direct ", TEXT))).toEqual(["direct", "cite-and-answer"]);
    expect(named(chooseBaselines("all", { ...TEXT, answer: "code" }))).toContain("generate-test-repair");
  });

  it.each([
    ["direkt", TEXT, /no baseline "direkt"/, /did you mean direct\?/],
    ["", TEXT, /no baseline ""/, /all, or some of direct, chain-of-thought/],
    ["direct,,", TEXT, /no baseline ""/, /all, or/],
    ["cite-and-answer", { ...TEXT, hasContext: false }, /no baseline "cite-and-answer" for this task/, /./],
    [
      "weak-aspects",
      { ...TEXT, offers: offers("runPython") },
      /weak-aspects asks the local model, and there is none/,
      /--model/,
    ],
    ["worked-5", TEXT, /worked-5 asks for examples, and none are offered/, /train split/],
    ["weak-aspects", { ...TEXT, answer: "code" as const }, /no baseline/, /./],
    [
      "code-then-words",
      { ...TEXT, offers: offers("weak") },
      /code-then-words runs a program, and none may be run here/,
      /--rules/,
    ],
  ] as const)("refuses %j", (wanted, options, message, hint) => {
    const attempt = () => chooseBaselines(wanted, options);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ hint: expect.stringMatching(hint) }));
  });

  it("a search needs one that asks the executor", () => {
    for (const wanted of ["weak-alone", "weak-synthesis"]) {
      const chosen = chooseBaselines(wanted, TEXT);
      if (wanted === "weak-alone") expect(() => checkStarts(chosen, wanted)).toThrow(/nothing to start from/);
      else expect(() => checkStarts(chosen, wanted)).not.toThrow();
    }
    expect(named(startsOf(namedBaselines("text", true), "all"))).toEqual([
      "direct",
      "chain-of-thought",
      "self-consistency",
      ...PROGRAMS,
      ...COOPERATIVE,
      "weak-synthesis",
      "weak-aspects",
      "cite-and-answer",
      "few-shot-5",
      "worked-5",
    ]);
    expect(named(startsOf(chooseBaselines(undefined, TEXT), undefined))).toEqual([
      "direct",
      "chain-of-thought",
      "self-consistency",
    ]);
  });
});

describe("the workflows for questions", () => {
  const REPLIES = {
    number: "The answer is 42.",
    choice: "The answer is (B).",
    text: "<answer>Arden</answer>",
  };
  const ANSWERS = { number: 42, choice: "B", text: "Arden" };
  const input = {
    question: "Where does Ada live?",
    context: "Ada lives in Arden.  The mayor is Ben.",
    choices: ["Brisk", "Arden"],
  };
  let strong: string[] = [];
  let reply = "";
  const executor = new MockChatModel((request) => {
    strong.push(request.messages.at(-1)!.content);
    return reply;
  });
  const weak = new MockChatModel(
    (request) => {
      const json = '{"reasoning": "It is told.", "answer": "a weak answer", "confidence": "70"}';
      return Array.from({ length: request.n ?? 1 }, () => (request.json ? json : "One side of it."));
    },
    { id: "mock:weak" },
  );
  const programs = new PythonSandbox({ processes: 1 });
  const runner = new WorkflowRunner({ executor, weak, programs });
  afterAll(async () => {
    await runner.close();
    await programs.close();
  });

  const kinds: Exclude<AnswerKind, "code" | "commands" | "writing">[] = ["number", "choice", "text"];
  const cases = kinds.flatMap((kind) =>
    namedBaselines(kind, true).map(({ name, source }) => ({ kind, name, source })),
  );

  it.each(cases)(
    "$name of kind $kind runs to its answer and shows the problem",
    async ({ kind, name, source }) => {
      strong = [];
      reply = REPLIES[kind];
      const examples = [{ question: "Who is Ben?", answer: "the mayor", solution: "It is told." }];
      const parts = { format: "w4s-workflow", version: 1, examples } as const;
      const run = await runner.run(source, { ...input, id: `${kind}-${name}` }, { parts });
      if (/-5$/.test(name)) expect(strong[0]).toMatch(/^Question: Who is Ben\?\n.*Answer: the mayor\n\nNow/s);
      // Three equal votes of the local model leave the executor out.
      if (name === "weak-alone" || name === "weak-first") {
        expect(run).toMatchObject({ status: "ok" });
        expect(strong).toEqual([]);
        return;
      }
      // Nothing of the reply is a program.
      const answer = name === "always-code" ? "" : ANSWERS[kind];
      expect(run).toMatchObject({ status: "ok", answer });
      for (const prompt of strong) {
        expect(prompt).toContain(input.question);
        expect(prompt).toContain(input.context);
      }
      if (name === "weak-synthesis")
        expect(strong[0]!.match(/a weak answer \(confidence 70\): It is told\./g)).toHaveLength(3);
      if (name === "weak-aspects") expect(strong[0]!.match(/^[a-z ]+: One side of it\.$/gm)).toHaveLength(4);
    },
  );

  it.each(["number", "choice"] as const)(
    "weak votes of kind %s without an answer are no agreement",
    async (kind) => {
      const mute = new WorkflowRunner({
        executor,
        weak: new MockChatModel(() => "No idea.", { id: "mock:mute" }),
      });
      const { source } = namedBaselines(kind, true).find(({ name }) => name === "weak-first")!;
      strong = [];
      reply = REPLIES[kind];
      const run = await mute.run(source, { ...input, id: `${kind}-mute` });
      await mute.close();
      expect(run).toMatchObject({ status: "ok", answer: ANSWERS[kind] });
      expect(strong).toHaveLength(1);
    },
  );

  it.each(PROGRAMS.flatMap((name) => kinds.map((kind) => ({ name, kind }))))(
    "$name of kind $kind takes what its program prints",
    async ({ name, kind }) => {
      const { source } = namedBaselines(kind, true).find((one) => one.name === name)!;
      strong = [];
      reply = `\`\`\`python\nprint(${JSON.stringify(ANSWERS[kind])})\n\`\`\``;
      const run = await runner.run(source, { ...input, question: `${name} ${kind}: ${input.question}` });
      expect(run).toMatchObject({ status: "ok", answer: ANSWERS[kind] });
      expect(strong).toHaveLength(1);
    },
  );

  const cite = namedBaselines("text", true).find(({ name }) => name === "cite-and-answer")!.source;

  it.each<[string, string, number, RegExp | undefined]>([
    [
      "quotes of the text, white space aside",
      "<quote>Ada lives in Arden. The mayor is Ben.</quote> <answer>Arden</answer>",
      1,
      undefined,
    ],
    [
      "a quote that does not stand there",
      "<quote>Ada lives in Brisk.</quote> <answer>Brisk</answer>",
      2,
      /found to matter:\n\n\n/,
    ],
    [
      "one of two quotes made up",
      "<quote>The mayor is Ben.</quote><quote>Ada left.</quote> <answer>x</answer>",
      2,
      /found to matter:\nThe mayor is Ben\.\n/,
    ],
    ["no quote", "<answer>Arden</answer>", 2, /found to matter:\n\n/],
    ["an empty quote", "<quote> </quote><answer>Arden</answer>", 2, /found to matter:\n\n/],
  ])("cite-and-answer: %s", async (name, text, calls, second) => {
    strong = [];
    reply = text;
    const run = await runner.run(cite, { ...input, id: name, question: `${input.question} (${name})` });
    expect(run.status).toBe("ok");
    expect(strong).toHaveLength(calls);
    if (second) expect(strong[1]).toMatch(second);
  });
});
