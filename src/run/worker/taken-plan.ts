/** @file A plan that a worker has taken: its batches one by one, each item checked against its name and done once. */
import { W4sError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { type Job, jobId } from "../../evaluate/evaluation.js";
import { type JobRef, type QueueBatch, readBatch } from "../../evaluate/queue/queue-batch.js";
import type { BatchWorker, QueueConnection } from "../../evaluate/queue/queue-connection.js";
import { queueName } from "../../evaluate/queue/queue-keys.js";
import type { QueuePlan } from "../../evaluate/queue/queue-plan.js";
import { unseal } from "../../evaluate/queue/seal.js";
import { SharedCalls } from "../../evaluate/queue/shared-calls.js";
import { linkedController } from "../../llm/clock.js";
import type { WorkflowParts } from "../../records/workflow-parts.js";
import type { Sample } from "../../tasks/task.js";
import { workflowHash } from "../../workflow/workflow-hash.js";
import { type OpenedPlan, openPlan, type WorkerEquipment } from "./open-plan.js";

export interface TakenPlanOptions {
  worker: string;
  /** See WorkerOptions. */
  lockMs: number;
  token: string | undefined;
  onNotice: (message: string) => void;
  /** Called with the number of jobs of each batch that was done. */
  onBatch: (jobs: number) => void;
  signal: AbortSignal;
}

/** Texts of items, workflows and examples that are kept, by content. */
const KEPT_TEXTS = 4_000;

/** A text that the run names and that is not there, or is another one. */
class MissingArtefactError extends W4sError {
  constructor(hash: string, what: string) {
    super("artefact", `artefact ${hash.slice(0, 12)} ${what}`);
  }
}

export class TakenPlan {
  readonly #opened: OpenedPlan;
  readonly #calls: SharedCalls;
  readonly #texts: ArtefactCache;
  readonly #options: TakenPlanOptions;
  readonly #stop: AbortController;
  readonly #worker: BatchWorker;
  #current = 0;
  #batch = "";

  private constructor(
    opened: OpenedPlan,
    hash: string,
    calls: SharedCalls,
    texts: ArtefactCache,
    connection: QueueConnection,
    options: TakenPlanOptions,
    stop: AbortController,
  ) {
    this.#opened = opened;
    this.#calls = calls;
    this.#texts = texts;
    this.#options = options;
    this.#stop = stop;
    const name = queueName(opened.plan.run, hash);
    this.#worker = connection.worker(name, options.lockMs, async (data, putBack) => {
      this.#current++;
      try {
        await this.#work(data, putBack);
      } finally {
        this.#current--;
      }
    });
  }

  /** @throws saying why this worker cannot do it */
  static async open(
    plan: QueuePlan,
    hash: string,
    connection: QueueConnection,
    equipment: WorkerEquipment,
    options: TakenPlanOptions,
  ): Promise<TakenPlan> {
    const calls = new SharedCalls(connection, plan.run, options.lockMs);
    const texts = new ArtefactCache(connection, calls.keys.artefacts);
    const stop = new AbortController();
    let taken: TakenPlan | undefined;
    try {
      const opened = await openPlan(plan, calls, (name) => texts.text(name), equipment, {
        stopSignal: stop.signal,
        onWarning: (message) => {
          options.onNotice(`warning: ${message}`);
          calls.tell({ kind: "warning", message: `worker ${options.worker}: ${message}` }).catch(() => {});
        },
        onViolation: (violation) => {
          calls.tell({ kind: "violation", batch: taken?.batch ?? "", ...violation }).catch(() => {});
        },
      });
      taken = new TakenPlan(opened, hash, calls, texts, connection, options, stop);
      return taken;
    } catch (error) {
      calls.close();
      throw error;
    }
  }

  get isWorking(): boolean {
    return this.#current > 0;
  }

  /** The batch that was begun last. */
  get batch(): string {
    return this.#batch;
  }

  /** Finishes the samples in hand, and gives the rest of its batches back. */
  async close(): Promise<void> {
    this.#stop.abort(new DOMException("the worker stops", "AbortError"));
    await this.#worker.close().catch(() => {});
    this.#calls.close();
    await this.#opened.close();
  }

  async #work(data: string, putBack: () => Promise<never>): Promise<void> {
    const { token, worker, onNotice, onBatch, signal } = this.#options;
    const text = unseal(data, token);
    if (text === undefined) return onNotice("refuses a batch that was not sealed by its run");
    const batch = readBatch(text);
    this.#batch = batch.id;
    const writing: Promise<void>[] = [];
    const { controller: stop, unlink } = linkedController();
    try {
      const jobs = await this.#jobsOf(batch);
      await this.#opened.runner.run(jobs, {
        signal,
        stop,
        onDone: (result) => {
          const written = this.#calls.putResult(result);
          // Told of below, where all of them are waited for.
          written.catch(() => {});
          writing.push(written);
        },
      });
      // Only when all results are stored the batch may leave the queue.
      await Promise.all(writing);
      onBatch(jobs.length);
    } catch (error) {
      await Promise.all(writing);
      if (this.#stop.signal.aborted || signal.aborted) return await putBack();
      await this.#calls.tellFailure(batch.id, worker, error, error instanceof MissingArtefactError);
    } finally {
      unlink();
    }
  }

  /** The jobs of a batch that nobody has done. @throws {MissingArtefactError} where a text is not what its name says */
  async #jobsOf({ jobs }: QueueBatch): Promise<Job[]> {
    const done = await this.#calls.done(jobs.map(({ id }) => id));
    const left = jobs.filter(({ id }) => !done.has(id));
    await this.#texts.fetch(left.flatMap(({ workflow, sample }) => [workflow, sample]));
    return await Promise.all(left.map((ref) => this.#jobOf(ref)));
  }

  async #jobOf(ref: JobRef): Promise<Job> {
    const { id, epoch, seed } = ref;
    const source = await this.#texts.text(ref.workflow);
    const sample = await this.#texts.json<Sample>(ref.sample);
    const carried = ref.carried === null ? undefined : await this.#texts.json<WorkflowParts>(ref.carried);
    const job = { workflowHash: workflowHash(source), source, sample, epoch, carried };
    if (jobId(job, this.#opened.naming) !== id)
      throw new MissingArtefactError(id, "is another job than its name says");
    // What it is shown stands in the place of what it carries.
    const shown = ref.examples === null ? undefined : await this.#texts.json<WorkflowParts>(ref.examples);
    return { id, ...job, carried: shown, seed };
  }
}

/** Texts by their content hash, read once and checked. */
class ArtefactCache {
  readonly #connection: QueueConnection;
  readonly #key: string;
  readonly #texts = new Map<string, string>();
  readonly #parsed = new Map<string, unknown>();

  constructor(connection: QueueConnection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  async text(hash: string): Promise<string> {
    for (;;) {
      const text = this.#texts.get(hash);
      if (text !== undefined) return text;
      await this.fetch([hash]);
    }
  }

  /** The same object each time, so that what is made of it is made once. */
  async json<T>(hash: string): Promise<T> {
    const known = this.#parsed.get(hash) ?? JSON.parse(await this.text(hash));
    this.#parsed.set(hash, known);
    return known as T;
  }

  /** @throws {MissingArtefactError} */
  async fetch(hashes: readonly string[]): Promise<void> {
    const missing = [...new Set(hashes)].filter((hash) => !this.#texts.has(hash));
    if (missing.length === 0) return;
    if (this.#texts.size + missing.length > KEPT_TEXTS) {
      this.#texts.clear();
      this.#parsed.clear();
    }
    const texts = await this.#connection.patiently((redis) => redis.hmget(this.#key, ...missing));
    for (const [index, hash] of missing.entries()) {
      const text = texts[index];
      if (typeof text !== "string") throw new MissingArtefactError(hash, "is not in the queue");
      if (sha256(text) !== hash) throw new MissingArtefactError(hash, "was changed on its way");
      this.#texts.set(hash, text);
    }
  }
}
