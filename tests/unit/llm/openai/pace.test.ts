/** @file Calls a second that a limiter keeps at servers which refuse by chance or above a rate, in virtual time. */
import { setMaxListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { ModelCallError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { CallFailure } from "../../../../src/llm/openai/call-failure.js";
import { callWithRetries } from "../../../../src/llm/openai/call-with-retries.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const SECONDS = 60;
const SEEDS = [1, 2];

interface Server {
  /** Decides at a time in ms whether a call is let through; `retryAfterMs` tells a refused one how long to wait. */
  admits(now: number): boolean;
  retryAfterMs?(now: number): number | undefined;
}

const byChance = (share: number, seed: number, retryAfterMs: number | undefined): Server => {
  const random = new Random(seed);
  return { admits: () => !random.chance(share), retryAfterMs: () => retryAfterMs };
};

/** A bucket of `burst` calls that fills at `perSecond`. */
const bucket = (perSecond: number, burst: number): Server => {
  let level = burst;
  let at = 0;
  return {
    admits: (now) => {
      level = Math.min(burst, level + ((now - at) / 1000) * perSecond);
      at = now;
      if (level < 1) return false;
      level--;
      return true;
    },
  };
};

/** At most `calls` in any `windowMs`; refused ones count too where `countsRefused`. */
const sliding = (calls: number, windowMs: number, countsRefused = false): Server => {
  let times: number[] = [];
  return {
    admits: (now) => {
      times = times.filter((at) => at > now - windowMs);
      const isAdmitted = times.length < calls;
      if (isAdmitted || countsRefused) times.push(now);
      return isAdmitted;
    },
    retryAfterMs: (now) => Math.ceil(((times[0] ?? now) + windowMs - now) / 1000) * 1000,
  };
};

const fixed = (calls: number, windowMs: number): Server => {
  let window = -1;
  let count = 0;
  return {
    admits: (now) => {
      const current = Math.floor(now / windowMs);
      if (current !== window) count = 0;
      window = current;
      return count++ < calls;
    },
    retryAfterMs: (now) => (Math.floor(now / windowMs) + 1) * windowMs - now,
  };
};

/** Answered calls of `SECONDS`, with `lanes` callers that ask without a pause. */
async function minute(server: Server, lanes: number, latencyMs: number, tells = true) {
  const clock = new VirtualClock(0);
  const limiter = new RateLimiter({ clock, maxConcurrency: lanes });
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  let answered = 0;
  const attempt = async () => {
    const now = clock.now();
    const isAdmitted = server.admits(now);
    // Refusals come sooner than answers.
    await clock.sleep(isAdmitted ? latencyMs : latencyMs / 4);
    if (isAdmitted) {
      answered++;
      return;
    }
    const waitMs = tells ? server.retryAfterMs?.(now) : undefined;
    throw new CallFailure("rate-limit", new ModelCallError("rate-limit", "429"), {
      hint: waitMs === undefined ? undefined : { waitMs, isDemand: true },
    });
  };
  const options = { limiter, maxRetries: 3, timeoutMs: 1e6, totalTimeoutMs: 2e6, signal: stop.signal };
  let error: unknown;
  const callers = Array.from({ length: lanes }, async () => {
    while (!stop.signal.aborted) await callWithRetries(attempt, options);
  });
  const all = Promise.all(callers).catch((reason: unknown) => {
    if (!stop.signal.aborted) error = reason;
  });
  await clock.sleep(SECONDS * 1000);
  const result = answered;
  stop.abort(new Error("over"));
  await all;
  expect(error).toBeUndefined();
  return result;
}

const LANES = [
  [16, 400],
  [16, 100],
  [4, 200],
  [1, 300],
] as const;

describe.each(LANES)("%i lanes, answers in %i ms", (lanes, latencyMs) => {
  // What these lanes can do at a server that refuses this share, with the time that refusals and the waits they ask for take.
  test.each<[number, number | undefined]>([
    [0, undefined],
    [0.1, undefined],
    [0.25, undefined],
    [0.5, undefined],
    [0.1, 300],
    [0.25, 1000],
    [0.5, 300],
  ])("refused by chance: %d, told to wait %d ms", async (share, retryAfterMs) => {
    const lost = ((latencyMs / 4 + 1.125 * (retryAfterMs ?? 0)) * share) / (1 - share);
    const possible = (SECONDS * 1000 * lanes) / (latencyMs + lost);
    let sum = 0;
    for (const seed of SEEDS) {
      sum += (await minute(byChance(share, seed, retryAfterMs), lanes, latencyMs)) / possible;
    }
    expect(sum / SEEDS.length).toBeGreaterThan(0.6);
  });
});

describe.each([0.5, 2, 5, 20])("%d a second", (perSecond) => {
  test.each<[string, () => Server, boolean]>([
    ["bucket of one", () => bucket(perSecond, 1), false],
    ["bucket of ten seconds", () => bucket(perSecond, 10 * perSecond), false],
    ["sliding window of two seconds", () => sliding(2 * perSecond, 2000), false],
    [
      "sliding window of ten seconds that counts refusals, seldom",
      () => sliding(10 * perSecond, 10_000, true),
      false,
    ],
    ["minute", () => fixed(60 * perSecond, 60_000), false],
    ["ten seconds, seldom", () => fixed(10 * perSecond, 10_000), false],
    ["sliding window that tells", () => sliding(2 * perSecond, 2000), true],
    ["ten seconds that tell", () => fixed(10 * perSecond, 10_000), true],
  ])("%s", async (name, make, tells) => {
    for (const [lanes, latencyMs] of [
      [16, 100],
      [16, 400],
      [4, 50],
    ] as const) {
      const possible = SECONDS * Math.min(perSecond, (lanes * 1000) / latencyMs);
      const answered = await minute(make(), lanes, latencyMs, tells);
      // Long windows that do not say when they open are found by trying; what is tried may count as well.
      expect(answered / possible).toBeGreaterThanOrEqual(name.endsWith("seldom") ? 0.5 : 0.6);
    }
  });
});
