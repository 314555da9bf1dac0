/** @file How many calls at once a server keeps up with, measured on its replies; calls above that wait on our side. */
import PQueue from "p-queue";
import type { ChatRequest } from "../llm/chat-model.js";
import type { MeteredResult } from "../llm/metered-model.js";

/** Calls one after another that a design is expected to make: a draft, checks of it, and a last word. */
const DESIGN_CALLS = 5;
/** Fewer replies say too little. */
const LEAST_CALLS = 4;
/** A server that serves more than this share of what was sent at once is not the one that makes calls wait. */
const KEEPS_UP = 0.6;

export interface ServerPaceOptions {
  /** Workflows that run at once. */
  concurrency: number;
  /** Time limit of a run, ms. */
  wallMs: number;
  onWarning: (message: string) => void;
}

interface Sent {
  /** Requests on their way when it left, itself included. */
  among: number;
  latencyMs: number;
}

/**
 * Gate before an executor. A server that serves k calls at once makes the others wait, and that waiting is in their latency; where
 * a design of a few calls would so pass the time limit of a run, no more than k calls are sent at once: waiting on our side is nobody's time.
 */
export class ServerPace {
  readonly #options: ServerPaceOptions;
  readonly #lanes = new PQueue();
  #inFlight = 0;
  #sent: Sent[] = [];
  #isWarned = false;

  constructor(options: ServerPaceOptions) {
    this.#options = options;
  }

  /** Most calls at once; infinite until it was lowered. */
  get lanes(): number {
    return this.#lanes.concurrency;
  }

  /**
   * Makes a call when there is room for it.
   * @param call - tells of its attempts as a model does; one that asks nobody tells nothing
   */
  async send<T extends Pick<MeteredResult, "isCached" | "latencyMs">>(
    call: (onAttempt: NonNullable<ChatRequest["onAttempt"]>) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const work = async () => {
      const lanes = this.lanes;
      let among = 0;
      const reply = await call((sentAt) => {
        if (sentAt === undefined) this.#inFlight--;
        else among = ++this.#inFlight;
      });
      const { isCached, latencyMs } = reply;
      // What left before the lanes were lowered says nothing about them.
      if (among > 0 && !isCached && latencyMs !== undefined && lanes === this.lanes)
        this.#note({ among, latencyMs });
      return reply;
    };
    return Number.isFinite(this.lanes) ? await this.#lanes.add(work, { signal }) : await work();
  }

  #note(sent: Sent): void {
    this.#sent.push(sent);
    const most = Math.max(...this.#sent.map(({ among }) => among));
    if (this.#sent.length < Math.max(LEAST_CALLS, most)) return;
    const { wallMs, concurrency } = this.#options;
    // The second of each order: one odd call decides nothing.
    const aloneMs = second(
      this.#sent.map(({ latencyMs }) => latencyMs),
      (a, b) => a - b,
    );
    const served = second(
      this.#sent.map(({ among, latencyMs }) => (among * aloneMs) / Math.max(1, latencyMs)),
      (a, b) => b - a,
    );
    const waitMs = (aloneMs * Math.max(most, Math.min(concurrency, this.lanes))) / served;
    const lanes = Math.max(1, Math.round(served));
    if (served <= KEEPS_UP * most && lanes < this.lanes && DESIGN_CALLS * waitMs > wallMs)
      this.#lower(lanes, waitMs);
    else if (DESIGN_CALLS * aloneMs > wallMs) this.#warnSlow(aloneMs);
  }

  #lower(served: number, waitMs: number): void {
    const { concurrency, wallMs, onWarning } = this.#options;
    const before = Math.min(this.lanes, concurrency);
    this.#lanes.concurrency = served;
    this.#sent = [];
    onWarning(
      `the executor serves about ${served} calls at once, not ${before}: concurrency is lowered to ${served}, since ${DESIGN_CALLS} calls ` +
        `of ${seconds(waitMs)} pass the limit of ${seconds(wallMs)} for a run`,
    );
  }

  #warnSlow(aloneMs: number): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    const { wallMs, onWarning } = this.#options;
    const calls = Math.floor(wallMs / aloneMs);
    onWarning(
      `at ${seconds(aloneMs)} a call a design of more than ${calls} calls one after another cannot finish within ` +
        `${seconds(wallMs)}: raise limits.wallMs (--sample-ms)`,
    );
  }
}

function second(values: readonly number[], order: (a: number, b: number) => number): number {
  return [...values].sort(order)[1]!;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toPrecision(2)} s`;
}
