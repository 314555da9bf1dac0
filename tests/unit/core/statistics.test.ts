import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import {
  bootstrapInterval,
  mean,
  pairedDifference,
  sumOrNull,
  wilsonInterval,
} from "../../../src/core/statistics.js";

describe("wilsonInterval", () => {
  it("agrees with published values", () => {
    // Newcombe 1998, Table I, method 3 (score): 81/263, 15/148, 0/20, 1/29.
    const cases: [number, number, number, number][] = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ];
    for (const [hits, n, low, high] of cases) {
      const interval = wilsonInterval(hits / n, n);
      // Four printed digits, and z = 1.96 instead of 1.959964.
      expect(interval.low).toBeCloseTo(low, 3);
      expect(interval.high).toBeCloseTo(high, 3);
    }
  });
});

describe("bootstrapInterval", () => {
  it("covers the true mean about as often as it says", () => {
    const random = new Random(7);
    let covered = 0;
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      const values = Array.from({ length: 60 }, () => (random.chance(0.6) ? 1 : 0));
      const { low, high } = bootstrapInterval(values, round, 400);
      if (low <= 0.6 && 0.6 <= high) covered++;
    }
    // 95 % nominal; 300 rounds have a deviation of 1.3 %, and a percentile bootstrap of n = 60 is slightly short.
    expect(covered / rounds).toBeGreaterThan(0.9);
    expect(covered / rounds).toBeLessThan(0.99);
  });

  it("does not call ten of ten certain", () => {
    const { low, high } = bootstrapInterval(Array(10).fill(1), 1);
    expect(low).toBeLessThan(0.75);
    expect(high).toBe(1);
  });

  it("knows nothing about no samples", () => {
    expect(bootstrapInterval([], 1)).toEqual({ low: 0, high: 1 });
    expect(mean([])).toBe(0);
  });
});

describe("pairedDifference", () => {
  it("is narrower than the two intervals when items move together", () => {
    const a = [1, 1, 0, 0, 1, 0, 1, 1, 0, 1];
    const b = [1, 0, 0, 0, 1, 0, 1, 1, 0, 1];
    const { difference, interval } = pairedDifference(a, b, 3);
    expect(difference).toBeCloseTo(0.1);
    expect(interval.low).toBeGreaterThanOrEqual(0);
    expect(interval.high).toBeLessThanOrEqual(0.4);
  });

  it("refuses lists of different length", () => {
    expect(() => pairedDifference([1], [], 1)).toThrow(RangeError);
  });
});

describe("sumOrNull", () => {
  it("adds up, and one unknown part makes the sum unknown", () => {
    expect(sumOrNull([])).toBe(0);
    expect(sumOrNull([0.5, 0, 2])).toBe(2.5);
    expect(sumOrNull([1, null, 2])).toBeNull();
  });
});
