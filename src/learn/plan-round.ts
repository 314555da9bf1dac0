/** @file Which tasks the episodes of a round are played on. */

import type { LearnSettings } from "../config/learn-schema.js";
import { seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { mean } from "../core/statistics.js";
import type { RoundPlan } from "../records/round-record.js";

/** Facts known of a training task when a round is planned. */
export interface TaskHistory {
  name: string;
  /** Accuracy of the plainest workflow, 0–1. */
  baseline: number;
  /** Rewards of earlier rounds' candidates, by round; empty where it was not played. */
  rewards: readonly (readonly number[])[];
  /** Best accuracy reached in each of them, or null. */
  best: readonly (number | null)[];
}

export type CurriculumSettings = Pick<
  LearnSettings,
  "curriculum" | "stages" | "promoteAt" | "stageRounds" | "mixing"
>;

/** Value of a schedule in a round from 1 on; the last one stays. */
export function ofRound(values: readonly number[] | undefined, round: number, otherwise: number): number {
  return values?.[Math.min(round, values.length) - 1] ?? otherwise;
}

/** Below and above, a task teaches little: nearly everything fails, or nearly everything works. */
const BAND = { low: 0.05, high: 0.95 };

/**
 * Depends on nothing but its arguments: a resumed run plans the same.
 * @param round - from 1
 * @param episodes - of the whole round
 */
export function planRound(
  tasks: readonly TaskHistory[],
  settings: CurriculumSettings,
  round: number,
  episodes: number,
  seed: number,
): RoundPlan {
  const random = new Random(seedFrom(seed, "curriculum", round));
  switch (settings.curriculum) {
    case "random": {
      const drawn = Array.from({ length: episodes }, () => random.pick(tasks));
      return { episodes: counted(drawn), reason: `random: ${episodes} draws` };
    }
    case "adaptive":
      return adaptive(tasks, round, episodes);
    case "staged":
      return staged(tasks, settings, round, episodes, random);
    default:
      return { episodes: counted(inTurn(tasks, episodes, round)), reason: "fixed: in the order given" };
  }
}

/** Most variance of rewards first: where all candidates score alike, weights cannot tell them apart. */
function adaptive(tasks: readonly TaskHistory[], round: number, episodes: number): RoundPlan {
  const spread = new Map(tasks.map((task) => [task, variance(lastRewards(task))]));
  if (tasks.some((task) => spread.get(task) === undefined)) {
    const fresh = tasks.filter((task) => spread.get(task) === undefined);
    const order = [...fresh, ...tasks.filter((task) => !fresh.includes(task))];
    return {
      episodes: counted(inTurn(order, episodes, 1)),
      reason: `adaptive: tasks not yet played first (${fresh.map(({ name }) => name).join(", ")})`,
    };
  }
  const shares = tasks.map((task) => Math.sqrt(spread.get(task) ?? 0));
  const reason = tasks.map(({ name }, i) => `${name} ${(shares[i] as number).toFixed(2)}`).join(", ");
  return {
    episodes: apportion(tasks, shares, episodes, round),
    reason: `adaptive: by the deviation of the last rewards (${reason})`,
  };
}

/** Easy tasks first, by the accuracy of the plainest workflow. */
function staged(
  tasks: readonly TaskHistory[],
  settings: CurriculumSettings,
  round: number,
  episodes: number,
  random: Random,
): RoundPlan {
  const inBand = tasks.filter(({ baseline }) => baseline >= BAND.low && baseline <= BAND.high);
  const left = inBand.length > 0 ? inBand : tasks;
  const ranked = [...left].sort((a, b) => b.baseline - a.baseline || (a.name < b.name ? -1 : 1));
  const stageCount = Math.min(settings.stages, ranked.length);
  const stages = Array.from({ length: stageCount }, (_, stage) =>
    ranked.slice(
      Math.floor((stage * ranked.length) / stageCount),
      Math.floor(((stage + 1) * ranked.length) / stageCount),
    ),
  );
  // Replays the rounds so far: a stage is left once its tasks have gained enough, or after its rounds.
  let stage = 0;
  let inStage = 0;
  for (let past = 1; past < round; past++) {
    inStage++;
    const gained = (stages[stage] as TaskHistory[]).every((task) => gainOf(task, past) >= settings.promoteAt);
    if (stage + 1 < stageCount && (gained || inStage >= settings.stageRounds)) {
      stage++;
      inStage = 0;
    }
  }
  const current = stages[stage] as TaskHistory[];
  const earlier = stages.slice(0, stage).flat();
  const mixed = earlier.length === 0 ? 0 : Math.round(settings.mixing * episodes);
  const drawn = [
    ...inTurn(current, episodes - mixed, round),
    ...Array.from({ length: mixed }, () => random.pick(earlier)),
  ];
  const leftOut = tasks.length - left.length;
  return {
    episodes: counted(drawn),
    stage: stage + 1,
    reason:
      `staged: stage ${stage + 1} of ${stageCount} (${current.map(({ name }) => name).join(", ")})` +
      (mixed > 0 ? `, ${mixed} episodes of earlier stages` : "") +
      (leftOut > 0 ? `; ${leftOut} tasks left out, too easy or too hard` : ""),
  };
}

/** Share of what the plainest workflow leaves open that the best of the rounds up to `round` has gained. */
function gainOf({ baseline, best }: TaskHistory, round: number): number {
  const reached = Math.max(baseline, ...best.slice(0, round).map((value) => value ?? 0));
  return baseline >= 1 ? 1 : (reached - baseline) / (1 - baseline);
}

function lastRewards({ rewards }: TaskHistory): readonly number[] {
  return rewards.findLast((round) => round.length > 0) ?? [];
}

function variance(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

/** Largest remainders; where all shares are 0 every task gets its turn. */
function apportion(
  tasks: readonly TaskHistory[],
  shares: readonly number[],
  episodes: number,
  round: number,
): RoundPlan["episodes"] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (!(total > 0)) return counted(inTurn(tasks, episodes, round));
  const exact = shares.map((share) => (share / total) * episodes);
  const counts = exact.map(Math.floor);
  const order = exact
    .map((value, i) => ({ i, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.i - b.i);
  const missing = episodes - counts.reduce((sum, count) => sum + count, 0);
  for (const { i } of order.slice(0, missing)) counts[i] = (counts[i] as number) + 1;
  return tasks.flatMap(({ name }, i) =>
    (counts[i] as number) > 0 ? { task: name, count: counts[i] as number } : [],
  );
}

/** Round robin that goes on where the round before ended, so that few episodes still reach all tasks. */
function inTurn(tasks: readonly TaskHistory[], count: number, round: number): TaskHistory[] {
  const start = (round - 1) * count;
  return Array.from({ length: count }, (_, i) => tasks[(start + i) % tasks.length] as TaskHistory);
}

function counted(drawn: readonly TaskHistory[]): RoundPlan["episodes"] {
  const counts = new Map<string, number>();
  for (const { name } of drawn) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([task, count]) => ({ task, count }));
}
