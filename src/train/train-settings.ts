/** @file Every setting of a training run that changes its result, with defaults. */
import { ConfigError } from "../core/errors.js";
import { checkLoraConfig } from "../lora/init-lora.js";
import type { LoraConfig } from "../lora/lora-adapter.js";
import { LINEAR_NAMES } from "../transformer/linear-name.js";
import type { LossNormalisation } from "./loss-coefficients.js";

export interface TrainSettings {
  /** Default rank 16, alpha 32, all seven matrices. @source QLoRA (arXiv:2305.14314), section 4: adapters on every linear layer */
  lora: LoraConfig;
  /** Passes over the examples, from 1. Default 2. */
  epochs: number;
  /** Examples per update, from 1. Default 8. */
  batchSize: number;
  /** Highest rate, above 0. Default 2e-4. @source QLoRA, table 9, for models up to 13 B */
  learningRate: number;
  /** Decoupled, 0 or more. Default 0.01, AdamW's own in PyTorch. */
  weightDecay: number;
  /** Gradients are scaled down to this global norm, above 0. Default 1. */
  maxGradientNorm: number;
  /** How the rate falls. Default cosine. */
  schedule: "cosine" | "linear" | "constant";
  /** Share of all updates over which the rate rises from 0; 0 to 1. Default 0. */
  warmupShare: number;
  /** Default sample-mean, the reference's: every example counts alike whatever its length. */
  normalisation: LossNormalisation;
  /** Share of every target's probability spread over the vocabulary, 0 to below 1. Default 0. */
  labelSmoothing: number;
  /** Most tokens in one pass; longer examples are refused or cut. Default 4,096. */
  tokenBudget: number;
  /** What happens to an example over the context or the budget. Default refuse. */
  truncate: "refuse" | "middle";
  /** Let examples push their targets away. Default false. */
  allowNegativeWeights: boolean;
  /** Share of the groups kept back to stop early, 0 to 0.5. Default 0: none. */
  heldOutShare: number;
  /** Epochs without a better held-out loss before training stops, from 1. Default 1. */
  patience: number;
  /** Of data order and of new adapters. Default 0. */
  seed: number;
}

export const DEFAULT_TRAIN_SETTINGS: TrainSettings = {
  lora: { rank: 16, alpha: 32, targets: LINEAR_NAMES },
  epochs: 2,
  batchSize: 8,
  learningRate: 2e-4,
  weightDecay: 0.01,
  maxGradientNorm: 1,
  schedule: "cosine",
  warmupShare: 0,
  normalisation: "sample-mean",
  labelSmoothing: 0,
  tokenBudget: 4096,
  truncate: "refuse",
  allowNegativeWeights: false,
  heldOutShare: 0,
  patience: 1,
  seed: 0,
};

/** @throws {ConfigError} naming the setting, its value and its range */
export function checkTrainSettings(settings: TrainSettings): void {
  checkLoraConfig(settings.lora);
  const refuse = (name: keyof TrainSettings, range: string): never => {
    throw new ConfigError(`${name} is ${String(settings[name])}, expected ${range}`);
  };
  for (const name of ["epochs", "batchSize", "patience"] as const)
    if (!Number.isInteger(settings[name]) || settings[name] < 1) refuse(name, "a whole number from 1 on");
  if (!Number.isInteger(settings.tokenBudget) || settings.tokenBudget < 2)
    refuse("tokenBudget", "a whole number from 2 on");
  for (const name of ["learningRate", "maxGradientNorm"] as const)
    if (!(settings[name] > 0) || settings[name] === Number.POSITIVE_INFINITY)
      refuse(name, "a number above 0");
  if (!(settings.weightDecay >= 0 && settings.weightDecay < 1)) refuse("weightDecay", "0 to below 1");
  if (!(settings.labelSmoothing >= 0 && settings.labelSmoothing < 1))
    refuse("labelSmoothing", "0 to below 1");
  if (!(settings.warmupShare >= 0 && settings.warmupShare <= 1)) refuse("warmupShare", "0 to 1");
  if (!(settings.heldOutShare >= 0 && settings.heldOutShare <= 0.5)) refuse("heldOutShare", "0 to 0.5");
  if (!Number.isInteger(settings.seed)) refuse("seed", "a whole number");
}
