/** @file Which tasks a round plays: by order, chance, spread of rewards, and stages. */
import { describe, expect, it } from "vitest";
import { type CurriculumSettings, planRound, type TaskHistory } from "../../../src/learn/plan-round.js";

const task = (name: string, more: Partial<TaskHistory> = {}): TaskHistory => ({
  name,
  baseline: 0.5,
  rewards: [],
  best: [],
  ...more,
});
const settings = (more: Partial<CurriculumSettings> = {}): CurriculumSettings => ({
  curriculum: "fixed",
  stages: 2,
  promoteAt: 0.5,
  stageRounds: 2,
  mixing: 0.25,
  ...more,
});
const total = (episodes: readonly { count: number }[]) => episodes.reduce((sum, { count }) => sum + count, 0);

describe("planRound", () => {
  it("deals fixed rounds in turn, and goes on where the round before ended", () => {
    const tasks = ["a", "b", "c"].map((name) => task(name));
    expect(planRound(tasks, settings(), 1, 2, 0).episodes).toEqual([
      { task: "a", count: 1 },
      { task: "b", count: 1 },
    ]);
    expect(planRound(tasks, settings(), 2, 2, 0).episodes).toEqual([
      { task: "c", count: 1 },
      { task: "a", count: 1 },
    ]);
  });

  it("draws random rounds by seed and round alone", () => {
    const tasks = ["a", "b", "c", "d"].map((name) => task(name));
    const plan = (round: number, seed: number) =>
      planRound(tasks, settings({ curriculum: "random" }), round, 8, seed).episodes;
    expect(plan(1, 7)).toEqual(plan(1, 7));
    expect(plan(1, 7)).not.toEqual(plan(2, 7));
    expect(total(plan(3, 7))).toBe(8);
  });

  it("gives adaptive rounds to the tasks whose rewards spread most, new ones first", () => {
    const adaptive = settings({ curriculum: "adaptive" });
    const spread = task("spread", { rewards: [[0, 1, 0, 1]] });
    const narrow = task("narrow", { rewards: [[0.4, 0.6, 0.4, 0.6]] });
    const flat = task("flat", { rewards: [[0.5, 0.5]] });
    // Deviations 0.5 and 0.1 of 0.6: five sixths and one sixth of six episodes.
    expect(planRound([spread, narrow, flat], adaptive, 2, 6, 0).episodes).toEqual([
      { task: "spread", count: 5 },
      { task: "narrow", count: 1 },
    ]);
    const fresh = planRound([spread, task("new")], adaptive, 2, 1, 0);
    expect(fresh.episodes).toEqual([{ task: "new", count: 1 }]);
    expect(planRound([flat], adaptive, 2, 3, 0).episodes).toEqual([{ task: "flat", count: 3 }]);
  });

  it("stages from easy to hard, leaves out what teaches nothing, and mixes earlier stages in", () => {
    const staged = settings({ curriculum: "staged", promoteAt: 0.5, stageRounds: 2 });
    const tasks = (best: readonly (number | null)[]) => [
      task("hard", { baseline: 0.2, best }),
      task("easy", { baseline: 0.8, best }),
      task("solved", { baseline: 1 }),
    ];
    const first = planRound(tasks([]), staged, 1, 4, 0);
    expect(first).toMatchObject({ stage: 1, episodes: [{ task: "easy", count: 4 }] });
    expect(first.reason).toContain("1 tasks left out");
    // 0.85 is a quarter of what 0.8 leaves open: not enough after one round, but two rounds are the limit.
    expect(planRound(tasks([0.85]), staged, 2, 4, 0).stage).toBe(1);
    const opened = planRound(tasks([0.85, 0.85]), staged, 3, 4, 0);
    expect(opened).toMatchObject({
      stage: 2,
      episodes: [
        { task: "hard", count: 3 },
        { task: "easy", count: 1 },
      ],
    });
    expect(planRound(tasks([0.92]), staged, 2, 4, 0).stage).toBe(2);
  });
});
