/** @file The clock that waits for what a busy machine took from a process. */
import { afterEach, beforeEach, expect, type Mock, test, vi } from "vitest";
import { patientTimeout } from "../../../../src/workflow/python/patient-timeout.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Waits until the reads of /proc that a timer has started let it ring. */
const rung = async (ring: Mock) => {
  vi.useRealTimers();
  await vi.waitUntil(() => ring.mock.calls.length > 0, { timeout: 60_000 });
};

test("a hard limit rings at its time, and not after it was stopped", async () => {
  const ring = vi.fn();
  patientTimeout([process.pid], 1_000, 0, ring);
  const stop = patientTimeout([process.pid], 1_000, 0, ring);
  stop();
  await vi.advanceTimersByTimeAsync(999);
  expect(ring).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await rung(ring);
  expect(ring).toHaveBeenCalledTimes(1);
});

test("a process that is gone has lost nothing: the limit is the limit", async () => {
  const ring = vi.fn();
  patientTimeout([2 ** 22 + 1], 500, 10_000, ring);
  await vi.advanceTimersByTimeAsync(500);
  await rung(ring);
  expect(ring).toHaveBeenCalledTimes(1);
});

test("time that was lost is added, once, and at most as much as is allowed", async () => {
  const ring = vi.fn();
  // Lost before it began: 50. Lost by the first look: 300 more; by the second: 5,000 more.
  const readings = [50, 350, 5_350, 9_000];
  patientTimeout([1], 1_000, 700, ring, async () => readings.shift() as number);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ring).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(299);
  expect(readings).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(readings).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(399);
  expect(ring).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ring).toHaveBeenCalledTimes(1);
});
