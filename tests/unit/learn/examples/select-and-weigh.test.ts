/** @file From recorded samples to weighted examples: filters, controls, balance, data card. */
import { describe, expect, it } from "vitest";
import { dataCard } from "../../../../src/learn/data-card.js";
import { type SelectSettings, selectSamples } from "../../../../src/learn/examples/select-samples.js";
import type { TrajectorySample } from "../../../../src/learn/examples/trajectory-samples.js";
import { type WeighSettings, weighSamples } from "../../../../src/learn/examples/weigh-samples.js";
import type { CandidateRecord } from "../../../../src/records/trajectory.js";

interface Parts {
  reward: number;
  episode?: number;
  turn?: number;
  tokens?: number[];
  outcome?: CandidateRecord["outcome"];
  task?: string;
}

const sample = (
  { reward, episode = 0, turn = 0, tokens, outcome = "scored", task = "t" }: Parts,
  index: number,
) =>
  ({
    task,
    episode,
    turn,
    index,
    policy: undefined,
    promptTokens: [1, 2, episode, turn],
    tokens: tokens ?? [10 + index],
    candidate: { outcome, workflowHash: outcome === "invalid" ? null : `hash ${index}`, forced: [] },
    reward,
  }) as unknown as TrajectorySample;
const samples = (...parts: Parts[]) => parts.map(sample);
const select = (more: Partial<SelectSettings> = {}): SelectSettings => ({
  keep: "all",
  onlySuccess: false,
  untilLastReward: false,
  invalid: "keep",
  countDuplicates: false,
  ...more,
});
const weigh = (more: Partial<WeighSettings> = {}): WeighSettings => ({
  weighting: "advantage",
  invalid: "keep",
  unbalanced: true,
  ...more,
});
const rewards = (chosen: readonly TrajectorySample[]) => chosen.map(({ reward }) => reward);

describe("selectSamples", () => {
  const all = samples(
    { reward: 0.1, turn: 0 },
    { reward: 0.9, turn: 0 },
    { reward: 0, turn: 1, outcome: "invalid" },
    { reward: 0, turn: 1 },
  );

  it("keeps all by default, one of equal replies to one prompt", () => {
    const twice = samples(
      { reward: 0.5, tokens: [7] },
      { reward: 0.5, tokens: [7] },
      { reward: 0.5, turn: 1, tokens: [7] },
    );
    expect(selectSamples(all, select())).toHaveLength(4);
    expect(selectSamples(twice, select())).toHaveLength(2);
    expect(selectSamples(twice, select({ countDuplicates: true }))).toHaveLength(3);
  });

  it("filters by merit, success, turn and validity", () => {
    expect(rewards(selectSamples(all, select({ keep: "best" })))).toEqual([0.9, 0]);
    expect(rewards(selectSamples(all, select({ onlySuccess: true })))).toEqual([0.1, 0.9]);
    expect(rewards(selectSamples(all, select({ untilLastReward: true })))).toEqual([0.1, 0.9]);
    expect(rewards(selectSamples(all, select({ keepTurns: [2] })))).toEqual([0, 0]);
    expect(selectSamples(all, select({ invalid: "drop" }))).toHaveLength(3);
  });
});

describe("weighSamples", () => {
  const [easy, hard] = [samples({ reward: 0.9 }, { reward: 0.7 }), samples({ reward: 0.3 }, { reward: 0.1 })];

  it("centres accuracies by task with a sharp temperature, so that both tasks weigh alike", () => {
    const [a, b] = weighSamples([easy, hard], weigh(), "accuracy", 0) as [number[], number[]];
    // exp(0.1 / 0.06) and exp(−0.1 / 0.06).
    expect(a[0]).toBeCloseTo(5.294, 3);
    expect(a[1]).toBeCloseTo(0.1889, 4);
    for (const [i, weight] of b.entries()) expect(weight).toBeCloseTo(a[i] as number, 9);
  });

  it("keeps the reference's exponential weights for discrete rewards", () => {
    const [weights] = weighSamples(
      [samples({ reward: 1 }, { reward: 0.5 }, { reward: 0 })],
      weigh({ weighting: "exponential" }),
      "discrete",
      0,
    );
    expect(weights?.map((weight) => Number(weight.toFixed(2)))).toEqual([12.18, 3.49, 1]);
  });

  it("bounds exponential weights of accuracies, and still tells them apart", () => {
    const accuracies = samples({ reward: 1 }, { reward: 0.5 }, { reward: 0 });
    const exponential = (more: Partial<WeighSettings>) =>
      weighSamples([accuracies], weigh({ weighting: "exponential", ...more }), "accuracy", 0)[0] as number[];
    expect(exponential({}).map((weight) => Number(weight.toFixed(2)))).toEqual([12.18, 3.49, 1]);
    // exp(0.5 / 0.06) is 4,160.
    expect(exponential({ weightTemperature: 0.06 })).toEqual([Math.exp(2.5), Math.exp(2.5), 1]);
    expect(exponential({ weightTemperature: 0.06, weightCap: 5000 })[1]).toBeCloseTo(4160.26, 1);
  });

  it("has two controls: all alike, and the same weights dealt out anew within a task", () => {
    expect(weighSamples([easy, hard], weigh({ weighting: "uniform" }), "accuracy", 0)).toEqual([
      [1, 1],
      [1, 1],
    ]);
    const many = samples(...Array.from({ length: 12 }, (_, i) => ({ reward: i / 12 })));
    const [plain] = weighSamples([many], weigh(), "accuracy", 3) as [number[]];
    const [shuffled] = weighSamples([many], weigh({ weighting: "shuffled" }), "accuracy", 3) as [number[]];
    expect(shuffled).not.toEqual(plain);
    expect([...shuffled].sort()).toEqual([...plain].sort());
    expect(weighSamples([many], weigh({ weighting: "shuffled" }), "accuracy", 3)).toEqual([shuffled]);
  });

  it("gives invalid candidates the smallest weight where asked", () => {
    const mixed = samples({ reward: 1, outcome: "invalid" }, { reward: 0.5 }, { reward: 0 });
    const [weights] = weighSamples(
      [mixed],
      weigh({ weighting: "exponential", invalid: "floor" }),
      "discrete",
      0,
    );
    expect(weights).toEqual([1, expect.closeTo(3.49, 2), 1]);
  });

  it("balances tasks of different size", () => {
    const few = samples({ reward: 0 });
    const many = samples({ reward: 0 }, { reward: 0 }, { reward: 0 });
    const weights = weighSamples(
      [few, many],
      weigh({ weighting: "uniform", unbalanced: false }),
      "accuracy",
      0,
    );
    expect(weights).toEqual([[2], [expect.closeTo(2 / 3), expect.closeTo(2 / 3), expect.closeTo(2 / 3)]]);
  });
});

describe("dataCard", () => {
  it("counts what was played and what became examples", () => {
    const played = [
      samples({ reward: 0, outcome: "invalid" }, { reward: 0.5 }, { reward: 1 }),
      samples({ reward: 0.5, task: "u" }),
    ];
    const chosen = played.map((own) => own.filter(({ candidate }) => candidate.outcome !== "invalid"));
    const card = dataCard(played, chosen, [[1, 2], [3]]);
    expect(card).toMatchObject({
      candidates: 4,
      examples: 3,
      validShare: 0.75,
      rewards: { mean: 0.5, lowest: 0, highest: 1 },
      weights: { lowest: 1, highest: 3 },
      promptTokens: 12,
      actionTokens: 3,
    });
    expect(card.histogram.map(({ count }) => count)).toEqual([1, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
    expect(card.tasks.map(({ task, examples }) => [task, examples])).toEqual([
      ["t", 2],
      ["u", 1],
    ]);
  });

  it("counts more candidates than a call has arguments", () => {
    const played = Array.from({ length: 200_000 }, (_, i) => sample({ reward: (i % 11) / 10 }, i));
    const card = dataCard([played], [played], [played.map((_, i) => i)]);
    expect(card.rewards).toMatchObject({ lowest: 0, highest: 1 });
    expect(card.weights).toEqual({ lowest: 0, highest: 199_999 });
    const [floored] = weighSamples([played], weigh({ invalid: "floor" }), "accuracy", 0) as [number[]];
    expect(floored).toHaveLength(200_000);
  });
});
