/** @file Hard limits of a run. */
import { describe, expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { BudgetExceededError } from "../../../src/core/errors.js";

describe("Budget", () => {
  it("lets everything pass without limits", () => {
    const budget = new Budget();
    budget.add({ dollars: 1e9, tokens: 1e12, calls: 1e9 });
    expect(() => budget.check()).not.toThrow();
  });

  it.each(["dollars", "tokens", "calls"] as const)(
    "refuses the call after the limit in %s is reached",
    (kind) => {
      const budget = new Budget({ [kind]: 3 });
      budget.add({ [kind]: 2 });
      budget.check();
      budget.add({ [kind]: 1 });
      expect(() => budget.check()).toThrow(BudgetExceededError);
      try {
        budget.check();
      } catch (error) {
        expect(error).toMatchObject({ kind, limit: 3, used: 3, code: "budget" });
        expect((error as BudgetExceededError).hint).toContain(`--max-${kind}`);
      }
    },
  );

  it("counts what earlier sessions spent, but not their minutes", () => {
    let now = 0;
    const budget = new Budget({ calls: 10, minutes: 1 }, () => now);
    budget.restore({ dollars: 0.5, tokens: 100, calls: 9 });
    expect([budget.used("dollars"), budget.used("tokens"), budget.used("calls")]).toEqual([0.5, 100, 9]);
    budget.check();
    now = 60_000;
    expect(() => budget.check()).toThrow(/minutes/);
  });

  it("takes time from the clock it was given, from the moment it was made", () => {
    let now = 1000;
    const budget = new Budget({ minutes: 2 }, () => now);
    now += 119_999;
    budget.check();
    expect(budget.used("minutes")).toBeCloseTo(2, 4);
    now += 1;
    expect(() => budget.check()).toThrow(BudgetExceededError);
  });

  it("stops before the first call at a limit of zero", () => {
    expect(() => new Budget({ dollars: 0 }).check()).toThrow(BudgetExceededError);
  });

  it("says amounts without the noise of binary fractions", () => {
    const budget = new Budget({ dollars: 0.3 });
    budget.add({ dollars: 0.1 });
    budget.add({ dollars: 0.2 });
    expect(() => budget.check()).toThrow("budget spent: 0.3 of 0.3 dollars");
  });
});

describe("reservations", () => {
  const started = async (call: Promise<unknown>): Promise<boolean> => {
    let isStarted = false;
    call.then(
      () => {
        isStarted = true;
      },
      () => {},
    );
    for (let i = 0; i < 10; i++) await Promise.resolve();
    return isStarted;
  };

  it("let a call start while what others may still cost leaves room; one may pass the limit", async () => {
    const budget = new Budget({ tokens: 100 });
    const first = await budget.reserve(() => ({ calls: 1, tokens: 60 }));
    const second = await budget.reserve(() => ({ calls: 1, tokens: 60 }));
    const third = budget.reserve(() => ({ calls: 1, tokens: 60 }));
    expect(await started(third)).toBe(false);
    first({ calls: 1, tokens: 10 });
    const settleThird = await third;
    second({ calls: 1, tokens: 60 });
    settleThird({ calls: 1, tokens: 60 });
    expect(budget.used("tokens")).toBe(130);
    await expect(budget.reserve(() => ({ tokens: 1 }))).rejects.toMatchObject({
      kind: "tokens",
      limit: 100,
      used: 130,
    });
  });

  it("who waits is told when the limit was reached meanwhile, and goes on when a call cost nothing", async () => {
    const budget = new Budget({ calls: 1 });
    const settle = await budget.reserve(() => ({ calls: 1 }));
    const [next, last] = [budget.reserve(() => ({ calls: 1 })), budget.reserve(() => ({ calls: 1 }))];
    expect(await started(next)).toBe(false);
    settle({});
    const settleNext = await next;
    expect(await started(last)).toBe(false);
    settleNext({ calls: 1 });
    await expect(last).rejects.toBeInstanceOf(BudgetExceededError);
  });

  it("who was called off while waiting takes nobody's place", async () => {
    const budget = new Budget({ dollars: 1 });
    const settle = await budget.reserve(() => ({ dollars: Number.POSITIVE_INFINITY }));
    const controller = new AbortController();
    const left = budget.reserve(() => ({ dollars: 5 }), controller.signal);
    const stayed = budget.reserve(() => ({ dollars: 5 }));
    controller.abort(new Error("left"));
    settle({ dollars: 0.5 });
    await expect(left).rejects.toThrow("left");
    expect(await started(stayed)).toBe(true);
  });

  it("count for nothing where there is no limit", async () => {
    const budget = new Budget({ calls: 5 });
    await budget.reserve(() => ({ tokens: Number.POSITIVE_INFINITY }));
    expect(await started(budget.reserve(() => ({ tokens: Number.POSITIVE_INFINITY })))).toBe(true);
  });
});
