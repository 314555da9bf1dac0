/** @file Benchmarks as published: small files of the same form, written here. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, InputError } from "../../../src/core/errors.js";
import {
  BENCHMARK_NAMES,
  type ImportBenchmarkOptions,
  importBenchmark,
} from "../../../src/tasks/import-benchmark.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import type { Sample } from "../../../src/tasks/task.js";
import { validateDataset } from "../../../src/tasks/validate-dataset.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const lines = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join("\n");

/** Ten variants of a record. */
function many<T>(make: (i: number) => T): T[] {
  return Array.from({ length: 10 }, (_, i) => make(i));
}

/** Imports files of a benchmark; one file is given by itself. */
async function load(
  benchmark: string,
  files: Readonly<Record<string, string>>,
  more: Partial<ImportBenchmarkOptions> = {},
) {
  const root = folder();
  const source = join(root, "source");
  mkdirSync(source);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, name), text);
  const [only, ...others] = Object.keys(files);
  const directory = join(root, "out");
  const report = await importBenchmark({
    benchmark,
    source: others.length > 0 ? source : join(source, only!),
    directory,
    ...more,
  });
  expect(await validateDataset(directory)).toMatchObject({ isValid: true, overlaps: [] });
  const task = await loadTask(directory);
  const samples: Sample[] = [];
  const bySplit: Sample[][] = [];
  for (const split of task.splits) bySplit.push(await task.load(split));
  samples.push(...bySplit.flat());
  for (const sample of samples) {
    // The reference answers are right under the metric that was chosen.
    for (const answer of sample.answers) expect((await task.scorer.score(answer, sample)).value).toBe(1);
  }
  return { report, task, samples, bySplit };
}

describe("each benchmark", () => {
  test("gsm8k: the number behind ####, the working as solution", async () => {
    const text = lines(
      many((i) => ({ question: `What is ${i} thousand?`, answer: `Easy.\n#### ${i + 1},000` })),
    );
    const { task, samples } = await load("gsm8k", { "test.jsonl": text });
    expect(task).toMatchObject({ kind: "math", metric: "exact-number" });
    const sample = samples.find(({ meta }) => meta.sourceIndex === 3)!;
    expect(sample).toMatchObject({ question: "What is 3 thousand?", answers: ["4000"] });
    expect(sample.meta.solution).toContain("Easy.");
  });

  test("gsm-hard: plain decimals, without exponents", async () => {
    const targets = [-9867630.0, 0.5, 1e21, 1.5e-7, 3, 12345678.25, 0, -1, 7, 8];
    const { samples } = await load("gsm-hard", {
      "x.jsonl": lines(targets.map((target, i) => ({ input: `Item ${i}?`, target, code: "" }))),
    });
    const answers = samples
      .sort((a, b) => Number(a.meta.sourceIndex) - Number(b.meta.sourceIndex))
      .map(({ answers }) => answers[0]);
    expect(answers.slice(0, 6)).toEqual([
      "-9867630",
      "0.5",
      "1000000000000000000000",
      "0.00000015",
      "3",
      "12345678.25",
    ]);
  });

  test("mgsm: the language from the file's name, all languages of a problem in one split", async () => {
    const file = (word: string) => many((i) => `${word} ${i} "quoted"\t${i},000`).join("\n");
    const { samples, bySplit } = await load("mgsm", {
      "mgsm_de.tsv": file("Wie viel"),
      "mgsm_bn.tsv": file("কত"),
      "mgsm_en.tsv": `${file("How many")}\n`,
    });
    expect(samples).toHaveLength(30);
    for (const split of bySplit) {
      const problems = new Set(split.map(({ meta }) => meta.sourceIndex));
      expect(split).toHaveLength(problems.size * 3);
      expect(new Set(split.map(({ meta }) => meta.language))).toEqual(new Set(["bn", "de", "en"]));
    }
  });

  test("math-500: expressions stay as they are, with subject and level", async () => {
    const text = lines(
      many((i) => ({
        problem: `Halve ${i}.`,
        solution: "So.",
        answer: `\\frac{${i}}{2}`,
        subject: "Algebra",
        level: 2,
        unique_id: `u${i}`,
      })),
    );
    const { task, samples } = await load("math-500", { "test.jsonl": text });
    expect(task).toMatchObject({ kind: "math", metric: "expression" });
    expect(samples[0]!.meta).toMatchObject({ subject: "Algebra", level: 2 });
    const sample = samples.find(({ question }) => question === "Halve 5.")!;
    expect((await task.scorer.score("$\\boxed{2.5}$", sample)).value).toBe(1);
  });

  test("drop: numbers, spans and dates, all annotations accepted, passages kept together", async () => {
    const passages = many((i) => [
      `p${i}`,
      {
        passage: `Team ${i} won 21 to 7 in May.`,
        qa_pairs: [
          {
            question: "By how many?",
            query_id: "a",
            answer: { number: "14", spans: [], date: {} },
            validated_answers: [{ number: "", spans: ["fourteen points"], date: {} }],
          },
          {
            question: "Who won?",
            query_id: "b",
            answer: { number: "", spans: ["Team", `${i}`], date: { day: "", month: "", year: "" } },
          },
          {
            question: "When?",
            query_id: "c",
            answer: { number: "", spans: [], date: { day: "", month: "May", year: "1990" } },
          },
        ],
      },
    ]);
    const { samples, bySplit } = await load("drop", {
      "dev.json": JSON.stringify(Object.fromEntries(passages)),
    });
    expect(samples.find(({ meta }) => meta.sourceId === "a")).toMatchObject({
      answers: ["14", "fourteen points"],
      meta: { type: "number" },
    });
    expect(samples.find(({ meta }) => meta.sourceId === "b")?.answers[0]).toMatch(/^Team \d$/);
    expect(samples.find(({ meta }) => meta.sourceId === "c")).toMatchObject({
      answers: ["May 1990"],
      meta: { type: "date" },
    });
    for (const split of bySplit)
      expect(split).toHaveLength(3 * new Set(split.map(({ context }) => context)).size);
  });

  test("strategyqa: yes is A, no is B", async () => {
    const { samples } = await load("strategyqa", {
      "train.json": JSON.stringify(
        many((i) => ({
          qid: `q${i}`,
          question: `Is ${i} even?`,
          answer: i % 2 === 0,
          facts: ["A fact."],
          decomposition: ["Step"],
        })),
        null,
        2,
      ),
    });
    for (const { question, answers, choices, meta } of samples) {
      expect(choices).toEqual(["Yes", "No"]);
      expect(answers).toEqual([Number(/\d+/.exec(question)![0]) % 2 === 0 ? "A" : "B"]);
      expect(meta).toMatchObject({ solution: "A fact.", decomposition: ["Step"] });
    }
  });

  test("commonsenseqa: nested as by its authors, flat as on the hub, with a repeated question left out", async () => {
    const nested = many((i) => ({
      id: `n${i}`,
      answerKey: "B",
      question: {
        question_concept: "dog",
        stem: `What barks at ${i}?`,
        choices: [
          { label: "A", text: "cat" },
          { label: "B", text: "dog" },
        ],
      },
    }));
    const flat = {
      id: "f",
      question: "What purrs?",
      question_concept: "cat",
      choices: { label: ["A", "B"], text: ["cat", "dog"] },
      answerKey: "A",
    };
    const { samples, report } = await load("commonsenseqa", {
      "dev.jsonl": lines([...nested, flat, { ...nested[0], id: "again" }]),
    });
    expect(samples).toHaveLength(11);
    expect(report.repeated).toBe(1);
    expect(samples.find(({ meta }) => meta.sourceId === "f")).toMatchObject({
      choices: ["cat", "dog"],
      answers: ["A"],
      meta: { concept: "cat" },
    });
    expect(samples.find(({ meta }) => meta.sourceId === "n3")).toMatchObject({
      question: "What barks at 3?",
      answers: ["B"],
    });
  });

  test("bbh: tasks with free answers alone are numbers, or texts", async () => {
    const numbers = many((i) => ({ input: `((${i} - 3)) =`, target: ` ${i - 3}` }));
    const { task, samples } = await load("bbh", {
      "arithmetic.json": JSON.stringify({ canary: "x", examples: numbers }),
    });
    expect(task).toMatchObject({ kind: "math", metric: "exact-number", instruction: undefined });
    expect(samples.find(({ question }) => question === "((2 - 3)) =")).toMatchObject({
      answers: ["-1"],
      meta: { task: "arithmetic" },
    });
    const brackets = many((i) => ({ input: `Close: ${"< [ ".repeat(i + 1)}`, target: "] > ".repeat(i + 1) }));
    const closed = await load("bbh", { "dyck.json": JSON.stringify({ canary: "x", examples: brackets }) });
    expect(closed.task).toMatchObject({ kind: "text", metric: "exact-match" });
    expect(closed.task.instruction).toMatch(/one line, with single spaces/);
    expect(closed.samples[0]?.instruction).toBe(closed.task.instruction);
    const score = async (answer: string) =>
      (await closed.task.scorer.score(answer, closed.samples.find(({ meta }) => meta.sourceIndex === 0)!))
        .value;
    expect([await score("] >"), await score("] > ] >"), await score("> ]")]).toEqual([1, 0, 0]);
  });

  test("bbh: options from the text, implied ones from the answers; tasks with free answers beside them are left out", async () => {
    const file = (examples: unknown[]) => JSON.stringify({ canary: "x", examples });
    const { samples, report } = await load("bbh", {
      "ordering.json": file(
        many((i) => ({
          input: `Who is first in ${i}?\nOptions:\n(A) Ann\n(B) Bob`,
          target: i % 2 ? "(A)" : "(B)",
        })),
      ),
      "navigate.json": file(
        many((i) => ({
          input: `Turn ${i} times. Back at the start?\nOptions:\n- Yes\n- No`,
          target: i % 4 ? "No" : "Yes",
        })),
      ),
      "boolean.json": file(
        many((i) => ({ input: `not ${i > 4} is`, target: i > 4 ? "False" : "True" })).map((one, i) => ({
          ...one,
          input: `${one.input} (${i})`,
        })),
      ),
      "sorting.json": file(many((i) => ({ input: `Sort: b${i} a`, target: `a b${i}` }))),
    });
    expect(report.leftOut).toEqual(["sorting.json"]);
    expect(new Set(samples.map(({ meta }) => meta.task))).toEqual(
      new Set(["ordering", "navigate", "boolean"]),
    );
    expect(samples.find(({ question }) => question === "Who is first in 1?")).toMatchObject({
      choices: ["Ann", "Bob"],
      answers: ["A"],
    });
    expect(samples.find(({ question }) => question.startsWith("Turn 4"))).toMatchObject({
      choices: ["Yes", "No"],
      answers: ["A"],
    });
    expect(samples.find(({ question }) => question === "not true is (7)")).toMatchObject({
      choices: ["True", "False"],
      answers: ["B"],
    });
  });
});

test("the same seed draws the same splits; sizes can be given", async () => {
  const text = lines(many((i) => ({ question: `What is ${i}?`, answer: `#### ${i}` })));
  const ids = async (seed: number) =>
    (await load("gsm8k", { "a.jsonl": text }, { seed, splits: { validation: 4, test: 6 } })).bySplit.map(
      (split) => split.map(({ question }) => question),
    );
  expect(await ids(1)).toEqual(await ids(1));
  expect(await ids(1)).not.toEqual(await ids(2));
});

describe("what is refused", () => {
  test.each<[string, string, string, RegExp]>([
    ["gsm8k", "a.jsonl", '{"question": "q", "answer": "5"}', /record 1: the answer has no "####"/],
    ["gsm8k", "a.jsonl", '{"question": "q", "answer": "#### 5 or 6"}', /"5 or 6"|5 or 6.* is not one number/],
    ["gsm8k", "a.jsonl", '{"q": 1}', /field "answer" is missing/],
    ["gsm8k", "a.jsonl", "not json", /line 1/],
    ["gsm8k", "a.jsonl", "", /0 items/],
    ["gsm-hard", "a.jsonl", '{"input": "q", "target": "5"}', /field "target" is no number/],
    ["mgsm", "german.tsv", "q\t5", /its name is not mgsm_LANGUAGE\.tsv/],
    ["mgsm", "mgsm_de.tsv", "q 5", /line 1: the answer "" is not one number/],
    ["mgsm", "mgsm_de.tsv", "q\t5\t6", /line 1: expected a question, a tab, a number/],
    ["math-500", "a.jsonl", '{"problem": "p"}', /field "answer" is missing/],
    ["drop", "a.json", "{", /not JSON/],
    ["drop", "a.json", "5", /no object and no list/],
    ["drop", "a.json", '{"p": {"passage": "x"}}', /p: field "qa_pairs"/],
    [
      "drop",
      "a.json",
      '{"p": {"passage": "x", "qa_pairs": [{"question": "q", "answer": {}}]}}',
      /p, question 1: it has no answer/,
    ],
    ["strategyqa", "a.json", '{"question": "q"}', /holds no list/],
    ["strategyqa", "a.json", '[{"question": "q", "answer": "yes"}]', /neither true nor false/],
    [
      "commonsenseqa",
      "a.jsonl",
      '{"question": {"stem": "q", "choices": [{"label": "A", "text": "x"}]}}',
      /field "answerKey"/,
    ],
    [
      "commonsenseqa",
      "a.jsonl",
      '{"answerKey": "C", "question": {"stem": "q", "choices": [{"label": "A", "text": "x"}]}}',
      /answerKey names no option/,
    ],
    [
      "bbh",
      "a.json",
      '{"examples": [{"input": "q\\nOptions:\\n(A) x\\n(B) y", "target": "(C)"}]}',
      /example 1: the target "\(C\)" names no option/,
    ],
    ["bbh", "a.json", '{"examples": []}', /0 items of bbh/],
  ])("%s: %s with %s", async (benchmark, name, text, message) => {
    const root = folder();
    const source = join(root, name);
    writeFileSync(source, text);
    const directory = join(root, "out");
    const error = await importBenchmark({ benchmark, source, directory }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(existsSync(directory)).toBe(false);
  });

  test("a file of more records than a call has arguments", async () => {
    const root = folder();
    const source = join(root, "test.jsonl");
    const row = (i: number) => `{"question": "What is ${i}?", "answer": "#### ${i}"}\n`;
    writeFileSync(source, Array.from({ length: 150_000 }, (_, i) => row(i)).join(""));
    const report = await importBenchmark({ benchmark: "gsm8k", source, directory: join(root, "out") });
    expect(Object.values(report.counts).reduce((sum, count) => sum + count, 0)).toBe(150_000);
  });

  test("an unknown benchmark, an absent file, a folder without files", async () => {
    const directory = join(folder(), "out");
    const attempt = (benchmark: string, source: string) => importBenchmark({ benchmark, source, directory });
    await expect(attempt("gsm9k", "x")).rejects.toThrow(ConfigError);
    await expect(attempt("__proto__", "x")).rejects.toThrow(/unknown benchmark/);
    for (const name of BENCHMARK_NAMES)
      await expect(attempt(name, join(folder(), "gone"))).rejects.toThrow(InputError);
    await expect(attempt("mgsm", folder())).rejects.toThrow(/holds no \.tsv files/);
  });
});
