/** @file Everything an episode works with: task, items, runner, policy, log. Built once per run. */

import type { RewardName, RewardWeights } from "../config/reward-shares.js";
import type { ApprovalGate } from "../evaluate/approval.js";
import {
  type Evaluation,
  type JobRunner,
  makeJobs,
  type ShownWorkflow,
  summarize,
} from "../evaluate/evaluation.js";
import type { OnRunEvent } from "../records/run-event.js";
import type { TrajectoryLog } from "../records/trajectory.js";
import type { Sample, Task } from "../tasks/task.js";
import { extractWorkflow } from "../workflow/reading/extract-workflow.js";
import type { ToolCard } from "../workflow/tool.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import type { ParentChoice } from "./choose-parent.js";
import type { Policy } from "./policy.js";
import type { PolicyState } from "./policy-state.js";

export interface Workbench {
  task: Task;
  card: PolicyState["task"];
  offers: ReadonlySet<string>;
  /** Own tools of the user. */
  tools: readonly ToolCard[];
  models: readonly string[];
  /** The seeded, fixed validation set; its head is the screening set, its first item the quick check. */
  validation: readonly Sample[];
  runner: JobRunner;
  policy: Policy;
  log: TrajectoryLog;
  reward: RewardName;
  /** Of the composite reward; by default DEFAULT_REWARD_WEIGHTS. */
  rewardWeights?: RewardWeights | undefined;
  settings: {
    seed: number;
    /** Seed of what is drawn in episodes: forced techniques, candidates, parents. Default of commands: seed. */
    drawSeed: number;
    parent: ParentChoice;
    /** Hash over executors, limits and defaults: part of every job id. */
    settingsHash: string;
    /** Bootstrap resamples of every interval. */
    resamples: number;
    turns: number;
    candidates: number;
    temperature: number;
    explore: number;
    maxRepairs: number;
    /** Size of the screening set; 0 = no screening. */
    screen: number;
  };
  /** Asked before a newly designed workflow first runs. */
  approval?: Pick<ApprovalGate, "refused">;
  onEvent: OnRunEvent;
  signal?: AbortSignal;
}

/** A piece of workflow source under its content hash. */
export interface Workflow {
  hash: string;
  source: string;
}

/** The workflow in a reply, or why there is none. */
export function workflowOf(reply: string): { workflow: Workflow } | { failure: string } {
  const extracted = extractWorkflow(reply);
  if (!extracted.ok) return { failure: extracted.error };
  return { workflow: { hash: workflowHash(extracted.source), source: extracted.source } };
}

/**
 * Runs several workflows on the same samples, all their jobs in one queue.
 * @returns one evaluation per workflow, in order
 */
export async function evaluateAll(
  bench: Pick<Workbench, "task" | "runner" | "settings" | "onEvent" | "signal">,
  workflows: readonly Workflow[],
  samples: readonly Sample[],
  what: string,
  epoch = 0,
): Promise<Evaluation[]> {
  const { task, runner, settings, onEvent, signal } = bench;
  const jobs = workflows.flatMap((workflow) => makeJobs(workflow, samples, task, { ...settings, epoch }));
  let done = 0;
  onEvent({ type: "job-done", done, total: jobs.length, what });
  const results = await runner.run(jobs, {
    ...(signal ? { signal } : {}),
    onDone: () => onEvent({ type: "job-done", done: ++done, total: jobs.length, what }),
  });
  return workflows.map((workflow, index) =>
    summarize(
      workflow.hash,
      results.slice(index * samples.length, (index + 1) * samples.length),
      settings.seed,
      settings.resamples,
    ),
  );
}

/** Order of merit: accuracy, then fewer tokens, then the hash, so that no tie is left to chance. */
export function compareEvaluations(a: Evaluation, b: Evaluation): number {
  return b.accuracy - a.accuracy || a.tokens - b.tokens || (a.workflowHash < b.workflowHash ? -1 : 1);
}

export function shown(title: string, workflow: Workflow, evaluation: Evaluation): ShownWorkflow {
  return { title, source: workflow.source, evaluation };
}
