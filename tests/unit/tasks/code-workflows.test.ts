/** @file Baselines of code tasks from prompt to score: both sandboxes, scripted models, the shipped data. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeBaselines, weakFirstCode } from "../../../src/evaluate/baselines/code-baselines.js";
import { usualBaselines } from "../../../src/evaluate/baselines/usual-baselines.js";
import { WorkflowRunner } from "../../../src/evaluate/workflow-runner.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";
import { loadTask } from "../../../src/tasks/load-task.js";
import type { Sample, Task } from "../../../src/tasks/task.js";
import { visibleTask } from "../../../src/tasks/visible-task.js";
import { PythonSandbox } from "../../../src/workflow/python/python-sandbox.js";

const folder = fileURLToPath(new URL("../../../datasets/code-tasks", import.meta.url));
const python = new PythonSandbox({ processes: 1, limits: { wallMs: 20_000 } });
const closing: { close(): Promise<void> }[] = [python];
let task: Task;
let sample: Sample;
let right = "";

beforeAll(async () => {
  task = await loadTask(folder, { programs: python });
  sample = (await task.load("train"))[0]!;
  const line = readFileSync(`${folder}/train.jsonl`, "utf8").split("\n")[0]!;
  right = (JSON.parse(line) as { canonicalSolution: string }).canonicalSolution;
});
afterAll(async () => {
  for (const part of closing.reverse()) await part.close();
});

/** Wrong, but with the right name: the public tests tell. */
const wrong = () => `def ${sample.entryPoint}(*args):\n    return 'A1'\n`;
const fenced = (program: string) => `Here it is:\n\`\`\`python\n${program}\`\`\`\n`;

/** Runs a baseline with models that give these replies in order. */
async function play(name: string, strong: string[], weak: string[] = []) {
  const executor = new MockChatModel((request) => strong.splice(0, request.n ?? 1));
  const local = new MockChatModel((request) => weak.splice(0, request.n ?? 1));
  const runner = new WorkflowRunner({ executor, weak: local, programs: python });
  closing.push(runner);
  const seed = [...codeBaselines(), weakFirstCode()].find((candidate) => candidate.name === name);
  const run = await runner.run(seed!.source, visibleTask(sample));
  const prompts = JSON.stringify([...executor.requests, ...local.requests].map(({ messages }) => messages));
  for (const line of sample.privateTests!.trim().split("\n")) expect(prompts).not.toContain(line);
  const score = run.status === "ok" ? await task.scorer.score(run.answer, sample) : undefined;
  return { run, score, prompts, calls: [executor.requests.length, local.requests.length] };
}

test("direct: one call; the answer is scored by the private tests", async () => {
  const good = await play("direct", [fenced(right)]);
  expect(good.score).toMatchObject({ value: 1, extracted: "passes the private tests" });
  expect(good.prompts).toContain(sample.publicTests![0]);
  const bad = await play("direct", [fenced(wrong())]);
  expect(bad.score).toMatchObject({ value: 0, extracted: "failed: AssertionError" });
});

test("generate–test–repair: the failing test and what was got go into the next prompt", async () => {
  const { score, run, prompts, calls } = await play("generate-test-repair", [fenced(wrong()), fenced(right)]);
  expect(score?.isCorrect).toBe(true);
  expect(calls).toEqual([2, 0]);
  expect(run.calls).toEqual({ text: 2, test: 2 });
  expect(prompts).toContain("got 'A1', expected 'C3'");
});

test("weak generator, strong critic", async () => {
  const { score, calls, prompts } = await play(
    "weak-generator-strong-critic",
    [fenced(right)],
    [fenced(wrong())],
  );
  expect(score?.isCorrect).toBe(true);
  expect(calls).toEqual([1, 1]);
  expect(prompts).toContain("A weaker model wrote:");
});

test("several weak programs: the first that passes wins, and the executor is not asked", async () => {
  const drafts = [wrong(), "nonsense", right, wrong()].map(fenced);
  const { score, calls } = await play("weak-ranked-by-tests", [], drafts);
  expect(score?.isCorrect).toBe(true);
  expect(calls).toEqual([0, 1]);
});

test("several weak programs, all wrong: the executor decides", async () => {
  const drafts = ["nonsense", wrong(), "def other():\n    pass\n", ""].map(fenced);
  const { score, calls, prompts } = await play("weak-ranked-by-tests", [fenced(right)], drafts);
  expect(score?.isCorrect).toBe(true);
  expect(calls).toEqual([1, 1]);
  // The draft with most passed tests is the one shown.
  expect(prompts).toContain("The best draft so far:\\ndef seat_label(*args)");
});

test("weak first: the executor is asked where the public tests of the weak program fail", async () => {
  const good = await play("weak-first", [], [fenced(right)]);
  expect(good.score?.isCorrect).toBe(true);
  expect(good.calls).toEqual([0, 1]);
  for (const draft of [fenced(wrong()), "no program"]) {
    const doubtful = await play("weak-first", [fenced(right)], [draft]);
    expect(doubtful.score?.isCorrect).toBe(true);
    expect(doubtful.calls).toEqual([1, 1]);
  }
});

test("agent.runPython takes a program and its input; without a sandbox it is not there", async () => {
  const source = `export default async function workflow(agent) {
  const { ok, stdout, stderr } = await agent.runPython("print(int(input()) * 2)", { stdin: "21" });
  return JSON.stringify([ok, stdout, stderr]);
}`;
  const runner = new WorkflowRunner({ executor: new MockChatModel(() => ""), programs: python });
  const bare = new WorkflowRunner({ executor: new MockChatModel(() => "") });
  closing.push(runner, bare);
  expect(await runner.run(source, { question: "q" })).toMatchObject({
    status: "ok",
    answer: '[true,"42\\n",""]',
  });
  expect(await bare.run(source, { question: "q" })).toMatchObject({ status: "threw" });
});

test("seeds of code tasks are the ones above, each under its own name", () => {
  const names = usualBaselines("code").map(({ name }) => name);
  expect(names).toEqual([
    "direct",
    "generate-test-repair",
    "weak-alone",
    "weak-generator-strong-critic",
    "weak-ranked-by-tests",
  ]);
});
