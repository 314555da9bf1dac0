/** @file Work under a budget's minutes: ended at them, not begun after them, left alone where there are none. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { withinMinutes } from "../../../src/learn/within-minutes.js";

afterEach(() => void vi.useRealTimers());

const untilStopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

describe("withinMinutes", () => {
  it("ends work when the minutes are over, with the budget's error, and begins none after them", async () => {
    vi.useFakeTimers();
    const budget = new Budget({ minutes: 2 }, () => Date.now());
    const stopped = expect(withinMinutes(budget, undefined, untilStopped)).rejects.toMatchObject({
      code: "budget",
    });
    await vi.advanceTimersByTimeAsync(120_001);
    await stopped;
    const work = vi.fn(untilStopped);
    await expect(withinMinutes(budget, undefined, work)).rejects.toMatchObject({ code: "budget" });
    expect(work).not.toHaveBeenCalled();
  });

  it("passes an abort on, and leaves work without minutes alone", async () => {
    const parent = new AbortController();
    const stopped = expect(withinMinutes(new Budget({}), parent.signal, untilStopped)).rejects.toBe("enough");
    parent.abort("enough");
    await stopped;
    expect(await withinMinutes(new Budget({ tokens: 1 }), undefined, async () => 7)).toBe(7);
  });
});
