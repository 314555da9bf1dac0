/** @file Pace, pauses and outages of the shared limiter, in virtual time. */
import { describe, expect, test } from "vitest";
import { ConfigError, ModelCallError } from "../../../../src/core/errors.js";
import { CallFailure } from "../../../../src/llm/openai/call-failure.js";
import { callWithRetries } from "../../../../src/llm/openai/call-with-retries.js";
import { RateLimiter, type RateLimiterOptions } from "../../../../src/llm/openai/rate-limiter.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const signal = new AbortController().signal;

function make(options: RateLimiterOptions = {}) {
  const clock = new VirtualClock(0);
  const limiter = new RateLimiter({ clock, ...options });
  /** Runs `count` attempts and gives the virtual times they started at. */
  const starts = async (count: number) => {
    const times: number[] = [];
    await Promise.all(
      Array.from({ length: count }, () =>
        limiter.run(async () => {
          times.push(clock.now());
        }, signal),
      ),
    );
    return times;
  };
  return { clock, limiter, starts };
}

describe("pace", () => {
  test("requests per minute are spaced evenly", async () => {
    const { starts } = make({ requestsPerMinute: 30 });
    expect(await starts(4)).toEqual([0, 2000, 4000, 6000]);
  });

  test("the first 429 pauses everybody for as long as it says", async () => {
    const { clock, limiter, starts } = make({ requestsPerMinute: 600 });
    limiter.succeeded();
    await starts(20); // ten a second
    expect(limiter.ratePerSecond).toBe(10);
    expect(limiter.limited(1000, clock.now())).toBe(true);
    const pausedAt = clock.now();
    const times = await starts(6);
    expect((times[0] ?? 0) - pausedAt).toBeGreaterThanOrEqual(1000);
    expect((times[5] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(490);
  });

  test("the back-off without a hint grows, and has jitter from the seed", async () => {
    const waits = async (seed: number) => {
      const { clock, limiter, starts } = make({ seed });
      const gaps: number[] = [];
      for (let i = 0; i < 4; i++) {
        await clock.sleep(1);
        const from = clock.now();
        limiter.limited(undefined, from);
        await starts(1);
        gaps.push(clock.now() - from);
      }
      return gaps;
    };
    const first = await waits(1);
    expect(first).toEqual(await waits(1));
    expect(first).not.toEqual(await waits(2));
    expect(first[3]).toBeGreaterThan((first[0] ?? 0) * 2.5);
  });
});

test("E4: sixteen lanes at a server that allows five a second start half as often two seconds later", async () => {
  const { clock, limiter } = make();
  limiter.succeeded();
  const starts: number[] = [];
  const attempt = async () => {
    const now = clock.now();
    starts.push(now);
    const isOver = starts.filter((at) => at > now - 1000).length > 5;
    await clock.sleep(50);
    if (isOver) throw new CallFailure("rate-limit", new ModelCallError("rate-limit", "429"));
    return "ok";
  };
  const options = { limiter, maxRetries: 3, timeoutMs: 1000, totalTimeoutMs: 2000, signal };
  const replies = await Promise.all(Array.from({ length: 60 }, () => callWithRetries(attempt, options)));
  expect(replies.every((reply) => reply === "ok")).toBe(true);
  const burst = starts.filter((at) => at < 1000).length;
  const later = starts.filter((at) => at >= 2000 && at < 3000).length;
  expect(burst).toBeGreaterThanOrEqual(16);
  expect(later).toBeLessThanOrEqual(burst / 2);
  expect(starts.length).toBeLessThan(3 * 60);
});

describe("lanes", () => {
  test("three before the first success, all after it, one in an outage", async () => {
    const { limiter, clock } = make({ maxConcurrency: 8 });
    const most = async () => {
      let running = 0;
      let peak = 0;
      await Promise.all(
        Array.from({ length: 20 }, () =>
          limiter.run(async () => {
            peak = Math.max(peak, ++running);
            await clock.sleep(10);
            running--;
          }, signal),
        ),
      );
      return peak;
    };
    expect(await most()).toBe(3);
    limiter.succeeded();
    expect(await most()).toBe(8);
    limiter.unavailable(undefined);
    expect(await most()).toBe(1);
    limiter.reachable();
    expect(await most()).toBe(8);
  });

  test("an aborted waiter leaves, the others go on", async () => {
    const { limiter, starts } = make({ requestsPerMinute: 60 });
    await starts(1);
    const controller = new AbortController();
    const waiter = expect(limiter.run(async () => "never", controller.signal)).rejects.toThrow("gone");
    const other = limiter.run(async () => "done", signal);
    controller.abort(new Error("gone"));
    await waiter;
    expect(await other).toBe("done");
  });

  test("a fatal error turns away all who wait, for a while", async () => {
    const { clock, limiter } = make();
    limiter.unavailable(60_000);
    const waiting = [0, 1, 2, 3, 4].map(() => limiter.run(async () => "never", signal));
    const sleeping = limiter.sleep(60_000, signal);
    const error = new ModelCallError("auth", "no");
    const turnedAway = Promise.all(
      [...waiting, sleeping].map((promise) => expect(promise).rejects.toBe(error)),
    );
    limiter.fail(error);
    await turnedAway;
    expect(clock.now()).toBeLessThan(60_000);
    await expect(limiter.run(async () => "never", signal)).rejects.toBe(error);
    await clock.sleep(10_001);
    expect(await limiter.run(async () => "again", signal)).toBe("again");
  });

  test("outage and limit are timed from the first failure after a success", async () => {
    const { clock, limiter } = make({ startWaitMs: 3000 });
    expect(limiter.outageLimitMs).toBe(3000);
    expect(limiter.unavailable(0).isNew).toBe(true);
    await clock.sleep(500);
    expect(limiter.unavailable(2000)).toMatchObject({ isNew: false });
    expect(limiter.unavailable(2000).outageMs).toBeGreaterThanOrEqual(2500);
    expect(limiter.outageMs).toBe(500);
    limiter.succeeded();
    expect(limiter.outageMs).toBe(0);
    expect(limiter.outageLimitMs).toBe(120_000);
    limiter.limited(0, clock.now());
    await clock.sleep(700);
    expect(limiter.limitedMs).toBe(700);
  });
});

test.each([
  { maxConcurrency: 0 },
  { maxConcurrency: 1.5 },
  { requestsPerMinute: -1 },
  { maxWaitMs: Number.NaN },
  { startWaitMs: Number.POSITIVE_INFINITY },
])("refuses %o", (options) => {
  expect(() => new RateLimiter(options)).toThrow(ConfigError);
});
