/** @file A worker's end of a run's keys: calls that are paid once among all workers, and results of which the first counts. */
import { randomUUID } from "node:crypto";
import { BudgetExceededError, type BudgetKind, messageOf, W4sError } from "../../core/errors.js";
import type { StoredReply, StoredToolCall } from "../../llm/call-store.js";
import { realClock } from "../../llm/clock.js";
import type { JobResult } from "../evaluation.js";
import type { QueueConnection } from "./queue-connection.js";
import { type RunKeys, runKeys } from "./queue-keys.js";
import { type PaidNote, type QueueNote, readStoredReply, storedReply } from "./queue-notes.js";

/** How often a call that somebody else makes is asked for again. */
const POLL_MS = 100;
/** Payments that are kept here for a server that comes back without them. */
const KEPT_PAYMENTS = 2_000;

/** What a call came to: a reply, or a failure with what was billed for it. */
export interface Payment {
  reply?: StoredReply | undefined;
  /** Undefined where nothing is known to be billed. */
  entry?: PaidNote["entry"] | undefined;
  request: PaidNote["request"];
}

type Settlement = Parameters<QueueConnection["redis"]["w4sSettle"]>;

export class SharedCalls {
  readonly keys: RunKeys;
  readonly #connection: QueueConnection;
  readonly #leaseMs: number;
  /** The latest payments, by call. */
  readonly #recent = new Map<string, Settlement>();

  /** @param leaseMs - a claim that is not prolonged for this long is anybody's */
  constructor(connection: QueueConnection, run: string, leaseMs: number) {
    this.#connection = connection;
    this.#leaseMs = leaseMs;
    this.keys = runKeys(run);
    connection.redis.on("ready", this.#assertRecent);
  }

  close(): void {
    this.#connection.redis.off("ready", this.#assertRecent);
  }

  /**
   * The reply of a call: one that is there, one that another worker is asking for, or that of `pay`, which is stored before
   * it is used.
   * @param most - tokens and dollars that it can cost; undefined: it is free, and no limit holds for it
   * @returns the reply, and whether it was paid elsewhere
   * @throws what `pay` throws; {BudgetExceededError} where a limit of the run is reached
   */
  async once(
    key: string,
    most: { tokens: number; dollars: number } | undefined,
    signal: AbortSignal | undefined,
    pay: () => Promise<{ payment: Payment; error?: unknown }>,
  ): Promise<{ reply: StoredReply; isShared: boolean }> {
    const { calls, claims, spent } = this.keys;
    const leaseMs = this.#leaseMs;
    const token = randomUUID();
    const limits = most ? this.keys.limits : `${this.keys.limits}:none`;
    const { tokens = 0, dollars = 0 } = most ?? {};
    for (;;) {
      signal?.throwIfAborted();
      const answer = await this.#connection.patiently((redis) =>
        redis.w4sClaim(calls, claims, limits, spent, key, token, leaseMs, tokens, dollars),
      );
      if (answer[0] === "reply") return { reply: readStoredReply(answer[1]).reply, isShared: true };
      if (answer[0] === "spent")
        throw new BudgetExceededError(answer[1] as BudgetKind, Number(answer[2]), Number(answer[3]));
      if (answer[0] === "yours") break;
      await realClock.sleep(POLL_MS, signal);
    }
    const renewing = setInterval(
      () => {
        this.#connection.redis.w4sRenew(claims, key, token, leaseMs).catch(() => {});
      },
      Math.ceil(leaseMs / 4),
    );
    try {
      const { payment, error } = await pay();
      const kept = await this.#settle(key, token, payment, most === undefined);
      if (payment.reply === undefined) throw error;
      return { reply: kept ?? payment.reply, isShared: false };
    } finally {
      clearInterval(renewing);
    }
  }

  async #settle(
    key: string,
    token: string,
    payment: Payment,
    isFree: boolean,
  ): Promise<StoredReply | undefined> {
    const { reply, entry, request } = payment;
    const id = randomUUID();
    const note = (own: StoredReply | null): string => {
      if (entry === undefined) return "";
      return JSON.stringify({ kind: "paid", id, key, reply: own, entry, request } as QueueNote);
    };
    const { calls, claims, spent, outbox } = this.keys;
    const stored = reply === undefined ? "" : storedReply(id, reply);
    const { promptTokens = 0, completionTokens = 0, dollars = null, requests = 1 } = (!isFree && entry) || {};
    const settlement: Settlement = [
      ...[calls, claims, spent, outbox, key, token, stored, note(reply ?? null), note(null)],
      ...[isFree ? 0 : requests, promptTokens + completionTokens, dollars ?? 0],
    ];
    if (reply) this.#remember(key, settlement);
    const kept = await this.#connection.patiently((redis) => redis.w4sSettle(...settlement));
    return kept === null ? undefined : readStoredReply(kept).reply;
  }

  #remember(key: string, settlement: Settlement): void {
    this.#recent.set(key, settlement);
    if (this.#recent.size > KEPT_PAYMENTS) this.#recent.delete(this.#recent.keys().next().value as string);
  }

  /** A server that was killed may have lost its last second: what was paid in it is said again. What is known changes nothing. */
  readonly #assertRecent = (): void => {
    for (const settlement of this.#recent.values())
      this.#connection.redis.w4sSettle(...settlement).catch(() => {});
  };

  /** Of these jobs the ones whose result is stored. */
  async done(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const known = await this.#connection.patiently((redis) => redis.smismember(this.keys.done, ...ids));
    return new Set(ids.filter((_, index) => known[index] === 1));
  }

  /** Stores a result under the id of its job; the first one counts. That of a lost sample is only told. */
  async putResult(result: JobResult): Promise<void> {
    const { done, outbox } = this.keys;
    const json = JSON.stringify(result);
    if (result.status === "error") await this.tell({ kind: "lost", id: result.jobId, json });
    else {
      const note = JSON.stringify({ kind: "result", id: result.jobId, json } satisfies QueueNote);
      await this.#connection.patiently((redis) => redis.w4sResult(done, outbox, result.jobId, note));
    }
  }

  async tell(note: QueueNote): Promise<void> {
    await this.#connection.patiently((redis) => redis.rpush(this.keys.outbox, JSON.stringify(note)));
  }

  /** The run is told why a batch ended. */
  async tellFailure(batch: string, worker: string, error: unknown, isMissing: boolean): Promise<void> {
    const json = W4sError.is(error) ? error.toJson() : { message: messageOf(error) };
    await this.tell({ kind: "failed", batch, worker, isMissing, error: json });
  }

  async getToolCall(key: string): Promise<StoredToolCall | undefined> {
    const text = await this.#connection.patiently((redis) => redis.hget(this.keys.tools, key));
    return text === null ? undefined : (JSON.parse(text) as StoredToolCall);
  }

  async putToolCall(key: string, call: StoredToolCall): Promise<StoredToolCall> {
    const { tools, outbox } = this.keys;
    const note = JSON.stringify({ kind: "tool", key, call });
    const kept = await this.#connection.patiently((redis) =>
      redis.w4sTool(tools, outbox, key, JSON.stringify(call), note),
    );
    return JSON.parse(kept) as StoredToolCall;
  }
}
