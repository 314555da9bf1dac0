/** @file agent.examples: items of the train split with answers, never the item at hand, never validation or test items. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import PQueue from "p-queue";
import { describe, expect, it } from "vitest";
import { Budget } from "../../../../src/core/budget.js";
import { BudgetExceededError, ModelCallError } from "../../../../src/core/errors.js";
import { makeJobs } from "../../../../src/evaluate/evaluation.js";
import { ExampleSet } from "../../../../src/evaluate/examples/example-set.js";
import { offersExamples, TaskExamples } from "../../../../src/evaluate/examples/task-examples.js";
import { workedSolutions } from "../../../../src/evaluate/examples/worked-solutions.js";
import { LocalJobRunner } from "../../../../src/evaluate/local-job-runner.js";
import { Rules } from "../../../../src/evaluate/rules.js";
import { WorkflowAgent } from "../../../../src/evaluate/workflow-agent.js";
import { CallStore } from "../../../../src/llm/call-store.js";
import { MeteredModel } from "../../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../../src/llm/mock-chat-model.js";
import { type Example, readWorked } from "../../../../src/records/workflow-parts.js";
import { loadTask } from "../../../../src/tasks/load-task.js";
import type { Task } from "../../../../src/tasks/task.js";
import { visibleTask } from "../../../../src/tasks/visible-task.js";
import { QuickJsSandbox } from "../../../../src/workflow/sandbox/quickjs-sandbox.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();

interface Line {
  id: string;
  question: string;
  answer: string;
  solution?: string;
  choices?: string[];
}

function sums(split: string, count: number, mark = ""): Line[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${split}/${i}`,
    question: `${mark}How much is ${i} plus 7 in ${split}?`,
    answer: String(i + 7),
  }));
}

async function taskOf(
  splits: Partial<Record<"train" | "validation" | "test", Line[]>>,
  about: Record<string, unknown> = {},
): Promise<Task> {
  const directory = join(folder(), "made");
  mkdirSync(directory);
  const files = Object.entries(splits).map(([split, lines]) => {
    writeFileSync(join(directory, `${split}.jsonl`), lines.map((line) => JSON.stringify(line)).join("\n"));
    return [split, { file: `${split}.jsonl` }];
  });
  const manifest = { name: "made", kind: "math", metric: "exact-number", ...about };
  writeFileSync(
    join(directory, "dataset.json"),
    JSON.stringify({ ...manifest, splits: Object.fromEntries(files) }),
  );
  return await loadTask(directory, { allowOverlap: true });
}

/** Executor that adds; `odd` says of a prompt what it does instead. */
function executorOf(odd: (prompt: string) => string | ModelCallError | undefined = () => undefined) {
  const mock = new MockChatModel(({ messages }) => {
    const prompt = messages.at(-1)!.content;
    const found = odd(prompt);
    if (found instanceof Error) throw found;
    const [, a, b] = /(\d+) plus (\d+)/.exec(prompt) ?? [];
    return found ?? `${a} and ${b} are ${Number(a) + Number(b)}.\nThe answer is ${Number(a) + Number(b)}.`;
  });
  const store = CallStore.open(":memory:");
  const meter = (budget: Budget) =>
    new MeteredModel({ model: mock, role: "executor", store, budget, seed: 0 });
  return { mock, store, meter };
}

function examplesOf(
  task: Task,
  executor = executorOf(),
  {
    seed = 0,
    budget = new Budget(),
    rules = undefined as Rules | undefined,
    path = join(folder(), "worked", "a.json"),
  } = {},
) {
  const models = { executor: executor.meter(budget), aliases: new Map() };
  return new TaskExamples({
    task,
    seed,
    workedPath: path,
    solve: (items) =>
      workedSolutions(items, {
        answer: "number",
        scorer: task.scorer,
        agentFor: (sample) =>
          new WorkflowAgent(models, { maxTokens: 64, rules, instruction: sample.instruction }),
        concurrency: 3,
        signal: undefined,
      }),
  });
}

const visibleOf = async (task: Task, split: "train" | "validation" | "test", index = 0) =>
  visibleTask((await task.load(split))[index]!);
const questions = (examples: readonly Example[]) => examples.map(({ question }) => question);

describe("examples drawn by seed", () => {
  it("are the same for every item, other ones with another seed, and hold answers of train items", async () => {
    const task = await taskOf({ train: sums("train", 30), validation: sums("validation", 4) });
    const examples = examplesOf(task);
    const given = await examples.give(await visibleOf(task, "validation"), 5);
    expect(given).toHaveLength(5);
    for (const { question, answer } of given) {
      const [, a] = /How much is (\d+) plus 7 in train/.exec(question)!;
      expect(answer).toBe(String(Number(a) + 7));
    }
    expect(await examples.give(await visibleOf(task, "validation", 3), 5)).toEqual(given);
    const other = await examplesOf(task, executorOf(), { seed: 1 }).give(
      await visibleOf(task, "validation"),
      5,
    );
    expect(questions(other)).not.toEqual(questions(given));
  });

  it("never hold the item at hand, nor one that asks the same", async () => {
    const train = [
      ...sums("train", 6),
      { id: "twin", question: "  how MUCH is 2 plus 7 in train? ", answer: "9" },
    ];
    const task = await taskOf({ train, validation: sums("validation", 2) });
    const examples = examplesOf(task);
    for (const near of [false, true]) {
      const given = await examples.give(await visibleOf(task, "train", 2), 16, { near });
      expect(given).toHaveLength(5);
      expect(questions(given).filter((question) => /2 plus 7/.test(question))).toEqual([]);
    }
  });

  it("show a given solution, the letter of a choice, and the first accepted answer", async () => {
    const choices = ["red", "blue"];
    const task = await taskOf(
      {
        train: [{ id: "a", question: "Sky?", choices, answer: "B", solution: "Look up." }],
        validation: [{ id: "b", question: "Blood?", choices, answer: "A" }],
      },
      { kind: "choice", metric: "choice" },
    );
    expect(await examplesOf(task).give(await visibleOf(task, "validation"), 3)).toEqual([
      { question: "Sky?", choices, answer: "B", solution: "Look up." },
    ]);
  });
});

describe("near examples", () => {
  it("share words with the question, rarest first; ties keep the order drawn", () => {
    const examples = ["a cat sat", "a dog ran", "the cat and the dog", "a bird flew", "a bird sang"].map(
      (question) => ({ question, answer: question }),
    );
    const set = new ExampleSet({ examples });
    const near = (question: string, count: number) =>
      questions(set.give({ id: "x", question }, count, { near: true }));
    expect(near("Where is the cat?", 2)).toEqual(["the cat and the dog", "a cat sat"]);
    expect(near("a bird", 2)).toEqual(["a bird flew", "a bird sang"]);
    expect(near("xylophone", 5)).toEqual(questions(examples));
    expect(near("the cat and the dog", 5)).not.toContain("the cat and the dog");
  });
});

describe("worked examples", () => {
  it("hold the executor's right solutions, made once, and are read again without a call", async () => {
    const task = await taskOf(
      { train: sums("train", 30), validation: sums("validation", 2) },
      { instruction: "Be exact." },
    );
    const executor = executorOf((prompt) => (/is [0-9] plus/.test(prompt) ? "The answer is 1." : undefined));
    const path = join(folder(), "worked", "a.json");
    const examples = examplesOf(task, executor, { path });
    const at = await visibleOf(task, "validation");
    const [given, again] = await Promise.all([
      examples.give(at, 4, { worked: true }),
      examples.give(at, 4, { worked: true }),
    ]);
    expect(given).toEqual(again);
    for (const { question, answer, solution } of given) {
      expect(question).toMatch(/\d\d plus/);
      expect(solution).toMatch(new RegExp(`The answer is ${answer}\\.$`));
    }
    const asked = executor.mock.requests.length;
    const record = readWorked(path)!;
    expect(record).toMatchObject({ version: 1, task: "made", asked, lost: 0 });
    expect(record.solutions).toHaveLength(8);
    // As many are asked as are missing.
    expect(asked).toBeLessThanOrEqual(18);
    expect(executor.mock.requests[0]).toMatchObject({
      temperature: 0,
      messages: [
        { role: "system", content: "Be exact." },
        { role: "user", content: expect.stringContaining("Think step by step.") },
      ],
    });
    const later = executorOf();
    expect(await examplesOf(task, later, { path }).give(at, 4, { worked: true })).toEqual(given);
    expect(later.mock.requests).toEqual([]);
  });

  it("are filled up with plain ones where few are right, after 32 asked; lost and cut ones are no solutions", async () => {
    const task = await taskOf({ train: sums("train", 50), validation: sums("validation", 2) });
    const lost = new ModelCallError("server", "down");
    const executor = executorOf((prompt) => {
      const number = Number(/is (\d+) plus/.exec(prompt)![1]);
      return number % 5 === 0
        ? undefined
        : number % 5 === 1
          ? lost
          : `${"So. ".repeat(number % 5 === 2 ? 600 : 1)}The answer is ${number % 5 === 2 ? number + 7 : 0}.`;
    });
    const path = join(folder(), "w.json");
    const given = await examplesOf(task, executor, { path }).give(await visibleOf(task, "validation"), 16, {
      worked: true,
    });
    const record = readWorked(path)!;
    expect(record.solutions.length).toBeGreaterThan(0);
    expect(record.asked === 32 || record.solutions.length === 8).toBe(true);
    expect(record.lost).toBeGreaterThan(0);
    expect(given).toHaveLength(16);
    expect(new Set(questions(given)).size).toBe(16);
    const solved = given.filter(({ solution }) => solution !== undefined);
    expect(given.slice(0, solved.length)).toEqual(solved);
    expect(solved).toHaveLength(record.solutions.length);
    for (const { question } of solved) expect(Number(/is (\d+)/.exec(question)![1]) % 5).toBe(0);
  });

  it("stop at the budget, keep nothing half, and pay no reply twice afterwards", async () => {
    const task = await taskOf({ train: sums("train", 20), validation: sums("validation", 2) });
    const executor = executorOf();
    const path = join(folder(), "w.json");
    const at = await visibleOf(task, "validation");
    const poor = examplesOf(task, executor, { path, budget: new Budget({ calls: 3 }) });
    await expect(poor.give(at, 2, { worked: true })).rejects.toBeInstanceOf(BudgetExceededError);
    expect(existsSync(path)).toBe(false);
    await examplesOf(task, executor, { path }).give(at, 2, { worked: true });
    expect(executor.mock.requests).toHaveLength(8);
  });

  it("are none where the rules stop the asking", async () => {
    const task = await taskOf({ train: sums("train", 9), validation: sums("validation", 2) });
    const executor = executorOf();
    const rules = new Rules({ forbid: { topics: ["plus"] } });
    const given = await examplesOf(task, executor, { rules }).give(await visibleOf(task, "validation"), 3, {
      worked: true,
    });
    expect(given.map(({ solution }) => solution)).toEqual([undefined, undefined, undefined]);
    expect(executor.mock.requests).toEqual([]);
  });
});

describe("validation and test items", () => {
  const MARK = "XYZZY ";
  it("never appear in examples nor in worked prompts, even where the train split holds copies of them", async () => {
    const validation = sums("validation", 6, MARK);
    const test = sums("test", 6, MARK);
    const copies = (lines: Line[]) => lines.map((line) => ({ ...line, id: `train/copy/${line.id}` }));
    const task = await taskOf({
      train: [...copies(validation), ...sums("train", 6), ...copies(test)],
      validation,
      test,
    });
    const shown: string[] = [];
    const executor = executorOf();
    const examples = examplesOf(task, executor);
    await task.load("test");
    for (const split of ["train", "validation", "test"] as const)
      for (const worked of [false, true])
        for (const near of [false, true])
          shown.push(JSON.stringify(await examples.give(await visibleOf(task, split), 16, { near, worked })));
    expect(shown.join()).toContain("in train");
    expect(shown.join()).not.toContain(MARK);
    expect(executor.mock.requests.length).toBeGreaterThan(0);
    expect(JSON.stringify(executor.mock.requests)).not.toContain(MARK);
  });

  it("are not read for it: a search leaves the test file alone, and withholds its items once it is open", async () => {
    const test = sums("test", 3, MARK);
    const task = await taskOf({
      train: [...sums("train", 3), ...test.map((line) => ({ ...line, id: `c/${line.id}` }))],
      validation: sums("validation", 2),
      test,
    });
    const examples = examplesOf(task);
    const at = await visibleOf(task, "validation");
    await examples.give(at, 16);
    expect([...task.opened!].sort()).toEqual(["train", "validation"]);
    await task.load("test");
    expect(JSON.stringify(await examples.give(at, 16))).not.toContain(MARK);
  });
});

describe("workflows", () => {
  const source = (options: string) =>
    `export default async (agent, task) => JSON.stringify((await agent.examples(2${options})).map(({ question, solution }) => [question, solution ?? ""]));`;

  it("get examples through the runner; what they carry comes before those of the task, and decides the job's id", async () => {
    const task = await taskOf({ train: sums("train", 9), validation: sums("validation", 2) });
    const executor = executorOf();
    await using sandbox = new QuickJsSandbox();
    const runner = new LocalJobRunner({
      sandbox,
      models: { executor: executor.meter(new Budget()), aliases: new Map() },
      store: executor.store,
      scorer: task.scorer,
      examples: examplesOf(task, executor),
      limits: {},
      maxTokens: 64,
      queue: new PQueue({ concurrency: 2 }),
    });
    const run = async (carried?: Parameters<typeof makeJobs>[0]["carried"]) => {
      const workflow = { hash: "h", source: source(", { worked: true }"), carried };
      const jobs = makeJobs(workflow, await task.load("validation"), task, { seed: 0, settingsHash: "s" });
      const results = await runner.run(jobs);
      return {
        ids: jobs.map(({ id }) => id),
        answers: results.map(({ answer, message }) => answer ?? message),
      };
    };
    const own = await run();
    expect(own.answers[0]).toMatch(/in train.*The answer is/);
    const validation = await task.load("validation");
    const carried = {
      format: "w4s-workflow" as const,
      version: 1 as const,
      examples: [
        { question: validation[1]!.question, answer: "8" },
        { question: "Carried?", answer: "3" },
      ],
    };
    const brought = await run(carried);
    expect(brought.ids).not.toEqual(own.ids);
    expect(brought.answers[0]).toContain("Carried?");
    expect(brought.answers.join()).not.toContain(validation[1]!.question);
  });

  it("are offered examples where train items have answers to show, and nowhere else", () => {
    const splits = ["train" as const, "validation" as const];
    expect(offersExamples({ kind: "math", metric: "exact-number", splits })).toBe(true);
    expect(offersExamples({ kind: "text", metric: "exact-match", splits })).toBe(true);
    for (const [kind, metric] of [
      ["code", "tests"],
      ["robot", "robot"],
      ["text", "writing"],
      ["text", "judge"],
      ["qa", "regex"],
    ] as const)
      expect(offersExamples({ kind, metric, splits })).toBe(false);
    expect(offersExamples({ kind: "math", metric: "exact-number", splits: ["validation"] })).toBe(false);
  });
});
