import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupedInterval, holmAdjusted, macroMean, signFlipTest } from "../../../src/core/paired-test.js";
import { Random } from "../../../src/core/random.js";
import { bootstrapInterval, wilsonInterval } from "../../../src/core/statistics.js";

/** Made once by tests/golden/statistics/make-statistics.py with scipy and statsmodels; versions in the file. */
const golden = JSON.parse(
  readFileSync(new URL("../../golden/statistics/statistics.json", import.meta.url), "utf8"),
) as {
  mcnemar: { a: number[]; b: number[]; discordant: number; pValue: number }[];
  graded: { a: number[]; b: number[]; pValue: number }[];
  macro: { groups: number[][]; pValue: number };
  holm: { p: number[]; adjusted: number[] }[];
  wilson: { hits: number; n: number; low: number; high: number }[];
  bootstrap: { values: number[]; low: number; high: number };
};
const minus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - (b[i] as number));

describe("signFlipTest", () => {
  it("equals McNemar's exact test of statsmodels on right-or-wrong scores", () => {
    for (const { a, b, discordant, pValue } of golden.mcnemar) {
      const found = signFlipTest([minus(a, b)], 1);
      // Above 16 differing pairs it is drawn: 10 000 flips have a deviation of at most 0.005.
      if (discordant <= 16) expect(found).toBeCloseTo(pValue, 10);
      else expect(Math.abs(found - pValue)).toBeLessThan(0.02);
    }
    expect(golden.mcnemar.some(({ discordant }) => discordant <= 16)).toBe(true);
  });

  it("equals scipy's permutation test of paired samples on graded scores", () => {
    for (const { a, b, pValue } of golden.graded)
      expect(signFlipTest([minus(a, b)], 1)).toBeCloseTo(pValue, 10);
  });

  it("weighs tasks of different sizes alike", () => {
    expect(signFlipTest(golden.macro.groups, 1)).toBeCloseTo(golden.macro.pValue, 10);
  });

  it("gives 1 for no difference, and does not depend on the sign", () => {
    expect(signFlipTest([], 1)).toBe(1);
    expect(signFlipTest([[0, 0], []], 1)).toBe(1);
    const values = fc.array(fc.constantFrom(-1, -0.5, 0, 0.5, 1), { maxLength: 30 });
    fc.assert(
      fc.property(values, fc.nat(), (list, seed) => {
        const p = signFlipTest([list], seed);
        expect(p).toBeGreaterThan(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(signFlipTest([list.map((value) => -value)], seed)).toBeCloseTo(p, 10);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it("errs as often as it says where there is no difference", () => {
    const random = new Random(11);
    let found = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      const list = Array.from({ length: 14 }, () => random.integer(-4, 4) / 4);
      if (signFlipTest([list], round) <= 0.05) found++;
    }
    // 5 % nominal, discrete, so at most that; 400 rounds have a deviation of 1.1 %.
    expect(found / rounds).toBeLessThan(0.085);
    expect(found / rounds).toBeGreaterThan(0.01);
  });
});

describe("holmAdjusted", () => {
  it("equals statsmodels", () => {
    for (const { p, adjusted } of golden.holm) {
      const found = holmAdjusted(p);
      for (const [index, value] of adjusted.entries()) expect(found[index]).toBeCloseTo(value, 12);
    }
  });

  it("keeps the order, and lies between the value and Bonferroni's", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (p) => {
        const adjusted = holmAdjusted(p);
        for (const [i, value] of p.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value);
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, value * p.length) + 1e-12);
          for (const [j, other] of p.entries())
            if (value < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] as number);
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe("intervals", () => {
  it("agree with scipy's bootstrap and statsmodels' Wilson interval", () => {
    for (const { hits, n, low, high } of golden.wilson) {
      expect(wilsonInterval(hits / n, n).low).toBeCloseTo(low, 4);
      expect(wilsonInterval(hits / n, n).high).toBeCloseTo(high, 4);
    }
    const { values, low, high } = golden.bootstrap;
    const own = bootstrapInterval(values, 3, 20_000);
    const grouped = groupedInterval([values], macroMean, 3, 20_000);
    // Quantiles of 20 000 means of 80 values are drawn with a deviation of about 0.001.
    for (const interval of [own, grouped]) {
      expect(Math.abs((interval?.low ?? 0) - low)).toBeLessThan(0.005);
      expect(Math.abs((interval?.high ?? 0) - high)).toBeLessThan(0.005);
    }
  });

  it("of groups are wider where groups differ, and the same for a seed", () => {
    const groups = [
      [0, 0.1, 0, 0.1, 0, 0.1],
      [1, 0.9, 1, 0.9, 1, 0.9],
    ];
    const drawn = groupedInterval(groups, macroMean, 5, 2000);
    const pooled = bootstrapInterval(groups.flat(), 5, 2000);
    expect((drawn?.high ?? 0) - (drawn?.low ?? 0)).toBeGreaterThan(pooled.high - pooled.low);
    expect(groupedInterval(groups, macroMean, 5, 2000)).toEqual(drawn);
    expect(groupedInterval([[1]], macroMean, 5, 100)).toBeNull();
    expect(groupedInterval([[1, 2]], () => Number.NaN, 5, 100)).toBeNull();
  });
});
