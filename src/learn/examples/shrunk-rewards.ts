/** @file Rewards of a task's candidates without the luck of few items: screened-out ones and survivors on one scale. */
import { rangeOf } from "../../core/range-of.js";
import { groupBy, mean } from "../../core/statistics.js";
import { estimateShrinkage, type ObservedMean, shrunk } from "../../design/shrinkage.js";
import { pooledItemNoise } from "../../design/spread-posterior.js";
import type { CandidateRecord } from "../../records/trajectory.js";
import { expectedRewards, type MeasuredWorkflow } from "./expected-rewards.js";

/** A candidate with the turn it was written in and its reward, a mean over items. */
export interface RewardedCandidate {
  /** Candidates with the same one were written from the same state. */
  turn: string;
  candidate: Pick<CandidateRecord, "outcome" | "workflowHash" | "screenAccuracy" | "n" | "techniques">;
  reward: number;
}

/** What a reward says once luck is taken off. */
export interface ShrunkReward {
  /** Expected true reward of the candidate, x. */
  estimate: number;
  /** Expected true reward of a candidate of its turn, b; x − b is the advantage. */
  baseline: number;
}

/** Items of a screening where older records do not tell: the default of that time. */
const USUAL_SCREEN = 4;

/**
 * Shrunk rewards of the candidates of one task and round:
 *
 *     x = the expected true reward given mean, n and techniques, over the distinct workflows of the task (expectedRewards)
 *     b = c + ρ (mean of x in the turn − c), with c and ρ by estimateShrinkage over the turns of the task
 *
 * so that b is the mean of the task where turns do not differ by more than their candidates do, and the mean of the turn where they do. A workflow that was written several
 * times has the estimate of its longest measurement. An invalid candidate keeps its reward, since no luck is in it, and has no part
 * in baselines.
 * @param candidates - with what was measured of each, lost ones left out
 * @returns in the order given
 */
export function shrunkRewards(candidates: readonly RewardedCandidate[]): ShrunkReward[] {
  const estimates = estimatesOf(candidates);
  const isValid = (index: number) => candidates[index]?.candidate.outcome !== "invalid";
  const indices = candidates.map((_, index) => index).filter(isValid);
  const turns = groupBy(indices, (index) => (candidates[index] as RewardedCandidate).turn);
  const inTurns = [...turns].map(([turn, own]) => ({
    turn,
    values: own.map((index) => estimates[index] as number),
  }));
  const means = inTurns.map(({ values }) => ({ mean: mean(values), n: values.length }));
  const free = indices.length - inTurns.length;
  const squares = inTurns.flatMap(({ values }, i) =>
    values.map((value) => (value - (means[i] as ObservedMean).mean) ** 2),
  );
  const centre = mean(indices.map((index) => estimates[index] as number));
  const noise = free === 0 ? 0 : squares.reduce((sum, square) => sum + square, 0) / free;
  const shrinkage = noise > 0 ? estimateShrinkage(means, noise) : undefined;
  const baselines = new Map(
    inTurns.map(({ turn }, i) => {
      const own = means[i] as ObservedMean;
      // One candidate in each turn says nothing of how turns differ; candidates that are all alike say all of it.
      return [turn, shrinkage ? shrunk(own, shrinkage) : free === 0 ? centre : own.mean] as const;
    }),
  );
  return candidates.map(({ turn }, index) => ({
    estimate: estimates[index] as number,
    baseline: baselines.get(turn) ?? shrinkage?.centre ?? centre,
  }));
}

function estimatesOf(candidates: readonly RewardedCandidate[]): number[] {
  const screened = screenedItems(candidates);
  const longest = new Map<string, MeasuredWorkflow>();
  const keyOf = ({ candidate }: RewardedCandidate, index: number) =>
    candidate.workflowHash ?? `candidate ${index}`;
  for (const [index, one] of candidates.entries()) {
    const { candidate, reward } = one;
    if (candidate.outcome === "invalid") continue;
    const key = keyOf(one, index);
    const n = candidate.n > 0 ? candidate.n : screened;
    if (n > (longest.get(key)?.n ?? 0))
      longest.set(key, { mean: reward, n, techniques: candidate.techniques });
  }
  const observed = [...longest.values()];
  const expected = expectedRewards(observed, pooledItemNoise(observed));
  const byWorkflow = new Map([...longest.keys()].map((key, i) => [key, expected[i] as number]));
  return candidates.map((one, index) =>
    one.candidate.outcome === "invalid" ? one.reward : (byWorkflow.get(keyOf(one, index)) as number),
  );
}

/** Items of the screening: records of older versions do not tell. The usual number, or the fewest that explain all accuracies on it. */
function screenedItems(candidates: readonly RewardedCandidate[]): number {
  const accuracies = candidates.flatMap(({ candidate }) => candidate.screenAccuracy ?? []);
  const explains = (n: number) =>
    accuracies.every((accuracy) => Math.abs(accuracy * n - Math.round(accuracy * n)) < 1e-6);
  const { highest } = rangeOf(candidates.map(({ candidate }) => candidate.n));
  for (let n = explains(USUAL_SCREEN) ? USUAL_SCREEN : 1; n <= highest; n++) if (explains(n)) return n;
  return USUAL_SCREEN;
}
