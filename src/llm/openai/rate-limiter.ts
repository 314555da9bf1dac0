/**
 * @file One limiter for all lanes of an endpoint: how many calls run at once, how many start per minute,
 * and what everybody does when the server says "too many" or is gone.
 *
 * p-queue holds the lanes (first come, first served, with cancellation). The pauses and the state of the endpoint are kept
 * here, because they change while calls wait; pace.ts decides how many may start.
 */
import PQueue from "p-queue";
import { ConfigError, type ModelCallError } from "../../core/errors.js";
import { Random } from "../../core/random.js";
import { type Clock, linkedController, onAbort, realClock } from "../clock.js";
import { Pace } from "./pace.js";

export interface RateLimiterOptions {
  /** Calls in flight. Default 16. */
  maxConcurrency?: number | undefined;
  /** Starts per minute, evenly spaced. Default: no limit until the server sets one. */
  requestsPerMinute?: number | undefined;
  /** Longest wait a server may ask for, and longest time without any success, ms. Default 120 000. */
  maxWaitMs?: number | undefined;
  /** Longest time without an answer before the first success, ms. Default 5 000. */
  startWaitMs?: number | undefined;
  /** Seed of the jitter. Default 0. */
  seed?: number | undefined;
  clock?: Clock | undefined;
}

/** Until a call has succeeded, a wrong key or model must not cost more than this many calls. */
const LANES_BEFORE_SUCCESS = 3;
/** While the server is gone or limits us hard, one lane probes and the others wait. */
const LANES_IN_OUTAGE = 1;
/** Below 2, so that a server which refuses half of all calls by chance is not waited for ever longer. */
const BACK_OFF = 1.6;
const MAX_PROBE_WAIT_MS = 5_000;
/** Time for which everybody is turned away after a fatal error, ms; then one may try again. */
const FATAL_LATCH_MS = 10_000;

export class RateLimiter {
  readonly maxWaitMs: number;
  readonly clock: Clock;
  readonly #maxConcurrency: number;
  readonly #startWaitMs: number;
  readonly #pace: Pace;
  readonly #random: Random;
  readonly #queue: PQueue;

  #nextStartAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** Waiters at the gate go through one by one, in order. */
  #gate: Promise<void> = Promise.resolve();

  #successCount = 0;
  #outageSince: number | undefined;
  #probesInOutage = 0;
  #limitedSince: number | undefined;
  #fatal: { error: ModelCallError; until: number } | undefined;
  /** Wakes those who wait when a fatal error makes waiting pointless. */
  #wake = new AbortController();

  constructor(options: RateLimiterOptions = {}) {
    this.#maxConcurrency = positive("maxConcurrency", options.maxConcurrency ?? 16);
    if (!Number.isInteger(this.#maxConcurrency))
      throw new ConfigError("maxConcurrency must be a whole number");
    this.#pace = new Pace(
      options.requestsPerMinute === undefined
        ? Number.POSITIVE_INFINITY
        : positive("requestsPerMinute", options.requestsPerMinute) / 60,
    );
    this.maxWaitMs = positive("maxWaitMs", options.maxWaitMs ?? 120_000);
    this.#startWaitMs = Math.min(this.maxWaitMs, positive("startWaitMs", options.startWaitMs ?? 5_000));
    this.clock = options.clock ?? realClock;
    this.#random = new Random(options.seed ?? 0);
    this.#queue = new PQueue({ concurrency: Math.min(LANES_BEFORE_SUCCESS, this.#maxConcurrency) });
  }

  /** Starts per second that are allowed now; Infinity without a limit. */
  get ratePerSecond(): number {
    return this.#pace.perSecond;
  }

  /** Replies that showed a working endpoint. */
  get successCount(): number {
    return this.#successCount;
  }

  /** Milliseconds during which nobody has answered; 0 while the endpoint works. */
  get outageMs(): number {
    return this.#outageSince === undefined ? 0 : this.clock.now() - this.#outageSince;
  }

  /** Longest outage that is waited out: short before the first success, when the address may be wrong. */
  get outageLimitMs(): number {
    return this.#successCount > 0 ? this.maxWaitMs : this.#startWaitMs;
  }

  /** Milliseconds since the first 429 after the last success. */
  get limitedMs(): number {
    return this.#limitedSince === undefined ? 0 : this.clock.now() - this.#limitedSince;
  }

  /**
   * Runs one attempt when a lane is free and the pace allows it.
   * @throws {ModelCallError} the fatal error of another lane; the signal's reason when aborted.
   */
  async run<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return await this.#queue.add(
      async () => {
        await this.#passGate(signal);
        return await attempt();
      },
      { signal },
    );
  }

  /** Waits outside any lane; ends early, with the fatal error, when one occurs elsewhere. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { controller, unlink } = linkedController(signal);
    const wake = this.#wake.signal;
    const unlinkWake = onAbort(wake, () => controller.abort(wake.reason));
    try {
      await this.clock.sleep(ms, controller.signal);
    } finally {
      unlinkWake();
      unlink();
    }
  }

  /** `ms` lengthened by up to a quarter, so that lanes which failed together do not come back together. */
  jitter(ms: number): number {
    return ms * (1 + 0.25 * this.#random.next());
  }

  /** The endpoint answered as it should (also with a refusal or an error about one prompt). */
  succeeded(startedAt: number = this.clock.now()): void {
    this.#successCount++;
    this.#outageSince = undefined;
    this.#probesInOutage = 0;
    this.#limitedSince = undefined;
    this.#queue.concurrency = this.#maxConcurrency;
    this.#pace.answered(startedAt, this.clock.now());
  }

  /** The endpoint answered at all (a 500): no outage. */
  reachable(): void {
    this.#outageSince = undefined;
    this.#probesInOutage = 0;
    this.#queue.concurrency =
      this.#successCount > 0 ? this.#maxConcurrency : Math.min(LANES_BEFORE_SUCCESS, this.#maxConcurrency);
  }

  /**
   * A 429 to a call that started at `startedAt`. Where the limit is new or nobody gets through any more, everybody pauses for
   * `waitMs` or a growing back-off; otherwise the pace of all is what keeps to it.
   * @returns whether this is the first one since the last success.
   */
  limited(waitMs: number | undefined, startedAt: number): boolean {
    const now = this.clock.now();
    const isNew = this.#limitedSince === undefined;
    this.#limitedSince ??= now;
    const isOpenToOthers = this.#pace.isOpenToOthers;
    const rounds = this.#pace.refused(startedAt, now);
    if (rounds > 0) this.#pause(Math.min(this.maxWaitMs / 4, 100 * BACK_OFF ** Math.min(rounds - 1, 16)));
    if (waitMs !== undefined && (rounds > 0 || !isOpenToOthers)) this.#pause(waitMs);
    return isNew;
  }

  /**
   * No connection, or a gateway without its server: everybody waits while one lane probes.
   * @returns whether the outage begins here, and how long it will have lasted at the next probe.
   */
  unavailable(waitMs: number | undefined): { isNew: boolean; outageMs: number } {
    const isNew = this.#outageSince === undefined;
    this.#outageSince ??= this.clock.now();
    this.#queue.concurrency = LANES_IN_OUTAGE;
    const probeWait = Math.min(MAX_PROBE_WAIT_MS, 250 * 2 ** Math.min(this.#probesInOutage++, 8));
    this.#pause(waitMs ?? probeWait);
    return { isNew, outageMs: Math.max(this.#pausedUntil, this.clock.now()) - this.#outageSince };
  }

  /** A fatal error: everybody who waits is turned away with it. */
  fail(error: ModelCallError): void {
    this.#fatal = { error, until: this.clock.now() + FATAL_LATCH_MS };
    this.reachable();
    this.#limitedSince = undefined;
    this.#pausedUntil = Number.NEGATIVE_INFINITY;
    const wake = this.#wake;
    this.#wake = new AbortController();
    wake.abort(error);
  }

  #pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.clock.now() + this.jitter(ms));
  }

  async #passGate(signal: AbortSignal): Promise<void> {
    const before = this.#gate;
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await before;
      for (;;) {
        signal.throwIfAborted();
        const now = this.clock.now();
        if (this.#fatal && now < this.#fatal.until) throw this.#fatal.error;
        const startAt = Math.max(this.#pausedUntil, this.#nextStartAt);
        if (startAt <= now) {
          this.#nextStartAt = Math.max(now, this.#nextStartAt) + 1000 / this.#pace.perSecond;
          this.#pace.started(now);
          return;
        }
        await this.sleep(startAt - now, signal);
      }
    } finally {
      open();
    }
  }
}

function positive(name: string, value: number): number {
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) {
    throw new ConfigError(`${name} is ${value}; it must be a number above 0`);
  }
  return value;
}
