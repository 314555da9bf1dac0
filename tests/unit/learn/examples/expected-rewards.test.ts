/** @file Expected rewards against true ones that are known, because they were drawn. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../../src/core/random.js";
import { mean } from "../../../../src/core/statistics.js";
import { estimateShrinkage, shrunk } from "../../../../src/design/shrinkage.js";
import { pooledItemNoise } from "../../../../src/design/spread-posterior.js";
import { expectedRewards } from "../../../../src/learn/examples/expected-rewards.js";

const plain = (list: readonly { mean: number; n: number }[]) =>
  list.map((one) => ({ ...one, techniques: [] }));

/** Mean of n scores of 0 and 1. */
const drawn = (random: Random, truth: number, n: number) =>
  mean(Array.from({ length: n }, () => (random.chance(truth) ? 1 : 0)));

const squares = (values: readonly number[], truths: readonly number[]) =>
  mean(values.map((value, i) => (value - truths[i]!) ** 2));

describe("expectedRewards", () => {
  it("takes means as they are where there is no noise, and nothing of nothing", () => {
    const two = [
      { mean: 0.2, n: 4 },
      { mean: 0.9, n: 8 },
    ];
    expect(expectedRewards(plain(two), 0)).toEqual([0.2, 0.9]);
    expect(expectedRewards([], 0.2)).toEqual([]);
  });

  it("moves means of few items further to the centre, and keeps the order of equal n", () => {
    const [few, many, low] = expectedRewards(
      plain([
        { mean: 0.9, n: 4 },
        { mean: 0.9, n: 64 },
        { mean: 0.3, n: 64 },
      ]),
      0.2,
    ) as [number, number, number];
    expect(few).toBeLessThan(many);
    expect(many).toBeLessThan(0.9);
    expect(low).toBeGreaterThan(0.3);
    expect(low).toBeLessThan(few);
  });

  it("leaves means of very many items as they are, whatever techniques say", () => {
    const measured = [0.2, 0.25, 0.7, 0.75].map((value, i) => ({
      ...{ mean: value, n: 1e6 },
      techniques: i > 1 ? ["code"] : [],
    }));
    for (const [i, value] of expectedRewards(measured, 0.2).entries())
      expect(value).toBeCloseTo(measured[i]!.mean, 4);
  });

  it("draws a lucky workflow towards what its techniques give elsewhere", () => {
    const of = (value: number, ...techniques: string[]) => ({ mean: value, n: 5, techniques });
    const others = [
      ...[of(0.6, "code"), of(0.8, "code", "short"), of(0.6, "code", "steps"), of(0.4, "code")],
      ...[of(0, "steps"), of(0.2, "short"), of(0, "steps", "short"), of(0), of(0.2), of(0, "short")],
    ];
    const [withCode, without] = [of(0.4, "code"), of(0.4, "steps")].map(
      (one) => expectedRewards([...others, one], 0.15).at(-1)!,
    );
    expect(withCode).toBeGreaterThan(without! + 0.1);
    // Words on a line of their own are worth what they are elsewhere: nothing.
    expect(without).toBeLessThan(0.3);
  });

  it("is closer to the truth than means, and with techniques closer than without them, over 40 drawn tasks", () => {
    const random = new Random(6);
    const names = ["a", "b", "c", "d", "e", "f"];
    const errors = { means: [] as number[], plain: [] as number[], pooled: [] as number[] };
    for (let task = 0; task < 40; task++) {
      const effects = new Map(names.map((name) => [name, 0.15 * random.normal()]));
      const truths: number[] = [];
      const measured = Array.from({ length: 18 }, () => {
        const techniques = random.shuffle(names).slice(0, random.integer(1, 3));
        const sum = techniques.reduce((total, name) => total + effects.get(name)!, 0);
        const truth = Math.min(1, Math.max(0, 0.4 + sum + 0.05 * random.normal()));
        truths.push(truth);
        return { mean: drawn(random, truth, 5), n: 5, techniques };
      });
      const noise = pooledItemNoise(measured);
      const means = measured.map((one) => one.mean);
      errors.means.push(squares(means, truths));
      errors.plain.push(squares(expectedRewards(plain(measured), noise), truths));
      errors.pooled.push(squares(expectedRewards(measured, noise), truths));
    }
    expect(mean(errors.plain)).toBeLessThan(mean(errors.means) * 0.7);
    expect(mean(errors.pooled)).toBeLessThan(mean(errors.plain) * 0.8);
  });

  it("loses little where techniques say nothing", () => {
    const random = new Random(7);
    const errors = { plain: [] as number[], pooled: [] as number[] };
    for (let task = 0; task < 40; task++) {
      const truths: number[] = [];
      const measured = Array.from({ length: 18 }, () => {
        const truth = Math.min(1, Math.max(0, 0.5 + 0.15 * random.normal()));
        truths.push(truth);
        const techniques = random.shuffle(["a", "b", "c", "d"]).slice(0, 2);
        return { mean: drawn(random, truth, 8), n: 8, techniques };
      });
      const noise = pooledItemNoise(measured);
      errors.plain.push(squares(expectedRewards(plain(measured), noise), truths));
      errors.pooled.push(squares(expectedRewards(measured, noise), truths));
    }
    expect(mean(errors.pooled)).toBeLessThan(mean(errors.plain) * 1.15);
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
      const expected = expectedRewards(plain(observed), noise);
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
