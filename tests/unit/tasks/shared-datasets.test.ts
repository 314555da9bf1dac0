/** @file The loader on real public datasets, where they are present. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { loadTask } from "../../../src/tasks/load-task.js";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import { validateDataset } from "../../../src/tasks/validate-dataset.js";
import { sharedPath } from "../../support/shared.js";

const root = sharedPath("datasets");
// One of each kind; W4S_ALL_DATASETS=1 checks all of them.
const names =
  process.env.W4S_ALL_DATASETS && root
    ? readdirSync(root).filter((name) => !name.includes("."))
    : ["gsm-hard", "bbh", "humaneval", "drop"];

test.skipIf(root === undefined).each(names)(
  "%s is valid (skipped where the shared data are absent)",
  async (name) => {
    const report = await validateDataset(name, { datasetRoots: [root!] });
    expect(report.splits.flatMap(({ error, problems }) => [...(error ? [error] : []), ...problems])).toEqual(
      [],
    );
    expect(report.overlaps).toEqual([]);
    expect(report.isValid).toBe(true);
  },
);

test.skipIf(root === undefined)("a reference answer scores full marks", async () => {
  for (const name of names.filter((name) => !/humaneval|mbpp/.test(name))) {
    const task = await loadTask(name, { datasetRoots: [root!] });
    for (const sample of await task.load("validation")) {
      for (const answer of sample.answers)
        expect((await task.scorer.score(answer, sample)).value, `${sample.id}: ${answer}`).toBe(1);
    }
  }
});

test.skipIf(root === undefined).each<[string, string, number]>([
  ["mgsm", "language", 11],
  ["math-500", "subject", 7],
  ["math-500", "level", 5],
  ["bbh", "task", 8],
])(
  "%s keeps meta.%s for per-group scores (skipped where the shared data are absent)",
  async (name, key, groups) => {
    const task = await loadTask(name, { datasetRoots: [root!] });
    const samples = await task.load("validation");
    expect(new Set(samples.map(({ meta }) => meta[key])).size).toBe(groups);
  },
);

test.skipIf(root === undefined)(
  "numbers of MATH-500 are right under the metric expression too, and wrong for others",
  async () => {
    const task = await loadTask("math-500", { datasetRoots: [root!] });
    const scorer = makeScorer("expression");
    const samples = await task.load("validation");
    for (const [index, sample] of samples.entries()) {
      const [answer = ""] = sample.answers;
      const other = samples[(index + 1) % samples.length]!.answers[0]!;
      expect(scorer.score(`So it is $\\boxed{${answer}}$.`, sample).isCorrect, answer).toBe(true);
      expect(scorer.score(other, sample).isCorrect, `${other} for ${answer}`).toBe(
        Number(other) === Number(answer),
      );
    }
  },
);
