/** @file Judging policies: episodes to figures. */
import { describe, expect, it } from "vitest";
import type { Evaluation } from "../../../src/evaluate/evaluation.js";
import { episodeScores, policyScore } from "../../../src/learn/policy-score.js";
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
const NO_ITEMS = { ids: [], evaluations: [] };

describe("episodeScores and policyScore", () => {
  it("says nothing by candidates that lost their samples, and compares the others on common ones", () => {
    const lost = candidate(null, "lost", { outcome: "lost", lost: 3 });
    const turns = [
      turn(0, [lost, candidate(0.9, "a", { commonAccuracy: 0.5 }), candidate(0.25, "b")]),
      turn(1, [lost, lost]),
    ];
    const scores = episodeScores("t", 1, turns, NO_ITEMS);
    expect(scores).toMatchObject([{ episode: 0, meanReward: 0.375, best: 0.5, candidates: 2, valid: 2 }]);
  });

  it("tells the mean of the candidates on each item, and takes a candidate's own mean where it has no score", () => {
    const result = (sampleId: string, score: number, status = "ok") => ({ sampleId, score, status });
    const evaluations = [
      { workflowHash: "a", results: [result("x", 1), result("y", 0), result("z", 0, "error")] },
    ] as unknown as Evaluation[];
    const screened = candidate(null, "b", { outcome: "screened-out", screenAccuracy: 0.2 });
    const turns = [turn(0, [candidate(0.5, "a"), candidate(0.5, "a"), screened, candidate(null, "c")])];
    const [score] = episodeScores("t", 1, turns, { ids: ["x", "y", "z"], evaluations });
    expect(score?.items).toEqual([0.55, 0.05, 0.3]);
    expect(score?.meanReward).toBeCloseTo(0.3, 12);
  });

  it("counts an invalid candidate as accuracy 0 and never as the best", () => {
    const turns = [
      turn(0, [candidate(0.5, "a"), candidate(1, "b"), candidate(null, "c")]),
      turn(1, [candidate(0.25, "a"), candidate(0.25, "a")]),
    ];
    const scores = episodeScores("t", 1, turns, NO_ITEMS);
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
