/** @file The data card of a round, also of more examples than a call takes arguments. */
import { describe, expect, it } from "vitest";
import { dataCard } from "../../../src/learn/data-card.js";
import type { TrajectorySample } from "../../../src/learn/examples/trajectory-samples.js";

function sample(reward: number): TrajectorySample {
  return {
    task: "counting",
    episode: 0,
    turn: 0,
    index: 0,
    policy: undefined,
    helper: undefined,
    promptTokens: [1, 2],
    tokens: [3],
    reward,
    candidate: {
      index: 0,
      repairOf: null,
      forced: [],
      techniques: [],
      workflowHash: `h${reward}`,
      source: "s",
      outcome: "scored",
      status: "ok",
      accuracy: reward,
      screenAccuracy: null,
      interval: null,
      n: 4,
      calls: 4,
      tokens: 4,
      dollars: 0,
      reward,
    },
  };
}

describe("dataCard", () => {
  it("counts rewards and weights of any number of examples", () => {
    const [low, high] = [sample(0.25), sample(0.75)];
    const many = Array.from({ length: 300_000 }, (_, i) => (i === 7 ? low : high));
    const card = dataCard([many], [many], [many.map(({ reward }) => reward * 2)]);
    expect(card.rewards).toMatchObject({ lowest: 0.25, highest: 0.75 });
    expect(card.weights).toEqual({ lowest: 0.5, highest: 1.5 });
    expect(card.histogram.map(({ count }) => count)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 299_999]);
    expect(card).toMatchObject({ examples: 300_000, promptTokens: 600_000, actionTokens: 300_000 });
  });
});
