/** @file From the rewards of chosen samples to their weights: by task, balanced, with two controls. */

import type { LearnSettings } from "../../config/learn-schema.js";
import type { RewardName } from "../../config/reward-shares.js";
import { Random } from "../../core/random.js";
import { rangeOf } from "../../core/range-of.js";
import { type ObjectiveOptions, type RewardedExample, weighExamples } from "./objectives.js";
import type { TrajectorySample } from "./trajectory-samples.js";

/** An objective with its figures, as it is configured. */
export type ObjectiveSettings = Pick<
  LearnSettings,
  "objective" | "weighting" | "weightTemperature" | "weightCap"
>;
export type WeighSettings = ObjectiveSettings & Pick<LearnSettings, "invalid" | "unbalanced">;

/** A sample as far as its weight depends on it. */
export type WeighedSample = Pick<TrajectorySample, "episode" | "turn" | "reward" | "shrunk"> & {
  candidate: Pick<TrajectorySample["candidate"], "outcome">;
};

/**
 * Accuracies of one task lie close together, so plain differences from their mean need a sharp T: 0.06 is what the first
 * measured learning result used. Weights that are not centred take the reference's 0.4: a sharp T would put every accuracy
 * above 0.15 at the cap.
 */
const SHARP_TEMPERATURE = 0.06;

/**
 * Advantages are centred, and shuffled rewards change places, within a task: tasks differ in how hard they are.
 * @param byTask - chosen samples of one round, by task
 * @param seed - of the shuffling control
 * @returns weights in the same order
 */
export function weighSamples(
  byTask: readonly (readonly WeighedSample[])[],
  settings: WeighSettings,
  reward: RewardName | undefined,
  seed: number,
): number[][] {
  const count = byTask.reduce((sum, samples) => sum + samples.length, 0);
  return byTask.map((samples, task) => {
    const examples = samples.map(({ episode, turn, ...sample }) => ({
      ...{ reward: sample.reward, shrunk: sample.shrunk },
      state: `${episode} ${turn}`,
    }));
    let weights = weighRewards(examples, settings, reward, new Random(seed).derive("shuffled", task));
    if (settings.invalid === "floor" && weights.length > 0) {
      const floor = rangeOf(weights).lowest;
      weights = weights.map((weight, i) => (samples[i]?.candidate.outcome === "invalid" ? floor : weight));
    }
    // A pair's weights are compared with a gap between rewards, and it counts as one pair however they differ.
    if (settings.unbalanced || settings.objective === "preference") return weights;
    // Every task's samples together weigh as if tasks had equally many.
    const share = count / byTask.length / Math.max(1, samples.length);
    return weights.map((weight) => weight * share);
  });
}

/**
 * Weights of the examples of one task, in the same order.
 * @param reward - what their rewards are; undefined where nobody knows
 * @param random - of the shuffling control
 */
export function weighRewards(
  examples: readonly RewardedExample[],
  { objective, weighting: kind, weightTemperature, weightCap: cap }: ObjectiveSettings,
  reward: RewardName | undefined,
  random: Random,
): number[] {
  const temperature = weightTemperature ?? sharp();
  return weighExamples(examples, { objective, kind, temperature, cap }, random);

  function sharp(): ObjectiveOptions["temperature"] {
    const isCentred = kind === "advantage" || kind === "shuffled";
    // A composite reward is mostly an accuracy, and lies as close together.
    const isContinuous = reward === "accuracy" || reward === "composite";
    const isPlain = examples.every(({ shrunk }) => shrunk === undefined);
    return isCentred && isContinuous && isPlain ? SHARP_TEMPERATURE : undefined;
  }
}
