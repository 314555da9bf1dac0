/** @file The pool grows where runs hold their processes, and stays small where they are over at once. */
import { availableParallelism } from "node:os";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ManagedChild } from "../../../../src/core/managed-child.js";
import { ChildPool } from "../../../../src/workflow/sandbox/child-pool.js";

const START_MS = 200;
const SIZE = availableParallelism() + 4;

/** What the pool uses of a process; it lives for ever and takes a while to start. */
function poolOfSlowStarts() {
  const started: unknown[] = [];
  const child = {
    isAlive: true,
    exited: new Promise(() => {}),
    onMessage: () => {},
    ref: () => {},
    kill: () => Promise.resolve(),
  };
  const pool = new ChildPool(SIZE, async () => {
    started.push(child);
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    return { ...child } as unknown as ManagedChild;
  });
  const run = async (ms: number, isReusable = true) => {
    const taken = await pool.take();
    await new Promise((resolve) => setTimeout(resolve, ms));
    pool.release(taken, isReusable);
  };
  return { started, run };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function playAll(runs: readonly Promise<void>[]): Promise<void> {
  await vi.runAllTimersAsync();
  await Promise.all(runs);
}

it("starts no more than the first processes for runs that are over at once", async () => {
  const { started, run } = poolOfSlowStarts();
  await playAll(Array.from({ length: SIZE }, () => run(1)));
  expect(started).toHaveLength(availableParallelism());
});

it("starts a process for each run where runs wait for slow replies", async () => {
  const { started, run } = poolOfSlowStarts();
  await playAll(Array.from({ length: SIZE }, () => run(60_000)));
  expect(started).toHaveLength(SIZE);
});

it("one process serves one run after another", async () => {
  const { started, run } = poolOfSlowStarts();
  for (let i = 0; i < 3; i++) await playAll([run(1_000)]);
  expect(started).toHaveLength(1);
});

it("spent processes are replaced for those that wait, and one for the next", async () => {
  const { started, run } = poolOfSlowStarts();
  await playAll(Array.from({ length: 3 * SIZE }, () => run(60_000, false)));
  expect(started).toHaveLength(3 * SIZE + 1);
  await playAll([run(1_000, false)]);
  expect(started).toHaveLength(3 * SIZE + 2);
});
