/** @file Two policies compared, and what is accepted: pairs, items, words, and the error rate at few episodes. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { mean } from "../../../src/core/statistics.js";
import { acceptance } from "../../../src/learn/acceptance.js";
import { comparePolicies } from "../../../src/learn/compare-policies.js";
import type { EpisodeScore } from "../../../src/records/round-record.js";

const episode = (task: string, number: number, meanReward: number, items?: number[]): EpisodeScore => ({
  task,
  seed: 1,
  episode: number,
  meanReward,
  items,
  best: meanReward,
  candidates: 1,
  valid: 1,
  workflows: [],
  executorTokens: 0,
  dollars: 0,
  techniques: {},
});
const onItems = (number: number, items: number[], task = "t") => episode(task, number, mean(items), items);
const SOLVES = (share: number) => Array.from({ length: 32 }, (_, i) => (i < share * 32 ? 1 : 0));

describe("comparePolicies", () => {
  it("pairs episodes by task, seed and number, and leaves unpaired ones out", () => {
    const a = [episode("t", 0, 0.8), episode("t", 1, 0.6), episode("u", 0, 0.5)];
    const b = [episode("t", 1, 0.5), episode("t", 0, 0.6), episode("u", 9, 0.1)];
    const { pairs, meanReward, each } = comparePolicies(a, b);
    expect({ pairs, each }).toEqual({ pairs: 2, each: [0.2, 0.1] });
    expect(meanReward.mean).toBeCloseTo(0.15, 9);
  });

  it("gives the t interval of eight pairs without items", () => {
    const a = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map((value, i) => episode("t", i, value));
    const { meanReward, verdict } = comparePolicies(
      a,
      a.map((one) => ({ ...one, meanReward: 0 })),
    );
    // 0.45 ± t(7) 2.3646 × s 0.24495 / √8
    expect(meanReward.interval.low).toBeCloseTo(0.24522, 3);
    expect(meanReward.interval.high).toBeCloseTo(0.65478, 3);
    expect(verdict).toBe("better");
  });

  it("counts tasks alike, however many pairs they have", () => {
    const a = [episode("t", 0, 1), episode("t", 1, 1), episode("t", 2, 1), episode("u", 0, 0)];
    const b = a.map((one) => ({ ...one, meanReward: 0 }));
    expect(comparePolicies(a, b).meanReward.mean).toBeCloseTo(0.5, 12);
  });

  it("knows nothing from one pair, nor from five equal ones without items", () => {
    const known = (count: number) =>
      comparePolicies(
        Array.from({ length: count }, (_, i) => episode("t", i, 1)),
        Array.from({ length: count }, (_, i) => episode("t", i, 0)),
      );
    expect(known(1)).toMatchObject({ meanReward: { interval: { low: -1, high: 1 } } });
    expect(known(5)).toMatchObject({ verdict: "not told apart" });
    expect(known(6)).toMatchObject({ verdict: "better" });
  });

  it("does not take the luck of the items for a difference, however alike the episodes are", () => {
    const luck = Array.from({ length: 32 }, (_, i) => (i % 2 === 0 || i > 26 ? 1 : 0));
    const other = Array.from({ length: 32 }, (_, i) => (i % 2 === 1 ? 1 : 0));
    const all = [0, 1, 2, 3];
    const { verdict, meanReward } = comparePolicies(
      all.map((i) => onItems(i, luck)),
      all.map((i) => onItems(i, other)),
    );
    expect(meanReward.mean).toBeGreaterThan(0.05);
    expect(verdict).toBe("not told apart");
    const clear = comparePolicies(
      all.map((i) => onItems(i, SOLVES(0.9))),
      all.map((i) => onItems(i, SOLVES(0.4))),
    );
    expect(clear.verdict).toBe("better");
  });

  it.each([2, 4, 8])("seldom calls equal policies worse or better, at %i episodes", (count) => {
    const trials = 400;
    const verdicts = { better: 0, worse: 0, "not told apart": 0 };
    for (let trial = 0; trial < trials; trial++) {
      const random = new Random(trial);
      const difficulty = Array.from({ length: 24 }, () => random.normal());
      // Three designs that each policy writes again and again: many differences are equal.
      const policies = [0, 1].map(() =>
        [0, 1, 2].map(() => difficulty.map((x) => (random.next() < 1 / (1 + Math.exp(-x)) ? 1 : 0))),
      );
      const [a, b] = policies.map((designs) =>
        Array.from({ length: count }, (_, number) => onItems(number, random.pick(designs))),
      ) as [EpisodeScore[], EpisodeScore[]];
      verdicts[comparePolicies(a, b).verdict ?? "not told apart"]++;
    }
    expect(verdicts.better / trials).toBeLessThanOrEqual(0.04);
    expect(verdicts.worse / trials).toBeLessThanOrEqual(0.04);
  });
});

describe("acceptance", () => {
  const of = (a: number, b: number, count = 8) => {
    const episodes = (share: number) => Array.from({ length: count }, (_, i) => onItems(i, SOLVES(share)));
    return comparePolicies(episodes(a), episodes(b));
  };

  it("refuses only what is worse, and says so", () => {
    expect(acceptance(of(0.4, 0.9), "not-worse")).toMatchObject({
      isAccepted: false,
      reason: expect.stringMatching(/^refused: worse, mean reward −0\.500 \[−0\.\d+, −0\.\d+\] .*, 8 pairs$/),
    });
    expect(acceptance(of(0.9, 0.4), "not-worse")).toMatchObject({
      isAccepted: true,
      reason: expect.stringMatching(/^accepted: better, /),
    });
    expect(acceptance(of(0.4, 0.9), "always")).toMatchObject({
      isAccepted: true,
      reason: expect.stringContaining("whatever comes out: worse"),
    });
    expect(acceptance(null, "not-worse").reason).toContain("unjudged");
  });

  it("names the pairs instead of an interval where they are few", () => {
    expect(acceptance(of(0.5, 0.5, 2), "not-worse")).toEqual({
      isAccepted: true,
      reason:
        "accepted: not told apart, mean reward +0.000 (+0.000, +0.000) against the previous policy, 2 pairs",
    });
  });
});
