/** @file The composite reward: what its components are made of, its weights, and what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import {
  chosenRewardWeights,
  DEFAULT_REWARD_WEIGHTS,
  type RewardWeights,
} from "../../../src/config/reward-shares.js";
import {
  componentsOf,
  compositeReward,
  type RewardComponents,
  refuseUnmeasured,
} from "../../../src/design/composite-reward.js";
import { rewardOf } from "../../../src/design/reward.js";
import { type JobResult, summarize } from "../../../src/evaluate/evaluation.js";
import type { Scorer } from "../../../src/tasks/task.js";

const weights = (text: string) => chosenRewardWeights("composite", text) as RewardWeights;

const result = (sampleId: string, calls: number, more: Partial<JobResult> = {}): JobResult => ({
  jobId: `${sampleId}-${calls}`,
  sampleId,
  status: "ok",
  score: 1,
  isCorrect: true,
  extracted: "",
  replies: calls,
  cutReplies: 0,
  emptyReplies: 0,
  usage: {
    executor: {
      calls,
      cachedCalls: 0,
      promptTokens: 30 * calls,
      completionTokens: 10 * calls,
      dollars: 0,
      latencyMs: 100 * calls,
    },
  },
  steps: calls,
  wallMs: 0,
  ...more,
});
const evaluation = (results: JobResult[]) => summarize("hash", results, 0, 100);
const direct = evaluation([result("a", 1), result("b", 1), result("c", 1)]);

const components = (more: Partial<RewardComponents> = {}): RewardComponents => ({
  ...componentsOf(evaluation([result("a", 2), result("b", 2, { score: 0 })]), direct),
  ...more,
});

describe("componentsOf", () => {
  it("sets what a sample took against the plainest workflow on the same samples", () => {
    const uneven = evaluation([result("a", 4), result("b", 1), result("c", 1)]);
    const { accuracy, efficiency, coherence } = componentsOf(
      evaluation([result("a", 8), result("b", 2, { score: 0 })]),
      uneven,
    );
    expect(accuracy).toBe(0.5);
    // Sample c was not run by the candidate and does not count in the reference: (4 + 1) / 2.
    expect(efficiency.calls).toEqual({ perSample: 5, reference: 2.5, value: 0.5 });
    expect(efficiency.tokens).toEqual({ perSample: 200, reference: 100, value: 0.5 });
    expect(efficiency.steps).toEqual({ perSample: 5, reference: 2.5, value: 0.5 });
    expect(efficiency.latency).toEqual({ perSample: 500, reference: 250, value: 0.5 });
    expect(coherence).toBeNull();
  });

  it("is at most 1 for what is cheaper than the reference, and for what costs nothing", () => {
    expect(componentsOf(evaluation([result("a", 0)]), direct).efficiency.calls).toMatchObject({ value: 1 });
    const free = evaluation([result("a", 0)]);
    expect(componentsOf(free, free).efficiency.tokens).toEqual({ perSample: 0, reference: 0, value: 1 });
    expect(componentsOf(direct, free).efficiency.tokens).toMatchObject({ value: 0 });
  });

  it("leaves out lost samples, and has no steps where an older version recorded none", () => {
    const lost = result("b", 9, { status: "error" });
    const { steps: _, ...old } = result("a", 2);
    const { efficiency } = componentsOf(evaluation([old, lost]), direct);
    expect(efficiency.calls).toMatchObject({ perSample: 2, value: 0.5 });
    expect(efficiency.steps).toBeNull();
  });

  it("takes coherence and relevance from the scorer, a failed sample counting 0", () => {
    const texts = evaluation([
      result("a", 1, { components: { coherence: 0.8, relevance: 0.4 } }),
      result("b", 1, { status: "threw", score: 0 }),
    ]);
    expect(componentsOf(texts, direct)).toMatchObject({ coherence: 0.4, relevance: 0.2 });
  });
});

describe("compositeReward", () => {
  it("is the weighted mean", () => {
    expect(compositeReward(components(), DEFAULT_REWARD_WEIGHTS)).toBeCloseTo((0.5 + 0.2 * 0.5) / 1.2);
    expect(compositeReward(components(), weights("accuracy=1"))).toBe(0.5);
    expect(compositeReward(components({ coherence: 0.9 }), weights("accuracy=1,coherence=3"))).toBeCloseTo(
      (0.5 + 2.7) / 4,
    );
    const mixed = components();
    mixed.efficiency.latency = { perSample: 400, reference: 100, value: 0.25 };
    expect(compositeReward(mixed, weights("efficiency=1,calls=1,latency=3"))).toBeCloseTo(1.25 / 4);
  });

  it("lies in 0–1, grows with accuracy and does not depend on the scale of the weights", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const weight = fc.double({ min: 0.01, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        unit,
        unit,
        weight,
        weight,
        fc.integer({ min: 0, max: 30 }),
        (a, b, first, second, calls) => {
          const own = componentsOf(evaluation([result("a", calls)]), direct);
          const given: RewardWeights = { ...DEFAULT_REWARD_WEIGHTS, accuracy: first, efficiency: second };
          const [low, high] = [Math.min(a, b), Math.max(a, b)].map((accuracy) =>
            compositeReward({ ...own, accuracy }, given),
          ) as [number, number];
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1 + 1e-12);
          expect(low).toBeLessThanOrEqual(high);
          const scaled = { ...given, accuracy: first * 7, efficiency: second * 7 };
          expect(compositeReward({ ...own, accuracy: low }, scaled)).toBeCloseTo(
            compositeReward({ ...own, accuracy: low }, given),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it("refuses a weight on what was not recorded, and only then", () => {
    const bare = components({ relevance: null });
    expect(() => compositeReward(bare, weights("accuracy=1,relevance=0.1"))).toThrow(/no recorded relevance/);
    expect(compositeReward(bare, weights("accuracy=1,relevance=0"))).toBe(0.5);
    bare.efficiency.steps = null;
    expect(() => compositeReward(bare, DEFAULT_REWARD_WEIGHTS)).toThrow(/no recorded steps/);
    expect(compositeReward(bare, weights("efficiency=1,calls=1"))).toBe(0.5);
    expect(() => compositeReward(undefined, DEFAULT_REWARD_WEIGHTS)).toThrow(/no recorded accuracy/);
  });

  it("is 0 for invalid candidates, and rests on the screening set for those screened out", () => {
    const history = { best: 0.5, previous: 0.5, sampleCount: 2 };
    const base = { accuracy: null, screenAccuracy: null };
    expect(rewardOf("composite", { ...base, outcome: "invalid" }, history)).toBe(0);
    expect(
      rewardOf("composite", { ...base, outcome: "screened-out", components: components() }, history),
    ).toBeCloseTo(0.5);
  });
});

describe("weights", () => {
  const config = (rewardWeights: unknown, reward: string | undefined = "composite") =>
    parseRunConfig({ task: "counting", executor: "simulated", reward, rewardWeights } as never).rewardWeights;

  it.each([
    [
      "accuracy=1,efficiency=0.5",
      { accuracy: 1, efficiency: 0.5, calls: 1, tokens: 1, steps: 1, latency: 0 },
    ],
    [" accuracy : 2 , coherence = 1e-1 ", { accuracy: 2, coherence: 0.1, efficiency: 0, calls: 0 }],
    ["efficiency=1,latency=1", { accuracy: 0, efficiency: 1, latency: 1, calls: 0, tokens: 0 }],
  ])("reads %s", (text, expected) => {
    expect(weights(text)).toMatchObject(expected);
    expect(config(text)).toEqual(weights(text));
    // What was resolved and written into a run is read back the same.
    expect(config(weights(text))).toEqual(weights(text));
  });

  it("reads a map too", () => {
    expect(config({ accuracy: 1, efficiency: 0.2, coherence: 0, relevance: 0 })).toEqual(
      DEFAULT_REWARD_WEIGHTS,
    );
  });

  it.each([
    ["", /must be weights such as/],
    ["accuracy", /must be weights such as/],
    ["accuracy=x", /must be weights such as/],
    ["accuracy=1,accuracy=2", /names accuracy twice/],
    ["acuracy=1", /unknown component "acuracy"; did you mean accuracy/],
    ["accuracy=-1", /weight of accuracy that is no number from 0/],
    ["accuracy=1e9", /weight of accuracy that is no number from 0/],
    ["accuracy=0", /must give one of/],
    ["efficiency=1,calls=0", /must give a part of efficiency/],
    ["accuracy=1,calls=1", /gives efficiency no weight/],
  ])("refuses %j", (text, message) => {
    expect(() => weights(text)).toThrow(message);
    expect(() => config(text)).toThrow(message);
  });

  it("refuses odd maps, and weights beside another reward", () => {
    expect(() => config({ accuracy: "1" })).toThrow(/weight of accuracy that is no number/);
    expect(() => config({ accuracy: Number.NaN })).toThrow(/no number/);
    expect(() => config([1])).toThrow(/rewardWeights/);
    expect(() => config("accuracy=1", "accuracy")).toThrow(/composite reward only/);
    expect(() => chosenRewardWeights("discrete", "accuracy=1")).toThrow(/composite reward only/);
    expect(chosenRewardWeights("discrete", undefined)).toBeUndefined();
  });
});

describe("refuseUnmeasured", () => {
  const scorer = (components?: Scorer["components"]): Scorer => ({
    metric: "f1",
    score: () => ({ value: 1, isCorrect: true, extracted: "" }),
    ...(components === undefined ? {} : { components }),
  });
  const run = (text: string) => ({ reward: "composite", rewardWeights: weights(text) });

  it("names task, scorer and component before anything is paid", () => {
    const task = { name: "essays", scorer: scorer(["coherence"]) };
    expect(() => refuseUnmeasured(run("accuracy=1,coherence=1"), task)).not.toThrow();
    expect(() => refuseUnmeasured(run("accuracy=1,relevance=1"), task)).toThrow(
      /scorer of essays \(f1\) does not measure relevance/,
    );
    expect(() => refuseUnmeasured({ reward: "discrete" }, { ...task, scorer: scorer() })).not.toThrow();
  });
});
