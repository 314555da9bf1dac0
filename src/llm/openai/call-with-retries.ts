/** @file Asks again where that can help; every loop has a bound in tries and in time. */
import { ModelCallError } from "../../core/errors.js";
import { CallFailure } from "./call-failure.js";
import type { RateLimiter } from "./rate-limiter.js";

export interface RetryOptions {
  limiter: RateLimiter;
  /** Further tries after failures of the server (500, cut or late answers). */
  maxRetries: number;
  /** Longest attempt, ms. */
  timeoutMs: number;
  /** Longest time of all attempts of this call together, ms; waiting between them does not count. */
  totalTimeoutMs: number;
  signal: AbortSignal;
  /** Called once per outage or limit, with why everybody now waits. */
  onWait?: ((message: string) => void) | undefined;
}

/** A reply that is no JSON is asked for once more. */
const MAX_GARBLED_RETRIES = 1;
const MAX_BACK_OFF_MS = 8_000;

/**
 * @param attempt - gets its timeout in ms; throws CallFailure where the endpoint is to blame
 * @throws {ModelCallError} after the last try; the signal's reason when aborted.
 */
export async function callWithRetries<T>(
  attempt: (timeoutMs: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { limiter, signal } = options;
  const { clock } = limiter;
  let spentMs = 0;
  let failures = 0;
  let garbled = 0;
  let limitedFrom: number | undefined;
  for (;;) {
    const successesBefore = limiter.successCount;
    let startedAt = clock.now();
    let failure: CallFailure;
    try {
      return await limiter.run(async () => {
        startedAt = clock.now();
        try {
          const reply = await attempt(Math.min(options.timeoutMs, options.totalTimeoutMs - spentMs));
          limiter.succeeded(startedAt);
          return reply;
        } finally {
          spentMs += clock.now() - startedAt;
        }
      }, signal);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      failure = error;
    }

    const { error, rule, hint } = failure;
    if (hint?.isDemand && hint.waitMs > limiter.maxWaitMs) {
      throw stop(limiter, waitTooLong(error, hint.waitMs, limiter.maxWaitMs));
    }
    const waitMs = hint && Math.min(hint.waitMs, limiter.maxWaitMs);
    switch (rule) {
      case "never":
        if (error.isFatal) throw stop(limiter, error);
        limiter.succeeded(startedAt);
        throw error;
      case "once":
        limiter.succeeded(startedAt);
        if (garbled++ >= MAX_GARBLED_RETRIES) throw error;
        break;
      case "rate-limit":
        if (limiter.limited(waitMs, startedAt)) options.onWait?.(`${error.message}; slowing down`);
        if (limiter.limitedMs + (waitMs ?? 0) > limiter.maxWaitMs) {
          throw stop(limiter, waitTooLong(error, limiter.limitedMs + (waitMs ?? 0), limiter.maxWaitMs));
        }
        // Others get through all the while.
        limitedFrom ??= startedAt;
        if (clock.now() - limitedFrom > limiter.maxWaitMs) throw withFatal(error, false);
        // Never less than told, also where the others go on; a lane is free meanwhile.
        if (waitMs !== undefined) await limiter.sleep(limiter.jitter(waitMs), signal);
        break;
      case "outage": {
        const { isNew, outageMs } = limiter.unavailable(waitMs);
        // Others get answers while this call never does: then it is this call, and it is counted.
        if (limiter.successCount > successesBefore) failures++;
        if (failures > options.maxRetries) throw withFatal(error, false);
        // A gateway that answers proves the address right, so that its server may take its time to start.
        const limitMs = error.status === undefined ? limiter.outageLimitMs : limiter.maxWaitMs;
        if (outageMs >= limitMs) throw stop(limiter, withFatal(error, true));
        if (isNew) options.onWait?.(`${error.message}; waiting for it to come back`);
        break;
      }
      case "count":
        if (error.kind !== "timeout") limiter.reachable();
        if (failures++ >= options.maxRetries || spentMs >= options.totalTimeoutMs) throw error;
        await limiter.sleep(waitMs ?? limiter.jitter(Math.min(MAX_BACK_OFF_MS, 250 * 2 ** failures)), signal);
        break;
    }
  }
}

/**
 * Asks again without lanes, pauses and limits of time, where each attempt waits its turn by itself.
 * @throws {ModelCallError} after the last try; one that only this call met is not fatal
 */
export async function callAgain<T>(attempt: () => Promise<T>, maxRetries: number): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (error.rule === "never") throw error.error;
      if (failures >= (error.rule === "once" ? MAX_GARBLED_RETRIES : maxRetries))
        throw withFatal(error.error, false);
    }
  }
}

function stop(limiter: RateLimiter, error: ModelCallError): ModelCallError {
  limiter.fail(error);
  return error;
}

/** Copy of an error that ends the run (nobody is served) or only this sample (others are served). */
function withFatal(error: ModelCallError, isFatal: boolean): ModelCallError {
  return new ModelCallError(error.kind, error.message, {
    status: error.status,
    hint: error.hint,
    isRetryable: true,
    isFatal,
    usage: error.usage,
    cause: error,
  });
}

function waitTooLong(error: ModelCallError, waitMs: number, maxWaitMs: number): ModelCallError {
  const wait = Math.round(waitMs / 1000);
  return new ModelCallError(
    error.kind === "rate-limit" ? "rate-limit" : "unreachable",
    `${error.message}; the wait of ${wait} s is longer than the allowed ${Math.round(maxWaitMs / 1000)} s`,
    {
      status: error.status,
      isRetryable: true,
      cause: error,
      hint: "run the same command again later: it goes on where it stopped; or raise --max-wait",
    },
  );
}
