/** @file From the rewards of chosen samples to their weights: by task, balanced, with two controls. */

import type { LearnSettings } from "../../config/learn-schema.js";
import type { RewardName } from "../../config/reward-shares.js";
import { Random } from "../../core/random.js";
import { rangeOf } from "../../core/range-of.js";
import { type ExampleWeightOptions, exampleWeights } from "../../train/data/example-weights.js";
import type { TrajectorySample } from "./trajectory-samples.js";

export type WeighSettings = Pick<
  LearnSettings,
  "weighting" | "weightTemperature" | "weightCap" | "invalid" | "unbalanced"
>;

/**
 * Accuracies of one task lie close together, so differences from their mean need a sharp T: 0.06 is what the first
 * measured learning result used, with weights capped at 12. Weights that are not centred take the reference's 0.4: a
 * sharp T would put every accuracy above 0.15 at the cap.
 */
const SHARP_TEMPERATURE = 0.06;

/**
 * Advantages are centred, and shuffled rewards change places, within a task: tasks differ in how hard they are.
 * @param byTask - chosen samples of one round, by task
 * @param seed - of the shuffling control
 * @returns weights in the same order
 */
export function weighSamples(
  byTask: readonly (readonly TrajectorySample[])[],
  settings: WeighSettings,
  reward: RewardName | undefined,
  seed: number,
): number[][] {
  const count = byTask.reduce((sum, samples) => sum + samples.length, 0);
  return byTask.map((samples, task) => {
    const rewards = samples.map((sample) => sample.reward);
    let weights = weighRewards(rewards, settings, reward, new Random(seed).derive("shuffled", task));
    if (settings.invalid === "floor" && weights.length > 0) {
      const floor = rangeOf(weights).lowest;
      weights = weights.map((weight, i) => (samples[i]?.candidate.outcome === "invalid" ? floor : weight));
    }
    if (settings.unbalanced) return weights;
    // Every task's samples together weigh as if tasks had equally many.
    const share = count / byTask.length / Math.max(1, samples.length);
    return weights.map((weight) => weight * share);
  });
}

/**
 * Weights of the rewards of one task, in the same order.
 * @param reward - what they are; undefined where nobody knows
 * @param random - of the shuffling control
 */
export function weighRewards(
  rewards: readonly number[],
  settings: Pick<WeighSettings, "weighting" | "weightTemperature" | "weightCap">,
  reward: RewardName | undefined,
  random: Random,
): number[] {
  if (settings.weighting === "uniform") return rewards.map(() => 1);
  const placed = settings.weighting === "shuffled" ? random.shuffle(rewards) : rewards;
  return exampleWeights(placed, weightOptions(settings, reward));
}

export function weightOptions(
  settings: Pick<WeighSettings, "weighting" | "weightTemperature" | "weightCap">,
  reward: RewardName | undefined,
): ExampleWeightOptions {
  const { weighting, weightTemperature, weightCap } = settings;
  if (weighting === "binary") return { kind: "binary" };
  if (weighting === "exponential")
    return { kind: "exponential", temperature: weightTemperature, cap: weightCap };
  // A composite reward is mostly an accuracy, and lies as close together.
  const isContinuous = reward === "accuracy" || reward === "composite";
  const temperature = weightTemperature ?? (isContinuous ? SHARP_TEMPERATURE : undefined);
  return { kind: "advantage", temperature, cap: weightCap };
}
