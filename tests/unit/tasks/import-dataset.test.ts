/** @file Import of a user's own records. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ConfigError, InputError } from "../../../src/core/errors.js";
import { type ImportOptions, importDataset } from "../../../src/tasks/import-dataset.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import { validateDataset } from "../../../src/tasks/validate-dataset.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

function source(name: string, content: string | Buffer): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

const math = (path: string, more: Partial<ImportOptions> = {}): ImportOptions => ({
  source: path,
  directory: join(folder(), "mine"),
  kind: "math",
  ...more,
});

const rows = Array.from({ length: 20 }, (_, i) =>
  JSON.stringify({ q: `What is ${i} + 1?`, a: `so #### ${i + 1},000`, level: i }),
);
const fields = { question: "q", answer: "a", meta: ["level"] };

test("JSONL with a field map, split by seed", async () => {
  const path = source("r.jsonl", rows.join("\n"));
  const report = await importDataset(
    math(path, { fields, answerAfter: "####", title: "Mine", license: "MIT" }),
  );
  expect(report.counts).toEqual({ train: 12, validation: 4, test: 4 });
  expect(report.manifest).toMatchObject({
    name: "mine",
    title: "Mine",
    kind: "math",
    metric: "exact-number",
    license: "MIT",
  });
  expect(JSON.stringify(report.manifest)).not.toContain(path);
  expect(await validateDataset(report.directory)).toMatchObject({ isValid: true });
  const samples = await (await loadTask(report.directory)).load("train");
  for (const { question, answers, meta } of samples) {
    const number = Number(/\d+/.exec(question)![0]);
    expect(answers).toEqual([`${number + 1}000`]);
    expect(meta).toMatchObject({ level: number, sourceLine: number + 1 });
  }
});

test("the same seed draws the same splits, another seed other ones", async () => {
  const path = source("r.jsonl", rows.join("\n"));
  const train = async (seed: number) => {
    const { directory } = await importDataset(math(path, { fields, answerAfter: "####", seed }));
    return readFileSync(join(directory, "train.jsonl"), "utf8");
  };
  expect(await train(1)).toBe(await train(1));
  expect(await train(1)).not.toBe(await train(2));
});

test("CSV with options in columns and a split column, packed", async () => {
  const csv =
    'question,o1,o2,o3,right,part\n"Red, or blue?",red,blue,,blue,train\nCats?,yes,no,maybe,A,dev\nDogs?,yes,no,maybe,c,test\n';
  const report = await importDataset({
    source: source("r.csv.gz", gzipSync(csv)),
    directory: join(folder(), "c"),
    kind: "choice",
    fields: { choices: ["o1", "o2", "o3"], answer: "right", split: "part" },
  });
  expect(report.counts).toEqual({ train: 1, validation: 1, test: 1 });
  const task = await loadTask(report.directory);
  expect(await task.load("train")).toMatchObject([
    { question: "Red, or blue?", choices: ["red", "blue"], answers: ["B"] },
  ]);
  expect(await task.load("test")).toMatchObject([{ answers: ["C"] }]);
});

test("option numbers, lists of answers, passages, ids", async () => {
  const choice = source("c.jsonl", '{"question":"q","choices":["x","y"],"answer":1}\n');
  const one = { splits: { validation: 1 } };
  const report = await importDataset({
    source: choice,
    directory: join(folder(), "a"),
    kind: "choice",
    answerIndexFrom: 0,
    ...one,
  });
  expect(await (await loadTask(report.directory)).load("validation")).toMatchObject([{ answers: ["B"] }]);
  const qa = source("q.jsonl", '{"question":"q","text":"passage","answer":["x","y"],"key":"k-7"}\n');
  const other = await importDataset({
    source: qa,
    directory: join(folder(), "b"),
    kind: "qa",
    fields: { context: "text", id: "key" },
    ...one,
  });
  expect(await (await loadTask(other.directory)).load("validation")).toMatchObject([
    { id: "k-7", context: "passage", answers: ["x", "y"] },
  ]);
});

describe("refused", () => {
  const twice = source("t.jsonl", `${rows[0]}\n${rows[1]}\n\n${rows[0]!.replace("What is", "what  IS")}\n`);

  test("equal items, by line; or dropped on request", async () => {
    const options = math(twice, { fields, answerAfter: "####" });
    await expect(importDataset(options)).rejects.toThrow("1 items occur more than once: lines 1 and 4");
    const report = await importDataset({
      ...options,
      dropDuplicates: true,
      splits: { train: 1, validation: 1 },
    });
    expect(report).toMatchObject({ dropped: [4], counts: { train: 1, validation: 1 } });
  });

  test.each<[string, string, Partial<ImportOptions>, RegExp]>([
    ["no records", "\n", {}, /^0 items in/],
    [
      "a missing field",
      '{"q":1,"anser":"2"}',
      { fields: { question: "q" } },
      /no field "answer"; it has "q", "anser"/,
    ],
    [
      "an object as question",
      '{"question":{},"answer":"1"}',
      { fields: { question: "question" } },
      /line 1: field "question" is wrong: expected text/,
    ],
    [
      "an answer with no number",
      '{"question":"a","answer":"x"}',
      {},
      /line 1: the answer "x" is not one number/,
    ],
    [
      "an answer with two numbers",
      '{"question":"a","answer":"1 2"}',
      {},
      /line 1: the answer "1 2" is not one number/,
    ],
    [
      "bad JSON",
      '{"question":"a","answer":1}\n{"question"',
      {},
      /line 2: column 12: the JSON text ends too early/,
    ],
    [
      "an empty question",
      '{"question":" ","answer":1}',
      { splits: { test: 1 }, fields: { question: "question" } },
      /line 1: field "question" is empty/,
    ],
    [
      "an odd split name",
      '{"question":"a","answer":1,"s":"tset"}',
      { fields: { split: "s" } },
      /line 1: "tset" is not a split/,
    ],
    [
      "too few items",
      '{"question":"a","answer":1}',
      {},
      /1 items are too few for a train split|too few for a validation split/,
    ],
    [
      "shares above 1",
      '{"question":"a","answer":1}',
      { splits: { train: 0.9, test: 0.9 } },
      /the splits ask for 1.8/,
    ],
    [
      "more than there is",
      '{"question":"a","answer":1}',
      { splits: { train: 5 } },
      /the splits ask for 5 items, but there are 1/,
    ],
    [
      "a split field and sizes",
      '{"question":"a","answer":1}',
      { splits: { train: 1 }, fields: { split: "s" } },
      /not both/,
    ],
  ])("%s", async (_name, content, more, message) => {
    const options = math(source("x.jsonl", content), more);
    const error = await importDataset(options).catch((reason: unknown) => reason);
    expect(error instanceof InputError || error instanceof ConfigError).toBe(true);
    expect((error as Error).message).toMatch(message);
    // Nothing half-written is left.
    expect(() => readdirSync(options.directory)).toThrow();
  });

  test("an option that is none, a format that is unknown, a folder in use", async () => {
    const path = source("c.jsonl", '{"question":"q","choices":["x","y"],"answer":"z"}\n');
    await expect(importDataset(math(path, { kind: "choice" }))).rejects.toThrow(
      'the answer "z" names none of the 2 options',
    );
    await expect(importDataset(math(source("c.txt", "x")))).rejects.toThrow("cannot tell the format");
    const directory = folder();
    writeFileSync(join(directory, "keep.txt"), "");
    const good = source("g.jsonl", '{"question":"q","answer":"1"}\n');
    await expect(importDataset(math(good, { directory, splits: { test: 1 } }))).rejects.toThrow(
      "is not empty",
    );
    expect(readdirSync(directory)).toEqual(["keep.txt"]);
  });
});
