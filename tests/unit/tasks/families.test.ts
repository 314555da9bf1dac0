/** @file Generated families: true answers, plausible slips, and the frozen samples of this package. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { FAMILIES, FROZEN_SAMPLE, generateFamily } from "../../../src/tasks/families.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import { simulatedItems } from "../../../src/tasks/simulated-items.js";
import { validateDataset } from "../../../src/tasks/validate-dataset.js";
import { writeDataset } from "../../../src/tasks/write-dataset.js";
import { INDEPENDENT_SOLVERS } from "../../support/independent-solvers.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const packageDatasets = fileURLToPath(new URL("../../../datasets", import.meta.url));

test("at least eight families, one of them multiple choice, one with text answers, one with a passage", () => {
  expect(FAMILIES.length).toBeGreaterThanOrEqual(8);
  expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  expect(new Set(FAMILIES.map(({ kind }) => kind))).toEqual(new Set(["math", "text", "qa", "choice"]));
  expect(Object.keys(INDEPENDENT_SOLVERS).sort()).toEqual(FAMILIES.map(({ name }) => name).sort());
});

describe.each(FAMILIES.map((family) => [family.name, family] as const))("%s", (name, family) => {
  const problems = Array.from({ length: 300 }, (_, seed) => ({ seed, difficulty: (seed % 11) / 10 }));

  test("the answer is what a second solver finds from the text alone", () => {
    for (const { seed, difficulty } of problems) {
      const item = family.generate(new Random(seed), difficulty);
      expect(INDEPENDENT_SOLVERS[name]!(item), `seed ${seed}: ${item.question}\n${item.context ?? ""}`).toBe(
        item.answer,
      );
    }
  });

  test("slips are wrong under the family's own scorer, and there is at least one", async () => {
    const scorer = makeScorer(family.metric, family.metricOptions);
    for (const { seed, difficulty } of problems) {
      const item = family.generate(new Random(seed), difficulty);
      const sample = {
        id: "x",
        question: item.question,
        answers: [item.answer],
        meta: {},
        ...(item.choices ? { choices: item.choices } : {}),
      };
      expect((await scorer.score(item.answer, sample)).isCorrect, item.question).toBe(true);
      expect(item.distractors.length, `seed ${seed}: ${item.question}`).toBeGreaterThan(0);
      expect(new Set(item.distractors).size).toBe(item.distractors.length);
      for (const slip of item.distractors)
        expect((await scorer.score(slip, sample)).isCorrect, `${slip} to ${item.question}`).toBe(false);
    }
  });

  test("the worked steps reach the answer and grow with difficulty", () => {
    const lengthAt = (difficulty: number): number => {
      let length = 0;
      for (let seed = 0; seed < 60; seed++) {
        const { steps, answer, choices, question, context } = family.generate(new Random(seed), difficulty);
        expect(steps.length).toBeGreaterThan(0);
        const told = choices ? choices[answer.charCodeAt(0) - 65]!.split(" ")[0]! : answer;
        expect(steps.at(-1) + (name === "swaps" ? choices!.join() : ""), question).toContain(told);
        length += steps.join("").length + question.length + (context?.length ?? 0);
      }
      return length;
    };
    expect(lengthAt(1)).toBeGreaterThan(1.2 * lengthAt(0));
  });

  test("the same seed gives the same bytes, another seed other ones", async () => {
    const counts = { train: 5, validation: 5, test: 5 };
    const bytes = async (seed: number) => {
      const directory = join(folder(), name);
      await writeDataset(directory, generateFamily(name, { seed, counts }));
      return readFileSync(join(directory, "test.jsonl"), "utf8");
    };
    expect(await bytes(1)).toBe(await bytes(1));
    expect(await bytes(1)).not.toBe(await bytes(2));
  });

  test("the frozen sample is what the generator makes today", async () => {
    const directory = join(folder(), name);
    await writeDataset(directory, generateFamily(name, FROZEN_SAMPLE));
    let size = 0;
    for (const file of ["dataset.json", "train.jsonl", "validation.jsonl", "test.jsonl"]) {
      const made = readFileSync(join(directory, file), "utf8");
      size += made.length;
      // Run `make build && node scripts/make-family-datasets.mjs` after a wanted change, and raise `version`.
      expect(readFileSync(join(packageDatasets, name, file), "utf8") === made, file).toBe(true);
    }
    // Passages and the sentences that matter in them take room.
    expect(size).toBeLessThan(name === "multi-hop" ? 120_000 : 60_000);
  });

  test("the frozen sample loads, with all difficulties in each split", async () => {
    expect(await validateDataset(join(packageDatasets, name))).toMatchObject({ isValid: true, overlaps: [] });
    const task = await loadTask(name);
    expect(task.family).toBe(name);
    for (const split of task.splits) {
      const samples = await task.load(split);
      expect(samples).toHaveLength(40);
      const levels = simulatedItems(samples).map(({ difficulty }) => difficulty);
      expect(levels).toHaveLength(40);
      expect(levels.filter((level) => level < 0.34).length).toBeGreaterThan(4);
      expect(levels.filter((level) => level > 0.66).length).toBeGreaterThan(4);
    }
  });
});

test("the facts of a multi-hop item stand in its passage, and all of them are needed", () => {
  const family = FAMILIES.find(({ name }) => name === "multi-hop")!;
  const solve = INDEPENDENT_SOLVERS["multi-hop"]!;
  for (let seed = 0; seed < 100; seed++) {
    const { facts, ...item } = family.generate(new Random(seed), (seed % 11) / 10);
    expect(facts!.length).toBe((seed % 11) / 10 < 0.45 ? 2 : 3);
    expect(solve({ ...item, context: facts!.join(" ") })).toBe(item.answer);
    for (const fact of facts!) {
      expect(item.context).toContain(fact);
      expect(() => solve({ ...item, context: item.context!.replace(fact, "") })).toThrow();
    }
  }
});

test("items do not repeat across splits, and an exhausted family says so", () => {
  const { splits } = generateFamily("counting", {
    difficulty: [0, 0.5],
    counts: { train: 100, validation: 100, test: 100 },
  });
  const questions = Object.values(splits).flatMap((lines) => lines.map(({ question }) => question));
  expect(new Set(questions).size).toBe(300);
  expect(() => generateFamily("string-transform", { difficulty: 0, counts: { train: 100_000 } })).toThrow(
    /no more different items/,
  );
});

test.each([
  [{ difficulty: 1.5 }, /difficulty must be/],
  [{ difficulty: [0.5, 0.2] as const }, /difficulty must be/],
  [{ difficulty: Number.NaN }, /difficulty must be/],
  [{ counts: { train: -1 } }, /count of train items/],
  [{ counts: { test: 1.5 } }, /count of test items/],
])("%j is refused", (options, message) => {
  expect(() => generateFamily("swaps", options)).toThrow(ConfigError);
  expect(() => generateFamily("swaps", options)).toThrow(message);
});

test("an unknown family names near ones", () => {
  expect(() => generateFamily("shoping")).toThrow('unknown family "shoping"');
});

test("samples without a family's meta data are no items for the simulated model", () => {
  const sample = { id: "a", question: "q", answers: ["1"], meta: {} };
  expect(simulatedItems([sample, { ...sample, meta: { difficulty: 0.5, distractors: ["2"] } }])).toEqual([
    { question: "q", answer: "1", difficulty: 0.5, distractors: ["2"] },
  ]);
});
