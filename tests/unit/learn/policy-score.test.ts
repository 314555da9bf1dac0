/** @file Judging policies: episodes to figures, paired differences, acceptance. */
import { describe, expect, it } from "vitest";
import { acceptance } from "../../../src/learn/acceptance.js";
import { comparePolicies, episodeScores, policyScore } from "../../../src/learn/policy-score.js";
import type { EpisodeScore } from "../../../src/records/round-record.js";
import type { TurnRecord } from "../../../src/records/trajectory.js";

const candidate = (accuracy: number | null, hash: string, more: object = {}) => ({
  index: 0,
  repairOf: null,
  forced: [],
  techniques: ["steps"],
  workflowHash: hash,
  source: hash,
  outcome: accuracy === null ? "invalid" : "scored",
  status: "ok",
  accuracy,
  screenAccuracy: null,
  interval: null,
  n: 4,
  calls: 4,
  tokens: 100,
  dollars: 0,
  reward: 0,
  ...more,
});
const turn = (episode: number, candidates: readonly object[]) =>
  ({ kind: "turn", episode, turn: 0, candidates }) as unknown as TurnRecord;
const episode = (task: string, number: number, meanReward: number): EpisodeScore => ({
  task,
  seed: 1,
  episode: number,
  meanReward,
  best: meanReward,
  candidates: 1,
  valid: 1,
  workflows: [],
  executorTokens: 0,
  dollars: 0,
  techniques: {},
});

describe("episodeScores and policyScore", () => {
  it("says nothing by candidates that lost their samples, and compares the others on common ones", () => {
    const lost = candidate(null, "lost", { outcome: "lost", lost: 3 });
    const scores = episodeScores("t", 1, [
      turn(0, [lost, candidate(0.9, "a", { commonAccuracy: 0.5 }), candidate(0.25, "b")]),
      turn(1, [lost, lost]),
    ]);
    expect(scores).toMatchObject([{ episode: 0, meanReward: 0.375, best: 0.5, candidates: 2, valid: 2 }]);
  });

  it("counts an invalid candidate as accuracy 0 and never as the best", () => {
    const scores = episodeScores("t", 1, [
      turn(0, [candidate(0.5, "a"), candidate(1, "b"), candidate(null, "c")]),
      turn(1, [candidate(0.25, "a"), candidate(0.25, "a")]),
    ]);
    expect(scores.map(({ meanReward, best, valid }) => [meanReward, best, valid])).toEqual([
      [0.5, 1, 2],
      [0.25, 0.25, 2],
    ]);
    expect(policyScore(scores)).toMatchObject({
      episodes: 2,
      meanReward: 0.375,
      best: 0.625,
      validShare: 0.8,
      distinctShare: 0.75,
      executorTokensPerCandidate: 100,
      techniques: { steps: 1 },
    });
  });
});

describe("comparePolicies", () => {
  it("pairs episodes by task, seed and number, and leaves unpaired ones out", () => {
    const a = [episode("t", 0, 0.8), episode("t", 1, 0.6), episode("u", 0, 0.5)];
    const b = [episode("t", 1, 0.5), episode("t", 0, 0.6), episode("u", 9, 0.1)];
    const { pairs, meanReward } = comparePolicies(a, b, 0);
    expect(pairs).toBe(2);
    expect(meanReward.mean).toBeCloseTo(0.15, 9);
    expect(meanReward.interval.low).toBeGreaterThanOrEqual(0.1 - 1e-9);
    expect(meanReward.interval.high).toBeLessThanOrEqual(0.2 + 1e-9);
  });

  it("knows nothing from one pair", () => {
    expect(comparePolicies([episode("t", 0, 1)], [episode("t", 0, 0)], 0).meanReward.interval).toEqual({
      low: -1,
      high: 1,
    });
  });
});

describe("acceptance", () => {
  const difference = (low: number, high: number) => {
    const figures = { mean: (low + high) / 2, interval: { low, high } };
    return { pairs: 8, meanReward: figures, best: figures };
  };

  it("refuses only what is worse beyond doubt", () => {
    expect(acceptance(difference(-0.3, -0.1), "not-worse")).toMatchObject({ isAccepted: false });
    expect(acceptance(difference(-0.3, 0.1), "not-worse")).toMatchObject({ isAccepted: true });
    expect(acceptance(difference(-0.3, -0.1), "always")).toMatchObject({ isAccepted: true });
    expect(acceptance(null, "not-worse").reason).toContain("unjudged");
  });
});
