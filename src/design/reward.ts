/** @file Rewards of a candidate: pure functions of the evaluation history, fixed at the start of a turn. */

import { DEFAULT_REWARD_WEIGHTS, type RewardName, type RewardWeights } from "../config/reward-shares.js";
import { compositeReward, type RewardComponents } from "./composite-reward.js";

/** Facts known when the turn began: the same for all its candidates, so that their order changes nothing. */
export interface RewardHistory {
  /** Best accuracy of the episode so far, the baselines shown included. */
  best: number;
  /** Accuracy of the workflow the turn started from. */
  previous: number;
  /** Number of validation samples behind an accuracy. */
  sampleCount: number;
}

export type RewardFunction = (accuracy: number, history: RewardHistory) => number;

const LOW_ACCURACY = 0.3;
const LOW_ACCURACY_DEDUCTION = 0.1;

/**
 * Reward in steps: 1 beats the best so far, 0.5 beats the previous entry, else 0; 0.1 less below accuracy 0.3.
 * @source the reference code of W4S (arXiv 2504.04785): discrete reward.
 */
export function discreteReward(): RewardFunction {
  return (accuracy, { best, previous }) => {
    const gain = accuracy > best ? 1 : accuracy > previous ? 0.5 : 0;
    return accuracy < LOW_ACCURACY ? gain - LOW_ACCURACY_DEDUCTION : gain;
  };
}

/**
 * Reward by relative gain: (accuracy − best) / max(best, 1/n), clipped to ±1; n is the number of validation samples.
 * @source the continuous reward of the same code, with a floor so that a best of 0 does not divide by zero.
 */
export function relativeGainReward(): RewardFunction {
  return (accuracy, { best, sampleCount }) => {
    const scale = Math.max(best, 1 / Math.max(1, sampleCount));
    return Math.max(-1, Math.min(1, (accuracy - best) / scale));
  };
}

/** The accuracy itself: for weights that are centred by task, where what was best before does not matter. */
function accuracyReward(): RewardFunction {
  return (accuracy) => accuracy;
}

const REWARDS: Record<Exclude<RewardName, "composite">, () => RewardFunction> = {
  discrete: discreteReward,
  "relative-gain": relativeGainReward,
  accuracy: accuracyReward,
};

/** Candidate that a reward is computed from; all of it is recorded with the candidate, so that it can be computed anew. */
export interface ScoredCandidate {
  outcome: "scored" | "screened-out" | "invalid" | "lost";
  accuracy: number | null;
  screenAccuracy: number | null;
  /** Where samples were lost: the accuracy that is rewarded, on common samples (see the record of a candidate). */
  commonAccuracy?: number | undefined;
  /** Components of candidates that ran; absent in files of older versions. */
  components?: RewardComponents | undefined;
}

/**
 * The reward of a candidate. An invalid workflow has accuracy 0 and gets what the reward makes of that; one that was
 * screened out gets its accuracy (its components) on the screening set where these themselves are the reward. Other rewards
 * make of that accuracy what they would of any, at most 0: losing the screening never pays better than passing it.
 * One that lost too many samples gets 0, which says nothing: whoever uses rewards leaves it out.
 * @param weights - of the composite reward
 * @param paysScreening - false as in runs begun before that: screened out is 0, also where passing pays less
 * @throws {InputError} when a component that has a weight was not recorded
 */
export function rewardOf(
  name: RewardName,
  candidate: ScoredCandidate,
  history: RewardHistory,
  weights: RewardWeights = DEFAULT_REWARD_WEIGHTS,
  paysScreening = true,
): number {
  const { outcome, accuracy, screenAccuracy, commonAccuracy, components } = candidate;
  if (outcome === "lost") return 0;
  if (name === "composite") return outcome === "invalid" ? 0 : compositeReward(components, weights);
  const level = commonAccuracy ?? (outcome === "screened-out" ? screenAccuracy : accuracy) ?? 0;
  const reward = REWARDS[name]()(level, history);
  if (outcome !== "screened-out" || name === "accuracy") return reward;
  return paysScreening ? Math.min(0, reward) : 0;
}
