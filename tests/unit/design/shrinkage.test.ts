/** @file Shrinkage against accuracies that are known, because they were drawn. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { mean } from "../../../src/core/statistics.js";
import { estimateShrinkage, shrunk } from "../../../src/design/shrinkage.js";

const CENTRE = 0.55;

/** Candidates with true accuracies spread about the centre, each seen on some items. */
function drawn(random: Random, spread: number, count: number) {
  return Array.from({ length: count }, () => {
    // The sum of twelve uniform numbers is close to a normal one.
    const normal = Array.from({ length: 12 }, () => random.next()).reduce((sum, value) => sum + value) - 6;
    const truth = Math.min(1, Math.max(0, CENTRE + Math.sqrt(spread) * normal));
    const n = random.pick([5, 12, 32]);
    const right = Array.from({ length: n }, () => (random.chance(truth) ? 1 : 0));
    return { truth, n, mean: mean(right) };
  });
}

describe("estimateShrinkage", () => {
  it.each([0, 0.0025, 0.01, 0.02])("finds a spread of %f on average", (spread) => {
    const random = new Random(11);
    const found = Array.from({ length: 200 }, () =>
      estimateShrinkage(drawn(random, spread, 40), CENTRE * (1 - CENTRE)),
    );
    // Near 0 it is cut off from below, which leaves a little; the noise of 40 means on about 16 items is 0.015.
    expect(mean(found.map((one) => one.spread))).toBeCloseTo(spread, spread === 0 ? 2 : 2.3);
    expect(mean(found.map((one) => one.centre))).toBeCloseTo(CENTRE, 1.5);
  });

  it("takes one mean, and equal ones, as they are", () => {
    expect(estimateShrinkage([{ mean: 0.7, n: 4 }], 0.2)).toEqual({ centre: 0.7, spread: 0, noise: 0.2 });
    const same = Array.from({ length: 5 }, () => ({ mean: 0.4, n: 8 }));
    const found = estimateShrinkage(same, 0.2);
    expect(found.spread).toBe(0);
    expect(shrunk(same[0]!, found)).toBeCloseTo(0.4);
  });
});

it("takes the luck off the best of many", () => {
  const random = new Random(12);
  const errors = { observed: [] as number[], shrunk: [] as number[] };
  for (let run = 0; run < 300; run++) {
    const candidates = drawn(random, 0.006, 40);
    const found = estimateShrinkage(candidates, CENTRE * (1 - CENTRE));
    const [best] = [...candidates].sort((a, b) => shrunk(b, found) - shrunk(a, found));
    errors.observed.push(best!.mean - best!.truth);
    errors.shrunk.push(shrunk(best!, found) - best!.truth);
  }
  expect(mean(errors.observed)).toBeGreaterThan(0.06);
  expect(Math.abs(mean(errors.shrunk))).toBeLessThan(0.02);
});
