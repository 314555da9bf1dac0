/** @file Recorded trajectories as weighted examples: the sampled token ids themselves, weighted by their rewards. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../core/errors.js";
import { readTrajectory, type TrajectoryHeader } from "../rollout/trajectory.js";
import { actionExample, type TokenExample } from "../train/example.js";
import { type RewardWeightOptions, rewardWeights } from "../train/example-weights.js";

export interface TrajectoryExamples {
  examples: TokenExample[];
  /** Of each example, in the same order. */
  rewards: number[];
  header: TrajectoryHeader;
}

/** The model whose tokens the trajectories must be made of. */
export interface TokenSource {
  modelHash: string;
  tokenizerHash: string;
}

/**
 * Every candidate with its reward, repairs included; one group per episode, so that what its prompts share is
 * computed once. Tokens are those that were sampled: under a grammar they need not be the tokenizer's own split.
 * @param path a run directory, or its trajectories.jsonl
 * @throws {InputError} when there are none, or when they were sampled from a model with another tokenizer
 */
export function trajectoryExamples(
  path: string,
  model: TokenSource,
  weighting: RewardWeightOptions,
): TrajectoryExamples {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "trajectories.jsonl") : path;
  if (!existsSync(file)) {
    throw new InputError(`there are no trajectories in ${path}`, {
      hint: "name a run directory of w4s collect or w4s optimize, or a trajectories.jsonl",
    });
  }
  const records = readTrajectory(file);
  const header = records.find((record) => record.kind === "header");
  if (header === undefined) throw new InputError(`${file} has no header`, { hint: "collect again" });
  if (header.policy.tokenizerHash !== model.tokenizerHash) {
    throw new InputError(`${file} was sampled with another tokenizer (policy ${header.policy.id})`, {
      hint: "train the model that wrote the trajectories, or one with the same tokenizer",
    });
  }
  const rewardOf = new Map<string, number>();
  for (const record of records) {
    if (record.kind !== "turn") continue;
    for (const { index, reward } of record.candidates)
      rewardOf.set(`${record.episode} ${record.turn} ${index}`, reward);
  }
  const found: { promptTokens: number[]; tokens: number[]; reward: number; group: string }[] = [];
  for (const record of records) {
    if (record.kind !== "actions") continue;
    for (const { index, tokens } of record.actions) {
      const reward = rewardOf.get(`${record.episode} ${record.turn} ${index}`);
      // A turn that was cut off by a kill has no rewards yet.
      if (reward === undefined || tokens.length === 0) continue;
      const group = `${header.task.name} episode ${record.episode}`;
      found.push({ promptTokens: record.promptTokens, tokens, reward, group });
    }
  }
  if (found.length === 0) {
    throw new InputError(`${file} has no scored candidates`, { hint: "let at least one turn finish" });
  }
  const rewards = found.map(({ reward }) => reward);
  const weights = rewardWeights(rewards, weighting);
  return {
    header,
    rewards,
    examples: found.map(({ promptTokens, tokens, group }, i) =>
      actionExample({
        promptTokens: Int32Array.from(promptTokens),
        actionTokens: Int32Array.from(tokens),
        weight: weights[i] as number,
        group,
      }),
    ),
  };
}
