/** @file Chosen samples as weighted examples for the trainer. */
import type { RewardName, RewardWeights } from "../../config/reward-shares.js";
import { actionExample, type TokenExample } from "../../train/data/example.js";
import { type SelectSettings, selectSamples } from "./select-samples.js";
import {
  type TokenSource,
  type TrajectorySample,
  trajectoryFiles,
  trajectorySamples,
} from "./trajectory-samples.js";
import { type WeighSettings, weighSamples } from "./weigh-samples.js";

/** Filters of the `learn` section, and how it makes weights of rewards. */
export type ExampleSettings = SelectSettings & WeighSettings;

export interface TrajectoryExamples {
  examples: TokenExample[];
  /** Reward of each example, in the same order. */
  rewards: number[];
}

/**
 * Candidates of runs, chosen and weighed as in a round; advantages are centred by trajectory file, that is by task and
 * round. One group per episode, so that what its prompts share is computed once.
 * @param paths - run directories, or trajectories.jsonl files
 * @param composite - weights of the composite reward
 * @param seed - of the shuffling control
 * @throws {InputError} when there are none, or when they were sampled from a model with another tokenizer
 */
export function trajectoryExamples(
  paths: readonly string[],
  model: TokenSource,
  settings: ExampleSettings,
  reward: RewardName | undefined,
  composite: RewardWeights | undefined,
  seed: number,
): TrajectoryExamples {
  const files = paths.flatMap((path) => trajectoryFiles(path).map((file) => ({ path, file })));
  const chosen = files.map(({ file }) =>
    selectSamples(trajectorySamples(file, model, reward, composite), settings),
  );
  const weights = weighSamples(chosen, settings, reward, seed);
  return {
    examples: chosen.flatMap((samples, i) => {
      const source = `${files[i]?.path} ${files[i]?.file}`;
      return samples.map((sample, j) => sampleExample(sample, weights[i]?.[j] as number, source));
    }),
    rewards: chosen.flat().map((sample) => sample.reward),
  };
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
