/** @file A run's end of the queue: hands out batches, and takes payments and results into the run's own store. */
import { setTimeout as wait } from "node:timers/promises";
import type { Budget } from "../../core/budget.js";
import { ConfigError, InternalError, QueueError, W4sError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import type { CallStore } from "../../llm/call-store.js";
import type { JobResult } from "../evaluation.js";
import type { QueueBatch } from "./queue-batch.js";
import { type BatchQueue, QueueConnection } from "./queue-connection.js";
import { aliveKey, OPEN_PLANS, queueName, type RunKeys, runKeys } from "./queue-keys.js";
import { type QueueNote, readNote, replyOf, storedReply, toolCallOf } from "./queue-notes.js";
import { seal } from "./seal.js";
import { readAnswers } from "./worker-answers.js";

export interface RunQueueOptions {
  /** Id of the run. */
  run: string;
  store: CallStore;
  budget: Budget;
  /** Secret that workers must share. Default none. */
  token?: string | undefined;
  onWarning: (message: string) => void;
}

/** A task's jobs in the queue. */
export interface OpenPlan {
  hash: string;
  /** As text, sealed. */
  sealed: string;
  queue: BatchQueue;
  /** Texts that all its batches need, such as tools, by content hash. */
  texts: ReadonlyMap<string, string>;
  onViolation: (violation: Extract<QueueNote, { kind: "violation" }>) => void;
}

/** A batch that is not done. */
interface OpenBatch {
  plan: OpenPlan;
  data: string;
  texts: ReadonlyMap<string, string>;
  /** Ids of its jobs without a result. */
  missing: Set<string>;
  onResult: (result: JobResult) => void;
  onFailure: (error: unknown) => void;
  /** Times that it was found gone from the queue. */
  lost: number;
}

/** Time without the server after which the run ends, to be taken up later. */
const PATIENCE_MS = 60_000;
/** A run that says nothing for this long is dead: workers take nothing of it any more. */
const ALIVE_SECONDS = 30;
const HEARTBEAT_MS = 2_000;
/** Keys of a run that died are forgotten after a week. */
const KEPT_SECONDS = 7 * 86_400;
const NOTES_AT_ONCE = 200;
const IDLE_MS = 30;
/** Time for what is in flight when the run is stopped. */
const GRACE_MS = 8_000;
/** How often it is looked whether batches are still there. */
const CHECK_MS = 5_000;
const CHECKED_AT_ONCE = 200;
/** States of a batch that nobody will work on. */
const GONE: ReadonlySet<string> = new Set(["unknown", "failed", "completed"]);
/** A batch that vanished this often ends its jobs as lost samples. */
const MOST_LOSSES = 4;
/** Workers that all refuse end the run after this time. */
const REFUSED_MS = 10_000;

export class RunQueue {
  readonly keys: RunKeys;
  readonly #connection: QueueConnection;
  readonly #options: RunQueueOptions;
  readonly #plans = new Map<string, OpenPlan>();
  readonly #batches = new Map<string, OpenBatch>();
  /** Artefacts that were handed to this server. */
  readonly #published = new Set<string>();
  readonly #told = new Set<string>();
  #pumping: Promise<void> | undefined;
  /** Set when the run ends. */
  #graceEnds: number | undefined;
  /** Throws what ended the pump. */
  #failure: (() => never) | undefined;
  #isClosing = false;
  #checkedAt = 0;
  #heardAt = performance.now();

  private constructor(connection: QueueConnection, options: RunQueueOptions) {
    this.#connection = connection;
    this.#options = options;
    this.keys = runKeys(options.run);
  }

  /**
   * Connects, and takes in what workers paid and found since the run ended last.
   * @throws as QueueConnection.open()
   */
  static async open(url: string, options: RunQueueOptions): Promise<RunQueue> {
    const { onWarning } = options;
    const connection = await QueueConnection.open(url, { onWarning, patienceMs: PATIENCE_MS });
    const queue = new RunQueue(connection, options);
    try {
      while ((await queue.#absorb()) > 0);
      await queue.#prepare();
      queue.#pumping = queue.#pump();
      return queue;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Lets workers see a plan. @param text - JSON; @param texts - artefacts that it names */
  async openPlan(
    text: string,
    texts: ReadonlyMap<string, string>,
    onViolation: OpenPlan["onViolation"],
  ): Promise<OpenPlan> {
    this.#failure?.();
    const hash = sha256(text);
    const known = this.#plans.get(hash);
    if (known) return known;
    const { run, token } = this.#options;
    const queue = this.#connection.queue(queueName(run, hash));
    const plan: OpenPlan = { hash, sealed: seal(text, token), queue, texts, onViolation };
    this.#plans.set(hash, plan);
    await this.#publish(plan);
    return plan;
  }

  /**
   * Hands out a batch, and tells of each result once it is in the run's store.
   * @param onFailure - what stops the run
   */
  async add(
    plan: OpenPlan,
    batch: QueueBatch,
    texts: ReadonlyMap<string, string>,
    hooks: Pick<OpenBatch, "onResult" | "onFailure">,
  ): Promise<void> {
    this.#failure?.();
    if (this.#batches.size === 0) this.#heardAt = performance.now();
    const data = seal(JSON.stringify(batch), this.#options.token);
    const missing = new Set(batch.jobs.map(({ id }) => id));
    const open: OpenBatch = { plan, data, texts, missing, lost: 0, ...hooks };
    this.#batches.set(batch.id, open);
    // Found meanwhile for another batch that asks the same.
    for (const id of [...missing]) {
      const stored = this.#options.store.getResult(id);
      if (stored !== undefined) this.#deliver(id, JSON.parse(stored) as JobResult);
    }
    if (missing.size > 0) await this.#send(batch.id, open);
  }

  /** Nothing of these batches is waited for any more, and their plans are closed; what is in flight may still come, for up to 8 s. */
  async withdraw(ids: readonly string[], isHard: boolean): Promise<void> {
    const open = ids.filter((id) => this.#batches.has(id));
    const plans = new Set(open.map((id) => this.#batches.get(id)!.plan));
    for (const plan of plans) await this.#closePlan(plan.hash);
    for (const id of open)
      await this.#batches
        .get(id)
        ?.plan.queue.remove(id)
        .catch(() => 0);
    if (isHard) this.#graceEnds = 0;
    await this.#untilIdle(plans);
    for (const id of open) this.#batches.delete(id);
  }

  /** Takes in what has come, and leaves nothing of the run in the queue. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#pumping;
    try {
      if (!this.#connection.gone.aborted) await this.#leave();
    } finally {
      for (const { queue } of this.#plans.values()) await queue.close().catch(() => {});
      await this.#connection.close();
    }
  }

  async #leave(): Promise<void> {
    const { redis } = this.#connection;
    for (const hash of this.#plans.keys()) await this.#closePlan(hash);
    // A worker that still has items in hand, as of a batch of an earlier session, would find its calls unpaid.
    await this.#untilIdle(new Set(this.#plans.values()));
    for (const { queue } of this.#plans.values()) await queue.obliterate({ force: true }).catch(() => {});
    while ((await this.#absorb()) > 0);
    const { outbox, ...others } = this.keys;
    await redis.unlink(...Object.values(others));
    // What a worker still has in hand is found there when the run is taken up.
    await redis.expire(outbox, KEPT_SECONDS);
  }

  /** Workers finish the samples that they have in hand, and take no more. */
  async #closePlan(hash: string): Promise<void> {
    const { redis } = this.#connection;
    await redis.srem(OPEN_PLANS, this.#member(hash));
    await redis.del(aliveKey(this.#member(hash)));
  }

  #member(plan: string): string {
    return `${this.#options.run} ${plan}`;
  }

  /** Limits, and all replies that the run has paid: no worker pays one of them again. */
  async #prepare(): Promise<void> {
    const { budget, store } = this.#options;
    await this.#connection.patiently(async (redis) => {
      const { limits, spent, calls } = this.keys;
      await redis.unlink(limits);
      for (const kind of ["calls", "tokens", "dollars"] as const) {
        await redis.hset(spent, kind, budget.used(kind));
        const limit = budget.limits[kind];
        if (limit !== undefined) await redis.hset(limits, kind, limit);
      }
      for (const page of store.replyPages(NOTES_AT_ONCE))
        await redis.hset(
          calls,
          Object.fromEntries(page.map(({ key, reply }) => [key, storedReply("", reply)])),
        );
    });
  }

  async #publish(plan: OpenPlan): Promise<void> {
    await this.#putTexts(plan.texts);
    await this.#connection.patiently(async (redis) => {
      await redis.hset(this.keys.plans, plan.hash, plan.sealed);
      await redis.set(aliveKey(this.#member(plan.hash)), "1", "EX", ALIVE_SECONDS);
      await redis.sadd(OPEN_PLANS, this.#member(plan.hash));
    });
  }

  async #send(id: string, batch: OpenBatch): Promise<void> {
    await this.#putTexts(batch.texts);
    await this.#connection.patiently(async () => {
      await batch.plan.queue.add("batch", batch.data, { jobId: id });
    });
  }

  /** Waits until workers have nothing of these plans in hand, at most 8 s in all. */
  async #untilIdle(plans: ReadonlySet<OpenPlan>): Promise<void> {
    this.#graceEnds ??= performance.now() + GRACE_MS;
    for (const { queue } of plans)
      while (performance.now() < this.#graceEnds && (await queue.getActiveCount()) > 0) await wait(100);
  }

  async #putTexts(texts: ReadonlyMap<string, string>): Promise<void> {
    const fresh = [...texts].filter(([hash]) => !this.#published.has(hash));
    if (fresh.length === 0) return;
    await this.#connection.patiently((redis) => redis.hset(this.keys.artefacts, Object.fromEntries(fresh)));
    for (const [hash] of fresh) this.#published.add(hash);
  }

  /** Until the queue is closed: notes are taken in, the run is said to live, and what vanished is handed out again. */
  async #pump(): Promise<void> {
    let beatAt = 0;
    try {
      while (!this.#isClosing) {
        if (performance.now() - beatAt > HEARTBEAT_MS) {
          beatAt = performance.now();
          await this.#beat();
        }
        if ((await this.#absorb()) === 0) {
          if (performance.now() - this.#checkedAt > CHECK_MS) await this.#check();
          await wait(IDLE_MS);
        }
      }
    } catch (error) {
      this.#fail(this.#connection.gone.aborted ? this.#connection.gone.reason : error);
    }
  }

  async #beat(): Promise<void> {
    const { budget } = this.#options;
    // The other limits are held where calls are claimed: what needs no further call goes on.
    if (budget.used("minutes") >= (budget.limits.minutes ?? Number.POSITIVE_INFINITY)) budget.check();
    await this.#connection.patiently(async (redis) => {
      for (const hash of this.#plans.keys())
        await redis.set(aliveKey(this.#member(hash)), "1", "EX", ALIVE_SECONDS);
      for (const key of Object.values(this.keys)) await redis.expire(key, KEPT_SECONDS);
    });
  }

  /** @returns number of notes that were taken in */
  async #absorb(): Promise<number> {
    const { outbox } = this.keys;
    const texts = await this.#connection.patiently((redis) => redis.lrange(outbox, 0, NOTES_AT_ONCE - 1));
    if (texts.length === 0) return 0;
    for (const text of texts) {
      const note = readNote(text);
      if (note) await this.#take(note);
    }
    // Only what is in the run's store is taken off the list: after a crash a note may come twice, and counts once.
    await this.#connection.patiently((redis) => redis.ltrim(outbox, texts.length, -1));
    this.#heardAt = performance.now();
    return texts.length;
  }

  async #take(note: QueueNote): Promise<void> {
    const { store, budget, onWarning } = this.#options;
    switch (note.kind) {
      case "paid": {
        const { promptTokens, completionTokens, dollars, role } = note.entry;
        const isNew = store.putPayment(note.id, note.key, replyOf(note), note.entry, note.request);
        if (isNew && role !== "weak")
          budget.add({ calls: 1, tokens: promptTokens + completionTokens, dollars: dollars ?? 0 });
        return;
      }
      case "tool":
        store.putToolCall(note.key, toolCallOf(note));
        return;
      case "result":
        this.#deliver(note.id, JSON.parse(store.putResult(note.id, note.json)) as JobResult);
        return;
      case "lost":
        this.#deliver(note.id, JSON.parse(note.json) as JobResult);
        return;
      case "violation":
        this.#batches.get(note.batch)?.plan.onViolation(note);
        return;
      case "warning":
        this.#warnOnce(note.message);
        return;
      case "failed":
        await this.#onFailed(note, onWarning);
    }
  }

  #deliver(job: string, result: JobResult): void {
    for (const [id, batch] of this.#batches) {
      if (!batch.missing.delete(job)) continue;
      if (batch.missing.size === 0) this.#batches.delete(id);
      batch.onResult(result);
    }
  }

  async #onFailed(note: Extract<QueueNote, { kind: "failed" }>, onWarning: (message: string) => void) {
    const batch = this.#batches.get(note.batch);
    if (!batch) return;
    if (note.isMissing && ++batch.lost < MOST_LOSSES) {
      onWarning(`worker ${note.worker} found a part of a batch missing; it is handed out again`);
      await this.#again(note.batch, batch);
      return;
    }
    const { error } = note;
    batch.onFailure(
      "w4sError" in error
        ? W4sError.fromJson(error as unknown as Parameters<typeof W4sError.fromJson>[0])
        : new InternalError(`worker ${note.worker}: ${error.message}`),
    );
  }

  /** What the server lost, by a crash, a flush, or too many stalls, is handed out again from what is here. */
  async #check(): Promise<void> {
    this.#checkedAt = performance.now();
    if (this.#batches.size === 0) return;
    await this.#hearWorkers();
    // The oldest are those that are or were in somebody's hands.
    for (const [id, batch] of [...this.#batches].slice(0, CHECKED_AT_ONCE)) {
      const { queue } = batch.plan;
      const state = await this.#connection.patiently(() => queue.getJobState(id));
      if (!GONE.has(state) || (await this.#absorb()) > 0 || !this.#batches.has(id)) continue;
      // One that stalled too often stays in the queue as a failed one, and would stand in the way of its name.
      await this.#connection.patiently(() => queue.remove(id));
      if (++batch.lost < MOST_LOSSES) await this.#again(id, batch);
      else this.#giveUp(id, batch);
    }
  }

  async #again(id: string, batch: OpenBatch): Promise<void> {
    this.#published.clear();
    await this.#connection.patiently((redis) => redis.srem(this.keys.done, ...batch.missing));
    if ((await this.#connection.patiently((redis) => redis.exists(this.keys.calls))) === 0)
      await this.#prepare();
    await this.#publish(batch.plan);
    await this.#send(id, batch);
  }

  #giveUp(id: string, batch: OpenBatch): void {
    this.#batches.delete(id);
    for (const job of batch.missing) {
      batch.onResult({
        ...{ jobId: job, sampleId: "", status: "error", score: 0, isCorrect: false, extracted: "" },
        ...{ replies: 0, cutReplies: 0, emptyReplies: 0, usage: {}, wallMs: 0 },
        fault: "crashed",
        message: `the workers of its batch died or stood still ${MOST_LOSSES} times`,
      });
    }
  }

  /** Tells of workers that refuse, and ends the run where none takes it. */
  async #hearWorkers(): Promise<void> {
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs > PATIENCE_MS)
      this.#warnOnce("no worker has finished anything for a minute; are they still there?");
    const answers = readAnswers(await this.#connection.redis.hgetall(this.keys.answers));
    for (const plan of new Set([...this.#batches.values()].map(({ plan }) => plan))) {
      const own = answers.filter((answer) => answer.plan === plan.hash);
      const refusals = own.filter(({ refusal }) => refusal !== null);
      for (const { worker, refusal } of refusals) this.#warnOnce(`worker ${worker} refuses: ${refusal}`);
      if (own.length > refusals.length) continue;
      if (refusals.length > 0 && silentMs > REFUSED_MS) {
        const [{ worker, refusal } = { worker: "", refusal: "" }] = refusals;
        throw new ConfigError(`no worker takes this run; ${worker}: ${refusal}`, {
          hint: "start a worker that can (docs/workers.md), then run the same command again",
        });
      }
      if (refusals.length === 0 && silentMs > CHECK_MS)
        this.#warnOnce(
          `no worker has taken work of ${this.#connection.place} yet; start one: w4s worker --queue URL`,
        );
    }
  }

  #warnOnce(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.onWarning(message);
  }

  #fail(error: unknown): void {
    const reason = error ?? new QueueError("the queue is gone");
    this.#failure = () => {
      throw reason;
    };
    for (const batch of this.#batches.values()) batch.onFailure(reason);
    this.#batches.clear();
  }
}
