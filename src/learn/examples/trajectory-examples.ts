/** @file Chosen samples as weighted examples for the trainer. */

import type { RewardName, RewardWeights } from "../../config/reward-shares.js";
import { actionExample, type TokenExample } from "../../train/data/example.js";
import { type ExampleWeightOptions, exampleWeights } from "../../train/data/example-weights.js";
import {
  type TokenSource,
  type TrajectorySample,
  trajectoryFiles,
  trajectorySamples,
} from "./trajectory-samples.js";

export interface TrajectoryExamples {
  examples: TokenExample[];
  /** Of each example, in the same order. */
  rewards: number[];
}

/**
 * Every candidate of a run with its reward as weight; advantages are centred by trajectory file, that is by task and
 * round. One group per episode, so that what its prompts share is computed once.
 * @param path - a run directory, or its trajectories.jsonl
 * @param composite - weights of the composite reward
 * @throws {InputError} when there are none, or when they were sampled from a model with another tokenizer
 */
export function trajectoryExamples(
  path: string,
  model: TokenSource,
  weighting: ExampleWeightOptions,
  reward?: RewardName,
  composite?: RewardWeights,
): TrajectoryExamples {
  const all: TrajectoryExamples = { examples: [], rewards: [] };
  for (const file of trajectoryFiles(path)) {
    const { samples } = trajectorySamples(file, model, reward, composite);
    const rewards = samples.map((sample) => sample.reward);
    const weights = exampleWeights(rewards, weighting);
    for (const [i, sample] of samples.entries())
      all.examples.push(sampleExample(sample, weights[i] as number, file));
    all.rewards = all.rewards.concat(rewards);
  }
  return all;
}

/** @param source - tells episodes of several files apart */
export function sampleExample(sample: TrajectorySample, weight: number, source: string): TokenExample {
  return actionExample({
    promptTokens: Int32Array.from(sample.promptTokens),
    actionTokens: Int32Array.from(sample.tokens),
    weight,
    group: `${source} ${sample.task} episode ${sample.episode}`,
  });
}
