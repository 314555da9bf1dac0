/** @file Concurrency follows what a server keeps up with, where the time limit of a run asks for it. */
import PQueue from "p-queue";
import { describe, expect, it } from "vitest";
import { ServerPace } from "../../../src/evaluate/server-pace.js";

const signal = new AbortController().signal;

/** A server that serves `slots` at once, each in its own time; the time is its own, so that no test waits. */
function serverOf(slots: number, serviceMs: (call: number) => number) {
  const free = Array.from({ length: slots }, () => 0);
  let now = 0;
  const ends: { at: number; resolve: () => void }[] = [];
  let served = 0;
  const send = async (onAttempt: (sentAt: number | undefined) => void) => {
    onAttempt(now);
    const sentAt = now;
    const slot = free.indexOf(Math.min(...free));
    free[slot] = Math.max(free[slot]!, now) + serviceMs(served++);
    await new Promise<void>((resolve) => ends.push({ at: free[slot]!, resolve }));
    onAttempt(undefined);
    return { isCached: false, latencyMs: now - sentAt };
  };
  const tick = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    ends.sort((a, b) => a.at - b.at);
    const next = ends.shift();
    if (!next) return false;
    now = next.at;
    next.resolve();
    return true;
  };
  return { send, tick };
}

async function play(
  { slots, serviceMs = () => 5_000 }: { slots: number; serviceMs?: (call: number) => number },
  { wallMs = 60_000, calls = 24, concurrency = 8 } = {},
) {
  const said: string[] = [];
  const pace = new ServerPace({ concurrency, wallMs, onWarning: (message) => said.push(message) });
  const server = serverOf(slots, serviceMs);
  const queue = new PQueue({ concurrency });
  const latencies: number[] = [];
  const all = queue.addAll(
    Array.from({ length: calls }, () => async () => {
      latencies.push((await pace.send(server.send, signal)).latencyMs);
    }),
  );
  while (await server.tick());
  await all;
  return { pace, said, latencies };
}

describe("a server that serves two at a time", () => {
  it("gets two at a time, and one line says so", async () => {
    const { pace, said, latencies } = await play({ slots: 2 });
    expect(pace.lanes).toBe(2);
    expect(said).toEqual([
      expect.stringMatching(/^the executor serves about 2 calls at once, not 8: concurrency is lowered to 2/),
    ]);
    expect(Math.max(...latencies)).toBeLessThanOrEqual(20_000);
    expect(latencies.slice(-6)).toEqual(Array(6).fill(5_000));
  });

  it("is left alone where five calls of a run are in time all the same", async () => {
    const { pace, said } = await play({ slots: 2 }, { wallMs: 300_000 });
    expect([pace.lanes, said]).toEqual([Number.POSITIVE_INFINITY, []]);
  });
});

describe("a server that keeps up", () => {
  it.each([
    ["with even times", () => 15_000],
    ["with very different times", (call: number) => 5_000 + ((call * 7) % 11) * 2_000],
  ])("is sent as many as before, %s", async (_name, serviceMs) => {
    const { pace, said } = await play({ slots: 8, serviceMs });
    expect(pace.lanes).toBe(Number.POSITIVE_INFINITY);
    expect(said.filter((line) => line.includes("lowered"))).toEqual([]);
  });

  it("but is slow: one line says which designs cannot finish", async () => {
    const { said } = await play({ slots: 8, serviceMs: () => 20_000 });
    expect(said).toEqual([
      expect.stringMatching(/at 20 s a call a design of more than 3 calls .* within 60 s: raise/),
    ]);
  });
});

it("replies that nobody was asked for say nothing about the server", async () => {
  const pace = new ServerPace({ concurrency: 8, wallMs: 1, onWarning: () => expect.unreachable() });
  const stored = async () => ({ isCached: true, latencyMs: 90_000 });
  for (let i = 0; i < 30; i++) await pace.send(stored, signal);
  const silent = async () => ({ isCached: false, latencyMs: 90_000 });
  for (let i = 0; i < 30; i++) await pace.send(silent, signal);
  expect(pace.lanes).toBe(Number.POSITIVE_INFINITY);
});
