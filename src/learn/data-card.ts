/** @file What a round's examples are made of: counts, rewards, validity, tokens. */
import { rangeOf, type ValueRange } from "../core/range-of.js";
import { mean } from "../core/statistics.js";
import type { DataCard } from "../records/round-record.js";
import { distinctShare, validShare } from "../records/trajectory.js";
import type { TrajectorySample } from "./examples/trajectory-samples.js";

const BINS = 10;

/**
 * @param played - all samples by task
 * @param chosen - those that became examples, by task
 * @param weights - of the chosen ones
 * @param leftOut - numbers of those that were chosen and left out again; in neither list
 */
export function dataCard(
  played: readonly (readonly TrajectorySample[])[],
  chosen: readonly (readonly TrajectorySample[])[],
  weights: readonly (readonly number[])[],
  leftOut?: DataCard["leftOut"],
): DataCard {
  const all = played.flat();
  const candidates = all.map(({ candidate }) => candidate);
  const examples = chosen.flat();
  const rewards = all.map(({ reward }) => reward);
  const range = rangeOf(rewards);
  return {
    candidates: all.length,
    examples: examples.length,
    validShare: validShare(candidates),
    distinctShare: distinctShare(candidates),
    rewards: { mean: mean(rewards), ...range },
    histogram: histogram(rewards, range),
    weights: rangeOf(weights.flat()),
    effectiveExamples: effectiveSize(weights.flat()),
    leftOut,
    promptTokens: examples.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0),
    actionTokens: examples.reduce((sum, { tokens }) => sum + tokens.length, 0),
    tasks: played.map((samples, i) => ({
      task: samples[0]?.task ?? "",
      candidates: samples.length,
      examples: (chosen[i] ?? []).length,
      validShare: validShare(samples.map(({ candidate }) => candidate)),
      distinctShare: distinctShare(samples.map(({ candidate }) => candidate)),
      meanReward: mean(samples.map(({ reward }) => reward)),
      forcedShare: mean(samples.map(({ candidate }) => (candidate.forced.length > 0 ? 1 : 0))),
    })),
  };
}

/** (Σ|w|)² / Σw²: equally heavy examples that would say as much. @source Kish 1965, Survey Sampling, section 8.2 */
function effectiveSize(weights: readonly number[]): number {
  const sum = weights.reduce((total, weight) => total + Math.abs(weight), 0);
  const squares = weights.reduce((total, weight) => total + weight * weight, 0);
  return squares === 0 ? 0 : (sum * sum) / squares;
}

function histogram(rewards: readonly number[], { lowest, highest }: ValueRange): DataCard["histogram"] {
  if (rewards.length === 0) return [];
  if (lowest === highest) return [{ low: lowest, high: highest, count: rewards.length }];
  const width = (highest - lowest) / BINS;
  const counts = new Array<number>(BINS).fill(0);
  for (const reward of rewards) {
    const bin = Math.min(BINS - 1, Math.floor((reward - lowest) / width));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts.map((count, i) => ({ low: lowest + i * width, high: lowest + (i + 1) * width, count }));
}
