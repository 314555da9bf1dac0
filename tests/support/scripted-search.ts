/** @file A search without processes or models: a policy that reads from a script, and a runner that reads from a table. */
import type { Policy } from "../../src/design/policy.js";
import type { Job, JobResult, JobRunner } from "../../src/evaluate/evaluation.js";
import type { ChatMessage } from "../../src/llm/chat-model.js";
import type { RunEvent } from "../../src/records/run-event.js";
import { Bench, type BenchParts, type BenchSettings } from "../../src/run/bench.js";
import type { Sample, SplitName, Task } from "../../src/tasks/task.js";

/** What a workflow scores on an item; a status stands for a failure. */
export type Cell = number | JobResult["status"];
export type Table = (workflow: string, sample: string) => Cell;

/** Source of a workflow that is called `name` in tables. */
export function workflowNamed(name: string): string {
  return `export default async function workflow(agent, task) {\n  return "${name}";\n}\n`;
}

/** The reply of a policy that writes this workflow. */
export function replyNamed(name: string): string {
  return `One sentence.\n\`\`\`js\n${workflowNamed(name)}\`\`\``;
}

/** Calls of a policy, as it saw them. */
export interface Act {
  prompt: string;
  forced: (readonly string[])[];
  seeds: number[];
  explored: number;
}

/** Answers each draw with the next reply; running out of them is an error, so that no test asks more than it says. */
export class ScriptedPolicy implements Policy {
  readonly info = {
    id: "scripted",
    modelHash: "m",
    tokenizerHash: "t",
    templateHash: "c",
    adapterHash: null,
    device: "none",
  };
  readonly style = "compact" as const;
  readonly canForce: boolean;
  readonly acts: Act[] = [];
  readonly #next: () => string | undefined;

  /** @param replies - in order, or a function that makes the next one */
  constructor(replies: readonly string[] | (() => string), { canForce = false } = {}) {
    const left = typeof replies === "function" ? [] : [...replies];
    this.#next = typeof replies === "function" ? replies : () => left.shift();
    this.canForce = canForce;
  }

  async act(prompt: readonly ChatMessage[], draws: Parameters<Policy["act"]>[1]) {
    this.acts.push({
      prompt: prompt.map(({ content }) => content).join("\n"),
      forced: draws.map(({ forced }) => forced),
      seeds: draws.map(({ seed }) => seed),
      explored: draws.filter(({ forced }) => forced.length > 0).length,
    });
    const actions = draws.map(() => {
      const text = this.#next();
      if (text === undefined) throw new Error("the script of the policy has run out");
      return { text, tokens: [1, 2, 3], finishReason: "stop" };
    });
    return { promptTokens: [7, 8], actions };
  }
}

/** Looks results up; every job it was asked for is kept. */
export class TableRunner implements JobRunner {
  readonly jobs: Job[] = [];
  readonly #table: Table;
  readonly #done = new Map<string, JobResult>();

  constructor(table: Table) {
    this.#table = table;
  }

  async run(jobs: readonly Job[], options: Parameters<JobRunner["run"]>[1]): Promise<JobResult[]> {
    return jobs.map((job) => {
      options.signal?.throwIfAborted();
      const known = this.#done.get(job.id);
      if (known) return known;
      this.jobs.push(job);
      const name = /return "([^"]*)"/.exec(job.source)?.[1] ?? "baseline";
      const cell = this.#table(name, job.sample.id);
      const [status, score] = typeof cell === "number" ? (["ok", cell] as const) : ([cell, 0] as const);
      const result: JobResult = {
        jobId: job.id,
        sampleId: job.sample.id,
        status,
        score,
        isCorrect: score === 1,
        extracted: "",
        answer: JSON.stringify(name),
        ...(status === "ok" ? {} : { message: `${name} ended as ${status}` }),
        replies: 1,
        cutReplies: 0,
        emptyReplies: 0,
        usage: {
          executor: {
            calls: 1,
            cachedCalls: 0,
            promptTokens: 10,
            completionTokens: 5,
            dollars: 0.001,
            latencyMs: 20,
          },
        },
        steps: 1,
        wallMs: 1,
      };
      if (status !== "error") this.#done.set(job.id, result);
      options.onDone?.(result);
      return result;
    });
  }

  /** Names of the workflows that were run on an item, in order. */
  ranOn(sample: string): string[] {
    return this.jobs
      .filter((job) => job.sample.id === sample)
      .map(({ source }) => /return "([^"]*)"/.exec(source)?.[1] ?? "baseline");
  }
}

function samplesOf(split: SplitName, count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${split}/${i}`,
    question: split === "train" ? `Of train ${i}?` : `What is ${i} + ${i}?`,
    answers: [String(2 * i)],
    meta: {},
  }));
}

/** A task of numbers that lies in no file. */
export function madeTask({ splits = ["train", "validation", "test"] as SplitName[], items = 8 } = {}): Task {
  return {
    name: "sums",
    title: "Sums",
    kind: "math",
    metric: "exact-number",
    description: "Add a number to itself.",
    hash: "task-hash",
    scorer: {
      metric: "exact-number",
      score: () => ({ value: 0, isCorrect: false, extracted: "" }),
    },
    splits,
    load: async (split) => samplesOf(split, items),
  };
}

const SETTINGS: BenchSettings = {
  seed: 1,
  turns: 1,
  candidates: 2,
  temperature: 0.8,
  explore: 0,
  maxRepairs: 0,
  screen: 0,
  parent: "last",
  baselines: "direct",
  rewardWeights: undefined,
  reward: "accuracy",
  testLimit: 4,
  resamples: 100,
  settingsHash: "settings",
};

/** A bench on the made-up task, with everything it told. */
export function madeBench(
  table: Table,
  settings: Partial<BenchSettings> = {},
  parts: Partial<BenchParts> = {},
): { bench: Bench; runner: TableRunner; events: RunEvent[] } {
  const events: RunEvent[] = [];
  const runner = new TableRunner(table);
  const bench = new Bench({
    task: madeTask(),
    validation: samplesOf("validation", 8),
    runner,
    settings: { ...SETTINGS, ...settings },
    executor: { id: "made-up", isSimulated: false },
    offers: new Set(),
    tools: [],
    aliases: [],
    approval: { refused: async () => new Set() },
    emit: (event) => void events.push(event),
    signal: undefined,
    ...parts,
  });
  return { bench, runner, events };
}
