/** @file Expected accuracies against true ones that are known, because they were drawn. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { mean } from "../../../src/core/statistics.js";
import { pooledItemNoise, posteriorMeans } from "../../../src/design/posterior-means.js";
import { estimateShrinkage, shrunk } from "../../../src/design/shrinkage.js";

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

describe("posteriorMeans", () => {
  it("takes means as they are where there is no noise, and nothing of nothing", () => {
    expect(
      posteriorMeans(
        [
          { mean: 0.2, n: 4 },
          { mean: 0.9, n: 8 },
        ],
        0,
      ),
    ).toEqual([0.2, 0.9]);
    expect(posteriorMeans([], 0.2)).toEqual([]);
  });

  it("moves means of few items further to the centre, and keeps the order of equal n", () => {
    const [few, many, low] = posteriorMeans(
      [
        { mean: 0.9, n: 4 },
        { mean: 0.9, n: 64 },
        { mean: 0.3, n: 64 },
      ],
      0.2,
    ) as [number, number, number];
    expect(few).toBeLessThan(many);
    expect(many).toBeLessThan(0.9);
    expect(low).toBeGreaterThan(0.3);
    expect(low).toBeLessThan(few);
  });

  it("still tells candidates apart where one estimate of the spread is 0, and comes closer to the truth than means", () => {
    const random = new Random(4);
    let flat = 0;
    const errors = { plain: [] as number[], expected: [] as number[] };
    for (let trial = 0; trial < 60; trial++) {
      const truths = Array.from({ length: 12 }, () => 0.55 + 0.06 * random.normal());
      const observed = truths.map((truth, i) => {
        const n = i % 2 === 0 ? 4 : 24;
        return { n, mean: mean(Array.from({ length: n }, () => (random.chance(truth) ? 1 : 0))) };
      });
      const noise = pooledItemNoise(observed);
      const expected = posteriorMeans(observed, noise);
      const single = estimateShrinkage(observed, noise);
      if (single.spread === 0) {
        flat++;
        expect(new Set(observed.map((one) => shrunk(one, single))).size).toBe(1);
      }
      expect(new Set(expected).size).toBeGreaterThan(3);
      for (const [i, truth] of truths.entries()) {
        errors.plain.push((observed[i]!.mean - truth) ** 2);
        errors.expected.push((expected[i]! - truth) ** 2);
      }
    }
    expect(flat).toBeGreaterThan(10);
    expect(mean(errors.expected)).toBeLessThan(mean(errors.plain) / 3);
  });
});
