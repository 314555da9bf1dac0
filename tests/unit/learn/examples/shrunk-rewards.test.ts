/** @file Rewards against accuracies that are known, because they were drawn: a few lucky items do not outweigh many. */
import { describe, expect, it } from "vitest";
import type { RewardWeights } from "../../../../src/config/reward-shares.js";
import { Random } from "../../../../src/core/random.js";
import { mean } from "../../../../src/core/statistics.js";
import { type RewardedCandidate, shrunkRewards } from "../../../../src/learn/examples/shrunk-rewards.js";
import { rewardedCandidates } from "../../../../src/learn/examples/trajectory-samples.js";
import { weighSamples } from "../../../../src/learn/examples/weigh-samples.js";
import type { CandidateRecord, TurnRecord } from "../../../../src/records/trajectory.js";

const SETTINGS = { weighting: "advantage", invalid: "keep", unbalanced: true } as const;
const ITEMS = 32;

type Measured = Partial<CandidateRecord>;

function candidate(index: number, measured: Measured): CandidateRecord {
  const { accuracy = null, screenAccuracy = null } = measured;
  return {
    ...{ index, repairOf: null, forced: [], techniques: [], source: "", status: "ok", interval: null },
    ...{ calls: 1, tokens: 1, dollars: 0, n: accuracy === null ? 0 : ITEMS },
    ...{ workflowHash: `hash ${index}`, accuracy, screenAccuracy },
    outcome: accuracy === null ? "screened-out" : "scored",
    reward: measured.commonAccuracy ?? accuracy ?? screenAccuracy ?? 0,
    ...measured,
  };
}

const turnOf = (turn: number, candidates: readonly Measured[]): TurnRecord => ({
  ...{ kind: "turn", episode: 0, turn, parentHash: null, kept: 0 },
  history: { best: 0, previous: 0, sampleCount: ITEMS },
  candidates: candidates.map((one, index) => candidate(10 * turn + index, one)),
});

/** Weights of the candidates of a task, as a round takes them and as they were before rewards were shrunk. */
function weightsOf(turns: readonly TurnRecord[], reward?: "discrete") {
  const samples = rewardedCandidates(turns, undefined, reward ?? "accuracy")
    .filter((one) => one.candidate.outcome !== "lost")
    .map((one) => ({ ...one, episode: 0, turn: one.turn.turn }));
  const plain = samples.map((sample) => ({ ...sample, shrunk: undefined }));
  const name = reward ?? "accuracy";
  return {
    before: weighSamples([plain], SETTINGS, name, 0)[0]!,
    after: weighSamples([samples], SETTINGS, name, 0)[0]!,
  };
}

const out = (accuracy: number, more: Measured = {}) => ({ screenAccuracy: accuracy, ...more });
const scored = (accuracy: number, more: Measured = {}) => ({ accuracy, screenAccuracy: 0.75, ...more });

describe("a candidate screened out with 3 of 4 beside a survivor with 55 % of 32", () => {
  const turns = [turnOf(0, [scored(0.55), scored(0.55), out(0.75), out(0.75)])];

  it("weighed 28 times as much, and weighs hardly more now", () => {
    const { before, after } = weightsOf(turns);
    expect(before.map((weight) => Number(weight.toFixed(2)))).toEqual([0.19, 0.19, 5.29, 5.29]);
    expect(after[2]! / after[0]!).toBeLessThan(2);
    for (const weight of after) expect(weight).toBeCloseTo(1, 0);
  });

  it("weighs the same where newer records say how many items it was measured on", () => {
    const told = [turnOf(0, [scored(0.55), scored(0.55), out(0.75, { n: 4 }), out(0.75, { n: 4 })])];
    expect(weightsOf(told).after).toEqual(weightsOf(turns).after);
  });

  it("weighs more the more items it was measured on", () => {
    const ratio = (n: number) => {
      const { after } = weightsOf([
        turnOf(0, [scored(0.55), scored(0.55), out(0.75, { n }), out(0.75, { n })]),
      ]);
      return after[2]! / after[0]!;
    };
    expect(ratio(8)).toBeGreaterThan(ratio(4));
    expect(ratio(24)).toBeGreaterThan(ratio(8));
  });
});

describe("shrunkRewards", () => {
  const advantagesOf = (candidates: readonly RewardedCandidate[]) =>
    shrunkRewards(candidates).map(({ estimate, baseline }) => estimate - baseline);
  const rewarded = (turns: readonly TurnRecord[]): RewardedCandidate[] =>
    turns.flatMap((turn) =>
      turn.candidates.map((one) => ({ turn: `${turn.turn}`, candidate: one, reward: one.reward })),
    );

  it("leaves invalid candidates at their reward, and baselines to the valid ones", () => {
    const turns = [
      turnOf(0, [scored(0.5), scored(0.6), { outcome: "invalid", workflowHash: null, reward: 0, n: 0 }]),
    ];
    const [first, second, invalid] = shrunkRewards(rewarded(turns));
    expect(invalid!.estimate).toBe(0);
    expect(invalid!.baseline).toBeCloseTo((first!.estimate + second!.estimate) / 2, 9);
    expect(weightsOf(turns).after[2]).toBeLessThan(1e-4);
  });

  it("weighs alike where all are invalid, and leaves lost ones out", () => {
    const invalid = { outcome: "invalid", workflowHash: null, reward: 0, n: 0 } as const;
    expect(weightsOf([turnOf(0, [invalid, invalid])]).after).toEqual([1, 1]);
    const lost = { outcome: "lost", reward: 0, n: 0 } as const;
    expect(weightsOf([turnOf(0, [scored(0.5), scored(0.7), lost])]).after).toEqual(
      weightsOf([turnOf(0, [scored(0.5), scored(0.7)])]).after,
    );
  });

  it("gives a workflow that was written twice what its longest measurement says", () => {
    const [twice, once] = [{ workflowHash: "copy" }, { workflowHash: "other" }];
    const estimates = shrunkRewards(
      rewarded([turnOf(0, [out(1, twice), scored(0.5, once)]), turnOf(1, [scored(0.4, twice), scored(0.6)])]),
    ).map(({ estimate }) => estimate);
    expect(estimates[0]).toBe(estimates[2]);
    expect(estimates[0]).toBeLessThan(estimates[3]!);
  });

  it("takes the mean of the turn as baseline where turns differ, and of the task where they do not", () => {
    const apart = advantagesOf(
      rewarded([
        turnOf(0, [scored(0.3), scored(0.34), scored(0.32)]),
        turnOf(1, [scored(0.8), scored(0.84), scored(0.82)]),
      ]),
    );
    expect(Math.abs(apart[2]!)).toBeLessThan(0.02);
    expect(Math.abs(apart[5]!)).toBeLessThan(0.02);
    const alike = shrunkRewards(
      rewarded([turnOf(0, [scored(0.3), scored(0.8)]), turnOf(1, [scored(0.35), scored(0.78)])]),
    );
    expect(alike[0]!.baseline).toBeCloseTo(alike[2]!.baseline, 9);
  });

  it("does not touch rewards that are no means over items", () => {
    const turns = [turnOf(0, [scored(0.55), scored(0.6), out(0.75)])];
    const { before, after } = weightsOf(turns, "discrete");
    expect(after).toEqual(before);
    // Recorded ones neither.
    const recorded = [turnOf(0, [scored(0.55, { reward: 1 }), scored(0.6, { reward: 0.5 })])];
    expect(rewardedCandidates(recorded).map(({ shrunk }) => shrunk)).toEqual([undefined, undefined]);
  });

  it("takes the plain mean of a candidate whose level was shrunk in its race", () => {
    const levels = (more: Measured) => [
      turnOf(0, [scored(0.55, more), scored(0.6, more), out(0.75, { n: 4, ...more })]),
    ];
    expect(weightsOf(levels({ commonAccuracy: 0.58 })).after).toEqual(weightsOf(levels({})).after);
    // Where samples were lost it is the accuracy on common ones.
    const lost = { commonAccuracy: 0.58, lost: 1 };
    for (const weight of weightsOf(levels(lost)).after) expect(weight).toBeCloseTo(1, 9);
  });

  it("shrinks composite rewards too", () => {
    const parts = { calls: null, tokens: null, steps: null, latency: null };
    const components = { accuracy: 0.75, efficiency: parts, coherence: null, relevance: null };
    const turns = [
      turnOf(0, [scored(0.55, { components: { ...components, accuracy: 0.55 } }), out(0.75, { components })]),
    ];
    const weights = { accuracy: 1, efficiency: 0, coherence: 0, relevance: 0 } as RewardWeights;
    const [, screened] = rewardedCandidates(turns, undefined, "composite", weights);
    expect(screened!.reward).toBe(0.75);
    expect(screened!.shrunk!.estimate).toBeLessThan(0.7);
  });
});

/** Candidates of eight turns with known true accuracies; half of each turn is screened out on `screen` items. */
function played(random: Random, spread: number, screen: number) {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const difficulties = Array.from({ length: ITEMS }, () => 1.2 * random.normal());
  const truths = new Map<number, number>();
  const turns = Array.from({ length: 8 }, (_, turn) => {
    const own = Array.from({ length: 5 }, (_, index) => {
      const quality = 0.2 + spread * random.normal();
      truths.set(10 * turn + index, quality);
      const right = difficulties.map((item) => (random.chance(sigmoid(quality + item)) ? 1 : 0));
      return { index, accuracy: mean(right), screenAccuracy: mean(right.slice(0, screen)) };
    });
    const order = [...own].sort((a, b) => b.screenAccuracy - a.screenAccuracy || a.index - b.index);
    const passed = new Set(order.slice(0, 3));
    return turnOf(
      turn,
      own
        .map((one) => (passed.has(one) ? scored(one.accuracy, one) : out(one.screenAccuracy)))
        .map(({ accuracy, screenAccuracy }: Measured) => ({
          accuracy: accuracy ?? null,
          screenAccuracy: screenAccuracy ?? null,
        })),
    );
  });
  return { turns, truths: turns.flatMap((turn) => turn.candidates.map(({ index }) => truths.get(index)!)) };
}

function ranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
}

/** Spearman's rank correlation. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [a, b].map((list) => {
    const own = ranks(list);
    return own.map((rank) => rank - mean(own));
  }) as [number[], number[]];
  const product = (one: number[], other: number[]) => mean(one.map((value, i) => value * other[i]!));
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}

describe("under screening on four items, with known truth", () => {
  it.each([0.15, 0.35, 0.6])("weights follow true accuracies better (spread %f)", (spread) => {
    const random = new Random(5);
    const figures = Array.from({ length: 80 }, () => {
      const { turns, truths } = played(random, spread, 4);
      const { before, after } = weightsOf(turns);
      const isOut = turns.flatMap((turn) => turn.candidates.map(({ outcome }) => outcome === "screened-out"));
      const share = (weights: number[]) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        return (
          [...weights]
            .sort((a, b) => b - a)
            .slice(0, 8)
            .reduce((sum, weight) => sum + weight, 0) / total
        );
      };
      const luckiest = (weights: number[]) =>
        Math.max(...weights.filter((_, i) => isOut[i])) / mean(weights.filter((_, i) => !isOut[i]));
      return {
        before: [rankCorrelation(before, truths), share(before), luckiest(before)],
        after: [rankCorrelation(after, truths), share(after), luckiest(after)],
      };
    });
    const [before, after] = (["before", "after"] as const).map((rule) =>
      [0, 1, 2].map((figure) => mean(figures.map((one) => one[rule][figure]!))),
    ) as [number[], number[]];
    expect(after[0]).toBeGreaterThan(before[0]! + 0.02);
    if (spread < 0.6) expect(after[1]).toBeLessThan(before[1]! - 0.1);
    expect(after[2]).toBeLessThan(before[2]!);
  });
});
