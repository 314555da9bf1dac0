/** @file The variance of single scores, pooled over candidates. */
import { describe, expect, it } from "vitest";
import { pooledItemNoise } from "../../../src/design/spread-posterior.js";

describe("pooledItemNoise", () => {
  it("is p (1 − p) of many items, with the loss of one for each mean", () => {
    const observed = Array.from({ length: 20 }, () => ({ mean: 0.5, n: 100 }));
    expect(pooledItemNoise(observed)).toBeCloseTo(0.25 / 0.99, 3);
    expect(pooledItemNoise([{ mean: 0.5, n: 2 }, ...observed])).toBeCloseTo(0.25 / 0.99, 2);
  });

  it("takes single items for what they are together", () => {
    expect(pooledItemNoise([1, 0, 1, 0].map((score) => ({ mean: score, n: 1 })))).toBeCloseTo(0.25, 9);
  });

  it("is 0 of nothing, and where every score is the same", () => {
    expect(pooledItemNoise([])).toBe(0);
    expect(pooledItemNoise([1, 1].map((score) => ({ mean: score, n: 8 })))).toBe(0);
  });
});
