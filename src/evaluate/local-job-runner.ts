/** @file JobRunner on this machine: sandbox pool, result store, bounded concurrency. */
import { messageOf } from "../core/errors.js";
import type { ProgramRunner } from "../core/program-runner.js";
import { belowCandidate, failSpanAs, withSpan } from "../core/telemetry/spans.js";
import type { CallStore } from "../llm/call-store.js";
import { isLoss } from "../llm/fault-class.js";
import type { WaveGate } from "../llm/wave-gate.js";
import type { Sample, Score, Scorer } from "../tasks/task.js";
import { visibleTask } from "../tasks/visible-task.js";
import type { Sandbox, SandboxLimits } from "../workflow/workflow-run.js";
import type { Job, JobResult, JobRunner } from "./evaluation.js";
import type { TaskExamples } from "./examples/task-examples.js";
import type { Rules } from "./rules.js";
import { runSample } from "./run-sample.js";
import type { ServerPace } from "./server-pace.js";
import { StartWatch } from "./start-watch.js";
import type { ToolBox } from "./tool-box.js";
import { WorkflowAgent, type WorkflowModels } from "./workflow-agent.js";

const MAX_STORED_ANSWER = 2000;
const MAX_STORED_LOG = 4000;

/** Queue that bounds how many jobs run at once. */
export interface JobQueue {
  add<T>(job: () => Promise<T>): Promise<T>;
}

export interface LocalJobRunnerOptions {
  sandbox: Sandbox;
  models: WorkflowModels;
  store: Pick<CallStore, "getResult" | "putResult">;
  scorer: Scorer;
  /** Sandbox of the programs and public tests that workflows run. Default: they may run none. */
  programs?: ProgramRunner | undefined;
  /** Tools that workflows may call. Default none. */
  tools?: ToolBox | undefined;
  rules?: Rules | undefined;
  /** Items of the train split that workflows may be shown. Default: none. */
  examples?: Pick<TaskExamples, "isOffered" | "give"> | undefined;
  /** Gate before the executor. Default none. */
  pace?: ServerPace | undefined;
  /** Gate of waves: told which jobs may still ask. Default none. */
  gate?: WaveGate | undefined;
  /** Called for each call that the rules stopped, once a workflow and rule. */
  onViolation?:
    | ((violation: { workflow: string; call: string; rule: string; sample: string }) => void)
    | undefined;
  limits: Partial<SandboxLimits>;
  maxTokens: number;
  /** Results carry the texts of all replies; part of the settings' hash, since stored results differ. */
  keepReplies?: boolean | undefined;
  /** Where jobs wait for a slot; its concurrency is the number of jobs at once. Runners that share it share the slots. */
  queue: JobQueue;
  /** Called before a sample is run: the simulated executor is handed the item's true solver here. */
  onSample?: ((sample: Sample) => void) | undefined;
  /** Aborted when the user asked for a graceful end: nothing new starts, what is in flight finishes. */
  stopSignal?: AbortSignal | undefined;
}

export class LocalJobRunner implements JobRunner {
  readonly #options: LocalJobRunnerOptions;
  /** Violations told of. */
  readonly #told = new Set<string>();
  readonly #start: StartWatch;

  constructor(options: LocalJobRunnerOptions) {
    this.#options = options;
    this.#start = new StartWatch(options.maxTokens);
  }

  /** What is lost is asked again once, when all others are through. */
  async run(
    jobs: readonly Job[],
    { signal, stop = new AbortController(), onDone }: Parameters<JobRunner["run"]>[1] = {},
  ): Promise<JobResult[]> {
    const results = new Map<string, JobResult>();
    await this.#pass(jobs, { signal, stop }, (result) => {
      results.set(result.jobId, result);
      if (result.status !== "error") onDone?.(result);
    });
    const lost = jobs.filter((job) => results.get(job.id)?.status === "error");
    await this.#pass(lost, { signal, stop }, (result) => {
      results.set(result.jobId, result);
      onDone?.(result);
    });
    if (lost.length > 0) this.#start.check(results.size);
    return jobs.map((job) => results.get(job.id) as JobResult);
  }

  async #pass(
    jobs: readonly Job[],
    { signal, stop }: { signal: AbortSignal | undefined; stop: AbortController },
    onResult: (result: JobResult) => void,
  ): Promise<void> {
    const { queue, stopSignal, gate } = this.#options;
    const begun = new Set<string>();
    const work = async (job: Job, runOnce: () => Promise<JobResult>) => {
      if (begun.has(job.id)) return;
      begun.add(job.id);
      for (const one of [signal, stopSignal, stop.signal]) one?.throwIfAborted();
      try {
        onResult(await runOnce());
      } catch (error) {
        // The first fatal error decides; what is in flight may finish, so that no paid reply is lost.
        stop.abort(error);
        throw error;
      }
    };
    const tasks = jobs.map((job) => {
      const runOnce = belowCandidate(job.workflowHash, () => this.#runInSpan(job, signal));
      return queue.add(() => gate?.busy(() => work(job, runOnce)) ?? work(job, runOnce));
    });
    const failed = (await Promise.allSettled(tasks)).find(({ status }) => status === "rejected");
    if (failed) throw stop.signal.aborted ? stop.signal.reason : (failed as PromiseRejectedResult).reason;
  }

  #tellViolations({ workflowHash, sample }: Job, { violations }: WorkflowAgent): void {
    for (const { call, rule } of violations) {
      const name = `${workflowHash} ${call} ${rule}`;
      if (this.#told.has(name)) continue;
      this.#told.add(name);
      this.#options.onViolation?.({ workflow: workflowHash, call, rule, sample: sample.id });
    }
  }

  /** What is stored is not run, and has no span. */
  async #runInSpan(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
    const stored = this.#options.store.getResult(job.id);
    if (stored !== undefined) {
      const result = JSON.parse(stored) as JobResult;
      this.#start.answered(Object.keys(result.usage));
      return result;
    }
    const names = { "w4s.sample.id": job.sample.id, "w4s.workflow.hash": job.workflowHash };
    return await withSpan("sample", names, async (span) => {
      const result = await this.#runOnce(job, signal);
      const { status, score, fault } = result;
      span.setAttributes({ "w4s.status": status, "w4s.score": status === "error" ? undefined : score });
      if (status !== "ok") failSpanAs(span, fault === undefined ? status : `model-${fault}`);
      return result;
    });
  }

  async #runOnce(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
    const { store, sandbox, models, scorer, programs, tools, limits, maxTokens, onSample, keepReplies } =
      this.#options;
    const { examples } = this.#options;
    const task = visibleTask(job.sample);
    const agent = new WorkflowAgent(models, {
      maxTokens,
      epoch: job.epoch,
      programs: programs && { runner: programs, task },
      tools,
      keepReplies: keepReplies ?? false,
      rules: this.#options.rules,
      instruction: task.instruction,
      examples: examples?.isOffered(job.carried)
        ? (count, options) => examples.give(task, count, options, job.carried)
        : undefined,
      pace: this.#options.pace,
    });
    const base = { jobId: job.id, sampleId: job.sample.id, score: 0, isCorrect: false, extracted: "" };
    try {
      const run = await runSample(job.source, job.sample, {
        sandbox,
        scorer,
        agent,
        seed: job.seed,
        limits,
        signal,
        onSample,
      });
      this.#start.answered(agent.usage.keys());
      const score: Score = run.score ?? { value: 0, isCorrect: false, extracted: "" };
      this.#tellViolations(job, agent);
      const result: JobResult = {
        ...base,
        status: run.status,
        score: score.value,
        isCorrect: score.isCorrect,
        extracted: score.extracted.slice(0, MAX_STORED_ANSWER),
        answer:
          run.status === "ok"
            ? (JSON.stringify(run.answer) ?? "null").slice(0, MAX_STORED_ANSWER)
            : undefined,
        details: score.details,
        message: run.error,
        log: run.log.slice(0, MAX_STORED_LOG) || undefined,
        replies: agent.replies,
        cutReplies: agent.cutReplies,
        emptyReplies: agent.emptyReplies,
        shortPrompts: agent.shortPrompts || undefined,
        transcript: keepReplies ? agent.transcript() : undefined,
        usage: Object.fromEntries([...agent.usage].sort(([a], [b]) => (a < b ? -1 : 1))),
        steps: agent.steps,
        byCode: (run.status === "ok" && agent.isPrinted(run.answer)) || undefined,
        components: score.components,
        tools: agent.toolUses.length > 0 ? agent.toolUses : undefined,
        wallMs: run.wallMs,
      };
      return JSON.parse(store.putResult(job.id, JSON.stringify(result))) as JobResult;
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.#start.answered(agent.usage.keys());
      this.#start.failed(job.id, error);
      return {
        ...base,
        status: "error",
        message: error.hint === undefined ? messageOf(error) : `${messageOf(error)}; ${error.hint}`,
        fault: error.kind,
        replies: agent.replies,
        cutReplies: agent.cutReplies,
        emptyReplies: agent.emptyReplies,
        shortPrompts: agent.shortPrompts || undefined,
        usage: Object.fromEntries(agent.usage),
        wallMs: 0,
      };
    }
  }
}
