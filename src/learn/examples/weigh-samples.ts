/** @file From the rewards of chosen samples to their weights: by task, balanced, with two controls. */

import type { LearnSettings } from "../../config/learn-schema.js";
import { Random } from "../../core/random.js";
import { extent } from "../../core/statistics.js";
import type { RewardName } from "../../design/reward.js";
import { type RewardWeightOptions, rewardWeights } from "../../train/data/example-weights.js";
import type { TrajectorySample } from "./trajectory-samples.js";

export type WeighSettings = Pick<
  LearnSettings,
  "weighting" | "weightTemperature" | "weightCap" | "invalid" | "unbalanced"
>;

/**
 * Accuracies of one task lie close together, so their differences need a sharp T: 0.06 is what the first measured
 * learning result used, with weights capped at 12. Discrete rewards take the reference's 0.4.
 */
const SHARP_TEMPERATURE = 0.06;
const DEFAULT_TEMPERATURE = 0.4;

/**
 * Advantages are centred, and shuffled rewards change places, within a task: tasks differ in how hard they are.
 * @param byTask - chosen samples of one round, by task
 * @param seed - of the shuffling control
 * @returns weights in the same order
 */
export function weighSamples(
  byTask: readonly (readonly TrajectorySample[])[],
  settings: WeighSettings,
  reward: RewardName,
  seed: number,
): number[][] {
  const options = weightOptions(settings, reward);
  const count = byTask.reduce((sum, samples) => sum + samples.length, 0);
  return byTask.map((samples, task) => {
    const rewards = samples.map((sample) => sample.reward);
    if (settings.weighting === "shuffled") shuffle(rewards, new Random(seed).derive("shuffled", task));
    let weights = settings.weighting === "uniform" ? rewards.map(() => 1) : rewardWeights(rewards, options);
    if (settings.invalid === "floor" && weights.length > 0) {
      const { lowest: floor } = extent(weights);
      weights = weights.map((weight, i) => (samples[i]?.candidate.outcome === "invalid" ? floor : weight));
    }
    if (settings.unbalanced) return weights;
    // Every task's samples together weigh as if tasks had equally many.
    const share = count / byTask.length / Math.max(1, samples.length);
    return weights.map((weight) => weight * share);
  });
}

export function weightOptions(settings: WeighSettings, reward: RewardName): RewardWeightOptions {
  const { weighting, weightCap } = settings;
  if (weighting === "binary") return { kind: "binary" };
  // A composite reward is mostly an accuracy, and lies as close together.
  const isContinuous = reward === "accuracy" || reward === "composite";
  const temperature = settings.weightTemperature ?? (isContinuous ? SHARP_TEMPERATURE : DEFAULT_TEMPERATURE);
  const cap = weightCap === undefined ? {} : { cap: weightCap };
  return { kind: weighting === "exponential" ? "exponential" : "advantage", temperature, ...cap };
}

function shuffle(values: number[], random: Random): void {
  for (const [i, value] of random.shuffle(values).entries()) values[i] = value;
}
