/** @file Settings of the trainer from the `learn` section, for rounds and for `w4s train` alike. */
import type { LearnSettings } from "../config/learn-schema.js";
import { isSigned } from "../config/objectives.js";
import { DEFAULT_TRAIN_SETTINGS, type TrainSettings } from "../train/train-settings.js";

/** Point at which the rule was measured: SmolLM2-135M learned at 2e-3 what it did not at 3e-4 (docs/learning.md). */
const MEASURED = { parameters: 135e6, rate: 2e-3 };

/** Keys of the `learn` section that say how an adapter is trained. */
export type TrainingKeys = Pick<
  LearnSettings,
  | "epochs"
  | "batchSize"
  | "learningRate"
  | "rank"
  | "alpha"
  | "weighting"
  | "kl"
  | "objective"
  | "beta"
  | "clip"
  | "pairGap"
  | "wholeGroups"
  | "tokenBudget"
  | "truncate"
  | "heldOutShare"
  | "topLayers"
>;

/**
 * Settings of an adapter that starts anew.
 * @param parameterCount - of the base model
 */
export function adapterSettings(learn: TrainingKeys, parameterCount: number): TrainSettings {
  const { epochs, batchSize, learningRate = defaultLearningRate(parameterCount), rank, alpha } = learn;
  const lora = { ...DEFAULT_TRAIN_SETTINGS.lora, rank, alpha };
  return {
    ...DEFAULT_TRAIN_SETTINGS,
    ...{ lora, epochs, batchSize, learningRate },
    ...{ objective: learn.objective, beta: learn.beta, clip: learn.clip, pairGap: learn.pairGap },
    wholeGroups: learn.wholeGroups,
    topLayers: learn.topLayers,
    klPenalty: learn.kl ?? DEFAULT_TRAIN_SETTINGS.klPenalty,
    allowNegativeWeights: isSigned(learn.weighting),
    tokenBudget: learn.tokenBudget ?? DEFAULT_TRAIN_SETTINGS.tokenBudget,
    truncate: learn.truncate ? "middle" : DEFAULT_TRAIN_SETTINGS.truncate,
    heldOutShare: learn.heldOutShare ?? DEFAULT_TRAIN_SETTINGS.heldOutShare,
  };
}

/**
 * Small models need far higher rates for adapters than big ones. Falls with the square root of the size, which meets 2e-4 at 13 B, QLoRA's own (arXiv:2305.14314, table 9). Below the
 * measured size it stays at the measured rate.
 */
function defaultLearningRate(parameterCount: number): number {
  const scale = Math.sqrt(MEASURED.parameters / Math.max(MEASURED.parameters, parameterCount));
  return Number((MEASURED.rate * scale).toPrecision(2));
}
