/** @file Metric tests with a runner that notes what it is given; the sandbox itself is tested in conformance/. */

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import type { ProgramCheck, ProgramRunner } from "../../../src/core/program-runner.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import { makeScorer } from "../../../src/tasks/make-scorer.js";
import type { Sample } from "../../../src/tasks/task.js";
import { visibleTask } from "../../../src/tasks/visible-task.js";

const SAMPLE: Sample = {
  id: "x",
  question: "def f(x):\n",
  prompt: "def f(x):\n",
  entryPoint: "f",
  publicTests: ["assert f(1) == 2"],
  privateTests: "assert f(4711) == 4712\n",
  answers: [],
  meta: {},
};

function runner(check: Partial<ProgramCheck>) {
  const seen: unknown[][] = [];
  const programs: ProgramRunner = {
    run: async () => ({ isOk: true, stdout: "", stderr: "" }),
    check: async (...args) => {
      seen.push(args);
      return { status: "failed", passed: 0, failed: 1, errors: [], reason: "", ...check };
    },
  };
  return { programs, seen };
}

test("the private tests decide, as one piece", async () => {
  const { programs, seen } = runner({ status: "passed", passed: 1, failed: 0 });
  const scorer = makeScorer("tests", {}, { programs });
  expect(await scorer.score("def f(x):\n    return x + 1\n", SAMPLE)).toMatchObject({
    value: 1,
    isCorrect: true,
  });
  expect(seen).toEqual([["def f(x):\n    return x + 1", [SAMPLE.privateTests], { entryPoint: "f" }]]);
});

test("what is told of a failure names no test", async () => {
  const errors = ["assert f(4711) == 4712: AssertionError: got 1, expected 4712"];
  const { programs } = runner({ status: "failed", errors, reason: "AssertionError" });
  const score = await makeScorer("tests", {}, { programs }).score("def f(x):\n    return 1\n", SAMPLE);
  expect(score).toEqual({ value: 0, isCorrect: false, extracted: "failed: AssertionError" });
});

test.each([[""], [null], [17], [{}]])(
  "an answer without a program is wrong and runs nothing: %j",
  async (answer) => {
    const { programs, seen } = runner({ status: "passed" });
    const score = await makeScorer("tests", {}, { programs }).score(answer, SAMPLE);
    expect(score).toEqual({ value: 0, isCorrect: false, extracted: "no program in the answer" });
    expect(seen).toEqual([]);
  },
);

test("without a sandbox the metric is refused, never run elsewhere", () => {
  expect(() => makeScorer("tests")).toThrow(ConfigError);
  expect(() => makeScorer("tests")).toThrow(/needs a sandbox/);
});

test("a workflow sees public tests, and neither private ones nor a solution", () => {
  const seen = visibleTask({ ...SAMPLE, meta: { canonicalSolution: "def f" } });
  expect(seen).toEqual({
    id: "x",
    question: SAMPLE.question,
    prompt: SAMPLE.prompt,
    entryPoint: "f",
    publicTests: SAMPLE.publicTests,
  });
});

test("the shipped code tasks load: 16 items a split, two public tests each", async () => {
  const { programs } = runner({});
  const folder = fileURLToPath(new URL("../../../datasets/code-tasks", import.meta.url));
  const task = await loadTask(folder, { programs });
  for (const split of ["train", "validation", "test"] as const) {
    const samples = await task.load(split);
    expect(samples).toHaveLength(16);
    for (const { publicTests, privateTests, prompt, entryPoint } of samples) {
      expect(publicTests).toHaveLength(2);
      expect(privateTests?.match(/^assert /gm)?.length).toBeGreaterThanOrEqual(4);
      expect(prompt).toContain(`def ${entryPoint}(`);
      // A public test that is also private would be counted twice.
      for (const test of publicTests ?? []) expect(privateTests).not.toContain(test);
    }
  }
});
