import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { discreteReward, relativeGainReward, rewardOf } from "../../../src/design/reward.js";

const history = { best: 0.6, previous: 0.4, sampleCount: 20 };

describe("discreteReward", () => {
  it.each([
    [0.65, 1],
    [0.6, 0.5],
    [0.45, 0.5],
    [0.4, 0],
    [0.3, 0],
    [0.29, -0.1],
    [0, -0.1],
  ])("accuracy %f gives %f", (accuracy, reward) => {
    expect(discreteReward()(accuracy, history)).toBeCloseTo(reward);
  });

  it("subtracts the deduction also from a gain", () => {
    expect(discreteReward()(0.2, { best: 0.1, previous: 0.1, sampleCount: 10 })).toBeCloseTo(0.9);
    expect(discreteReward()(0.2, { best: 0.2, previous: 0.1, sampleCount: 10 })).toBeCloseTo(0.4);
  });
});

describe("relativeGainReward", () => {
  it("is the relative gain over the best, clipped to ±1", () => {
    const reward = relativeGainReward();
    expect(reward(0.9, history)).toBeCloseTo(0.5);
    expect(reward(0.3, history)).toBeCloseTo(-0.5);
    expect(reward(1, { best: 0.1, previous: 0, sampleCount: 10 })).toBe(1);
  });

  it("has a floor of one sample where the best is 0", () => {
    expect(relativeGainReward()(0.05, { best: 0, previous: 0, sampleCount: 20 })).toBe(1);
    expect(relativeGainReward()(0, { best: 0, previous: 0, sampleCount: 20 })).toBe(0);
  });

  it("stays in ±1 and grows with accuracy", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(unit, unit, unit, fc.integer({ min: 1, max: 500 }), (a, b, best, sampleCount) => {
        const reward = relativeGainReward();
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((accuracy) =>
          reward(accuracy, { best, previous: 0, sampleCount }),
        );
        expect(low).toBeLessThanOrEqual(high!);
        expect(Math.abs(low!)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("a candidate that was screened out", () => {
  const out = (screenAccuracy: number) =>
    ({ outcome: "screened-out", accuracy: null, screenAccuracy }) as const;
  const passed = (accuracy: number) => ({ outcome: "scored", accuracy, screenAccuracy: accuracy }) as const;

  it.each(["discrete", "relative-gain"] as const)(
    "is never paid better by %s than one that passed",
    (name) => {
      for (const accuracy of [0, 0.25, 0.5, 0.75, 1]) {
        const reward = rewardOf(name, out(accuracy), history);
        expect(reward).toBeLessThanOrEqual(Math.max(0, rewardOf(name, passed(accuracy), history)));
        expect(reward).toBeLessThanOrEqual(rewardOf(name, passed(accuracy), history));
        expect(reward).toBeLessThanOrEqual(0);
      }
      expect(rewardOf(name, out(0.25), history)).toBeLessThan(0);
    },
  );

  it("gets its accuracy where that is the reward, and 0 in runs begun before", () => {
    expect(rewardOf("accuracy", out(0.75), history)).toBe(0.75);
    expect(rewardOf("accuracy", { ...out(0.75), commonAccuracy: 0.6 }, history)).toBe(0.6);
    expect(rewardOf("discrete", out(0.25), history, undefined, false)).toBe(0);
    expect(rewardOf("accuracy", out(0.25), history, undefined, false)).toBe(0.25);
  });
});
