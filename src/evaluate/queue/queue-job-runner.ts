/** @file JobRunner whose jobs are run by workers on any machine; results and payments come back into the run's store. */
import { onAbort } from "../../llm/clock.js";
import type { Job, JobResult, JobRunner } from "../evaluation.js";
import { cutBatches, makeBatch, referTo } from "./queue-batch.js";
import type { QueuePlanInput } from "./queue-plan.js";
import type { RunQueue } from "./run-queue.js";
import type { WorkersHooks } from "./task-workers.js";

export interface QueueJobRunnerOptions extends WorkersHooks {
  queue: RunQueue;
  plan: QueuePlanInput;
  /** Texts that the plan names, by content hash. */
  texts: ReadonlyMap<string, string>;
}

export class QueueJobRunner implements JobRunner {
  readonly #options: QueueJobRunnerOptions;
  /** Violations told of. */
  readonly #told = new Set<string>();

  constructor(options: QueueJobRunnerOptions) {
    this.#options = options;
  }

  /** Lost samples are asked again by the worker, at the end of their batch. */
  async run(
    jobs: readonly Job[],
    { signal, stop = new AbortController(), onDone }: Parameters<JobRunner["run"]>[1] = {},
  ): Promise<JobResult[]> {
    const { stopSignal } = this.#options;
    const results = new Map<string, JobResult>();
    const done = (result: JobResult) => {
      results.set(result.jobId, result);
      onDone?.(result);
    };
    const missing = new Map<string, Job>();
    for (const job of jobs) {
      if (results.has(job.id) || missing.has(job.id)) continue;
      const stored = this.#options.store.getResult(job.id);
      if (stored === undefined) missing.set(job.id, job);
      else done(JSON.parse(stored) as JobResult);
    }
    if (missing.size > 0) {
      const ended = new AbortController();
      const links = [signal, stopSignal, stop.signal].map((one) =>
        one ? onAbort(one, () => ended.abort(one.reason)) : () => {},
      );
      try {
        await this.#perform([...missing.values()], { ended: ended.signal, done });
      } catch (error) {
        // The first fatal error decides for all who share it.
        stop.abort(error);
        throw error;
      } finally {
        for (const unlink of links) unlink();
      }
    }
    return jobs.map((job) => results.get(job.id) as JobResult);
  }

  async #perform(
    jobs: readonly Job[],
    { ended, done }: { ended: AbortSignal; done: (result: JobResult) => void },
  ): Promise<void> {
    const { queue, plan: content } = this.#options;
    ended.throwIfAborted();
    const ids: string[] = [];
    let left = jobs.length;
    let end: () => void = () => {};
    let fail: (error: unknown) => void = () => {};
    const finished = new Promise<void>((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
    // It may fail while batches are still handed out.
    finished.catch(() => {});
    const unlink = onAbort(ended, () => fail(ended.reason));
    const hooks = {
      onResult: (result: JobResult) => {
        done(result);
        if (--left === 0) end();
      },
      onFailure: fail,
    };
    try {
      // Workflows without Python can be run by workers that have none.
      const isPlain = ({ source }: Job) => content.metric !== "tests" && !source.includes("runPython");
      const plain = { ...content, hasPrograms: false, programsHash: null };
      for (const [wanted, own] of [
        [content, jobs.filter((job) => !isPlain(job))],
        [plain, jobs.filter(isPlain)],
      ] as const) {
        if (own.length > 0) await this.#handOut(wanted, own, ended, ids, hooks);
      }
      await finished;
    } catch (error) {
      // What is in flight may finish, so that no paid reply is lost.
      await queue.withdraw(ids, this.#options.signal?.aborted ?? false).catch(() => {});
      throw error;
    } finally {
      unlink();
    }
  }

  async #handOut(
    content: QueuePlanInput,
    jobs: readonly Job[],
    ended: AbortSignal,
    ids: string[],
    hooks: { onResult: (result: JobResult) => void; onFailure: (error: unknown) => void },
  ): Promise<void> {
    const { queue, texts } = this.#options;
    const plan = await queue.openPlan(JSON.stringify(content), texts, (violation) => this.#tell(violation));
    for (const group of cutBatches(jobs)) {
      if (ended.aborted) return;
      const all = new Map<string, string>();
      const refs = [];
      for (const job of group) {
        const { ref, texts: own } = referTo(job, await this.#examplesFor(job));
        for (const [hash, text] of own) all.set(hash, text);
        refs.push(ref);
      }
      const batch = makeBatch(plan.hash, refs);
      ids.push(batch.id);
      await queue.add(plan, batch, all, hooks);
    }
  }

  #tell({ workflow, call, rule, sample }: Parameters<QueueJobRunnerOptions["onViolation"]>[0]): void {
    const name = `${workflow} ${call} ${rule}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#options.onViolation({ workflow, call, rule, sample });
  }

  async #examplesFor({ source, carried }: Job): Promise<unknown> {
    const { examples } = this.#options;
    if (!examples?.isOffered(carried) || !source.includes("examples")) return undefined;
    return await examples.shownTo(source, carried);
  }
}
