/** @file What rounds ask of the executor: every part of them counted once. */
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../src/config/config-layers.js";
import { forecastRounds } from "../../../src/learn/forecast-rounds.js";
import { madeBench, madeTask } from "../../support/scripted-search.js";

const config = (settings: object) =>
  parseRunConfig({
    ...{ task: "a", executor: "simulated", episodes: 3, turns: 1, candidates: 2, screen: 0, testLimit: 5 },
    learn: { rounds: 2, evaluationEpisodes: 4, candidatesSchedule: "6,2", ...settings },
  });

describe("forecastRounds", () => {
  const task = madeTask({ splits: ["validation"] });
  const { bench } = madeBench(() => 1, { baselines: "direct", screen: 0 }, { task });
  const items = bench.validation.length;
  const callsOf = (settings: object) =>
    forecastRounds(config(settings), { train: [bench], judge: [bench] }, undefined).executorCalls;

  it("adds up baselines, candidates by their schedule, and judging of the base and of every adapter", () => {
    const designed = 3 * (6 + 2) * items + 3 * 4 * 2 * items;
    expect(callsOf({})).toBe(items + 2 * designed);
  });

  it("counts the control, and no judging where there is none", () => {
    expect(callsOf({ control: "random" }) - callsOf({})).toBe(2 * 4 * 2 * items);
    expect(callsOf({ evaluationEpisodes: 0 })).toBe(items + 2 * 3 * 8 * items);
  });
});
