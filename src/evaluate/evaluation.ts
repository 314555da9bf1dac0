/** @file Evaluation as a list of jobs (one workflow on one sample); a result is written once and found again. */
import { hashJson } from "../core/hash.js";
import { bootstrapInterval, type Interval, mean, sumOrNull } from "../core/statistics.js";
import type { WorkflowParts } from "../records/workflow-parts.js";
import type { Sample, Task, TextComponent } from "../tasks/task.js";
import type { WorkflowStatus } from "../workflow/workflow-run.js";
import type { ToolUse } from "./tool-box.js";
import type { KeptReply, UsageByRole } from "./workflow-agent.js";

/** One workflow on one sample. The id covers everything that can change the result. */
export interface Job {
  id: string;
  workflowHash: string;
  source: string;
  sample: Sample;
  epoch: number;
  seed: number;
  /** What the workflow brings with it, where it was read with its file. */
  carried?: WorkflowParts | undefined;
}

/** Result of a job, as the store keeps it. `error` (the sample is lost) is never stored: the job is run again on resume. */
export interface JobResult {
  jobId: string;
  sampleId: string;
  status: WorkflowStatus | "error";
  /** 0–1; 0 for every status but "ok". */
  score: number;
  isCorrect: boolean;
  extracted: string;
  /** The returned answer as JSON, cut at 2 000 characters. */
  answer?: string | undefined;
  /** Details of the score, where its metric tells any: parts, counts, the trace of a run. */
  details?: Record<string, unknown> | undefined;
  message?: string | undefined;
  /** Kind of failed call that lost the sample, or that was counted as the workflow's own fault. */
  fault?: string | undefined;
  log?: string | undefined;
  /** Texts that came back, and how many of them were cut at the token limit. */
  replies: number;
  cutReplies: number;
  emptyReplies: number;
  /** Prompts that the server read only in part; absent where there were none. */
  shortPrompts?: number | undefined;
  /** All replies in the order they were asked for, where they are kept. */
  transcript?: KeptReply[] | undefined;
  usage: Record<string, UsageByRole>;
  /** Calls of the agent, programs and tests included; absent in results of older versions. */
  steps?: number | undefined;
  /** The answer is what a program of the workflow printed; absent where it is not. */
  byCode?: boolean | undefined;
  /** Components that the scorer measured beside the score. */
  components?: Partial<Record<TextComponent, number>> | undefined;
  /** Calls of own tools; absent where there were none. */
  tools?: ToolUse[] | undefined;
  wallMs: number;
}

/** Runs jobs somewhere: a local pool now; a queue can join later without a change to callers. */
export interface JobRunner {
  /**
   * Results in the order of the jobs. An id that was run before is not run again.
   * @throws what stops a run: fatal ModelCallError, BudgetExceededError, the signal's reason.
   */
  run(
    jobs: readonly Job[],
    options: {
      signal?: AbortSignal | undefined;
      /** Once aborted nothing new starts, and what is in flight finishes. The first fatal error aborts it, for all who share it. */
      stop?: AbortController | undefined;
      onDone?: ((result: JobResult) => void) | undefined;
    },
  ): Promise<JobResult[]>;
}

/** What the results of one workflow come to. */
export interface Figures {
  workflowHash: string;
  /** Samples that were scored, however often each was repeated; lost ones are not among them. */
  n: number;
  /** Mean score over the scored samples, 0–1. */
  accuracy: number;
  /** Score of each scored sample, the mean of its repetitions. */
  scores: number[];
  /** Means of what the scorer measured beside the score, over the samples that have it; a failed run counts 0. */
  components?: Partial<Record<TextComponent, number>> | undefined;
  results: JobResult[];
  statusCounts: Record<string, number>;
  /** Runs on samples that the executor lost. */
  errors: number;
  emptyReplies: number;
  replies: number;
  cutReplies: number;
  calls: number;
  tokens: number;
  /** Cost of all calls when first paid; null when a price is unknown. */
  dollars: number | null;
}

export interface Evaluation extends Figures {
  /** 95 % bootstrap interval of the accuracy, resampling samples. */
  interval: Interval;
}

/** A workflow the meta-agent is shown, with what validation said about it. */
export interface ShownWorkflow {
  title: string;
  source: string;
  evaluation: Evaluation;
}

/** What the names of jobs are made of beside workflow and sample. */
export interface JobNaming {
  metric: string;
  settingsHash: string;
  seed: number;
  /** Counts for workflows that run Python. */
  programsHash?: string | undefined;
}

/** Name of a job's result, from its content. */
export function jobId(
  { workflowHash, source, sample, epoch, carried }: Omit<Job, "id" | "seed">,
  { metric, settingsHash, seed, programsHash }: JobNaming,
): string {
  const brought = carried ? [hashJson(carried)] : [];
  if (programsHash !== undefined && source.includes("runPython")) brought.push(programsHash);
  return hashJson([...["job-v1", workflowHash, metric, sample, settingsHash, seed, epoch], ...brought]);
}

/** The seed of a job depends on run seed, sample and epoch, not on the workflow: candidates compare fairly. */
export function makeJobs(
  workflow: { hash: string; source: string; carried?: WorkflowParts | undefined },
  samples: readonly Sample[],
  { metric }: Pick<Task, "metric">,
  { epoch = 0, ...settings }: Omit<JobNaming, "metric"> & { epoch?: number },
): Job[] {
  const { hash: workflowHash, source, carried } = workflow;
  const told = (sample: Sample): Sample =>
    carried?.instruction === undefined
      ? sample
      : { ...sample, instruction: sample.instruction ?? carried.instruction };
  return samples.map(told).map((sample) => {
    const job = { workflowHash, source, sample, epoch, carried };
    return {
      id: jobId(job, { metric, ...settings }),
      ...job,
      seed: Number.parseInt(hashJson([settings.seed, sample.id, epoch]).slice(0, 8), 16) & 0x7fffffff,
    };
  });
}

/** Folds job results into the figures of one workflow. */
export function summarize(
  workflowHash: string,
  results: readonly JobResult[],
  seed: number,
  resamples?: number,
): Evaluation {
  const figures = figuresOf(workflowHash, results);
  return { ...figures, interval: bootstrapInterval(figures.scores, seed, resamples) };
}

/** The figures alone, where nobody asks for an interval. */
export function figuresOf(workflowHash: string, results: readonly JobResult[]): Figures {
  const scored = results.filter((result) => result.status !== "error");
  const bySample = new Map<string, number[]>();
  for (const { sampleId, score } of scored)
    bySample.set(sampleId, [...(bySample.get(sampleId) ?? []), score]);
  const scores = [...bySample.values()].map(mean);
  const statusCounts: Record<string, number> = {};
  let calls = 0;
  let tokens = 0;
  for (const result of results) {
    statusCounts[result.status] = (statusCounts[result.status] ?? 0) + 1;
    for (const usage of Object.values(result.usage)) {
      calls += usage.calls;
      tokens += usage.promptTokens + usage.completionTokens;
    }
  }
  return {
    workflowHash,
    n: scores.length,
    accuracy: mean(scores),
    scores,
    ...componentMeans(scored),
    results: [...results],
    statusCounts,
    errors: results.length - scored.length,
    emptyReplies: sumOf(results, "emptyReplies"),
    replies: sumOf(results, "replies"),
    cutReplies: sumOf(results, "cutReplies"),
    calls,
    tokens,
    dollars: sumOrNull(results.flatMap(({ usage }) => Object.values(usage).map(({ dollars }) => dollars))),
  };
}

function componentMeans(scored: readonly JobResult[]): Pick<Evaluation, "components"> {
  const names = new Set(scored.flatMap((result) => Object.keys(result.components ?? {}) as TextComponent[]));
  if (names.size === 0) return {};
  const means = [...names].map((name) => {
    // A text that has no such component (a tune has no coherence) says nothing about it; a run without a text does.
    const measured = scored.filter(
      ({ components, status }) => components?.[name] !== undefined || status !== "ok",
    );
    return [name, mean(measured.map((result) => result.components?.[name] ?? 0))];
  });
  return { components: Object.fromEntries(means) };
}

function sumOf(results: readonly JobResult[], key: "emptyReplies" | "replies" | "cutReplies"): number {
  return results.reduce((sum, result) => sum + (result[key] ?? 0), 0);
}

/** Hash of what an evaluation found, without times: equal at any concurrency. */
export function resultHash(evaluations: readonly Evaluation[]): string {
  return hashJson(
    evaluations.map((evaluation) => ({
      workflow: evaluation.workflowHash,
      results: evaluation.results.map((result) => [
        result.sampleId,
        result.status,
        result.score,
        result.answer ?? null,
        Object.entries(result.usage).map(([role, usage]) => [
          role,
          usage.calls,
          usage.promptTokens,
          usage.completionTokens,
        ]),
      ]),
    })),
  );
}
