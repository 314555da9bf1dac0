/** @file Every setting of a training run that changes its result, with defaults. */
import { ConfigError } from "../core/errors.js";
import { checkLoraConfig } from "../lora/init-lora.js";
import type { LoraConfig } from "../lora/lora-adapter.js";
import { LINEAR_NAMES } from "../transformer/linear-name.js";
import type { LossNormalisation } from "./gradients/loss-coefficients.js";
import { type ComparedName, OBJECTIVE_TABLE, type ObjectiveFigures } from "./loop/objective.js";

/** What LoRA and full training have in common. */
export type SharedTrainSettings = Omit<
  TrainSettings,
  "lora" | "topLayers" | "dropout" | "klPenalty" | "stopPromptGradient" | "objective" | keyof ObjectiveFigures
>;

/** Settings that decide the result of training all weights. */
export interface ModelTrainSettings extends SharedTrainSettings {
  /**
   * Tokens of a row, a multiple of 64: tries are padded to it, so that programs are compiled once. Default: chosen
   * from the data, for the least padding.
   */
  rowLength?: number | undefined;
}

/** Settings that decide the result of training a LoRA adapter. */
export interface TrainSettings extends ObjectiveFigures {
  /** Default rank 16, alpha 32, all seven matrices. @source QLoRA (arXiv:2305.14314), section 4: adapters on every linear layer */
  lora: LoraConfig;
  /** What is made small; all but `weighted` compare replies (loop/objective.ts). Default weighted: cross-entropy by weight. */
  objective?: "weighted" | ComparedName | undefined;
  /** Updates take whole groups, as many as come nearest to batchSize. Default: where the objective compares replies. */
  wholeGroups?: boolean | undefined;
  /**
   * Highest layers whose pairs train, from 1; the gradient is exact for these, and nothing flows further down. What the
   * layers below give is computed once for every pass of an epoch where memory allows. Default all.
   */
  topLayers?: number | undefined;
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
  /**
   * `by-weight` multiplies that norm by the mean absolute weight of the examples where it is above 1, as if weights had a
   * mean of 1: else updates of heavy and of light examples are cut down to the same size. Default: as it is.
   */
  clipping?: "by-weight" | undefined;
  /** How the rate falls. Default cosine. */
  schedule: "cosine" | "linear" | "constant";
  /** Share of all updates over which the rate rises from 0; 0 to 1. Default 0. */
  warmupShare: number;
  /** Default sample-mean, the reference's: every example counts alike whatever its length. */
  normalisation: LossNormalisation;
  /** Share of every target's probability spread over the vocabulary, 0 to below 1. Default 0. */
  labelSmoothing: number;
  /** Share of the input of every pair that is dropped in training, 0 to below 1; the rest is scaled up. Default 0. */
  dropout: number;
  /**
   * β ≥ 0 in loss + β · mean KL(π‖base) at the positions of targets, over the whole vocabulary; base is the model
   * without its adapter. Examples count alike, whatever their weight; those of weight 0 are left out. Default 0.
   */
  klPenalty: number;
  /**
   * Prompts that several passes of an update share are computed once and count as constants, instead of being
   * computed again with gradient in every pass. The gradient is then not exact: what
   * flows through the prompts' keys and values is missing. Default false.
   */
  stopPromptGradient: boolean;
  /** Most tokens in one pass; longer examples are refused or cut. Default 4,096. */
  tokenBudget: number;
  /** Treatment of an example over the context or the budget. Default refuse. */
  truncate: "refuse" | "middle";
  /**
   * Let examples push their targets away. Nothing in weighted cross-entropy bounds that, so it needs klPenalty there; the
   * other objectives take negative weights anyway. Default false.
   */
  allowNegativeWeights: boolean;
  /** Share of the groups kept back to stop early, 0 to 0.5. Default 0: none. */
  heldOutShare: number;
  /** Epochs without a better held-out loss before training stops, from 1. Default 1. */
  patience: number;
  /** Seed of data order and of new adapters. Default 0. */
  seed: number;
}

/** Row lengths are multiples of it. */
export const ROW_STEP = 64;

/** Defaults of LoRA training, each with its source at TrainSettings. */
export const DEFAULT_TRAIN_SETTINGS: TrainSettings = {
  lora: { rank: 16, alpha: 32, targets: LINEAR_NAMES },
  epochs: 2,
  batchSize: 8,
  learningRate: 2e-4,
  weightDecay: 0.01,
  maxGradientNorm: 1,
  clipping: "by-weight",
  schedule: "cosine",
  warmupShare: 0,
  normalisation: "sample-mean",
  labelSmoothing: 0,
  dropout: 0,
  klPenalty: 0,
  stopPromptGradient: false,
  tokenBudget: 4096,
  truncate: "refuse",
  allowNegativeWeights: false,
  heldOutShare: 0,
  patience: 1,
  seed: 0,
};

/** Defaults of training all weights, for a few million from scratch: rate 1e-3, which rises over the first 3 % of updates. */
export const DEFAULT_MODEL_TRAIN_SETTINGS: ModelTrainSettings = {
  ...sharedOf(DEFAULT_TRAIN_SETTINGS),
  clipping: undefined,
  learningRate: 1e-3,
  warmupShare: 0.03,
};

function sharedOf({
  lora,
  topLayers,
  dropout,
  klPenalty,
  stopPromptGradient,
  ...shared
}: TrainSettings): SharedTrainSettings {
  return shared;
}

/** @throws {ConfigError} naming the setting, its value and its range */
export function checkTrainSettings(settings: TrainSettings): void {
  checkLoraConfig(settings.lora);
  checkSharedSettings(settings);
  const { dropout, klPenalty, topLayers = 1 } = settings;
  if (!Number.isInteger(topLayers) || topLayers < 1)
    throw new ConfigError(`topLayers is ${topLayers}, expected a whole number from 1 on`);
  if (!(dropout >= 0 && dropout < 1)) throw new ConfigError(`dropout is ${dropout}, expected 0 to below 1`);
  if (!(klPenalty >= 0) || klPenalty === Number.POSITIVE_INFINITY)
    throw new ConfigError(`klPenalty is ${klPenalty}, expected a number from 0 on`);
  checkObjective(settings);
}

/** Name of the objective where it compares replies; undefined for weighted cross-entropy. */
export function comparedName({
  objective = "weighted",
}: Pick<TrainSettings, "objective">): ComparedName | undefined {
  return objective === "weighted" ? undefined : objective;
}

function checkObjective(settings: TrainSettings): void {
  const { objective, beta = 1, clip = 0.5, pairGap = 0, labelSmoothing, normalisation } = settings;
  const compared = comparedName(settings);
  if (compared !== undefined && !(compared in OBJECTIVE_TABLE)) {
    throw new ConfigError(
      `objective is ${objective}, expected weighted, ${Object.keys(OBJECTIVE_TABLE).join(", ")}`,
    );
  }
  if (!(beta > 0 && Number.isFinite(beta)))
    throw new ConfigError(`beta is ${beta}, expected a number above 0`);
  if (!(clip > 0 && clip < 1)) throw new ConfigError(`clip is ${clip}, expected above 0 and below 1`);
  if (!(pairGap >= 0 && Number.isFinite(pairGap)))
    throw new ConfigError(`pairGap is ${pairGap}, expected a number from 0 on`);
  if (compared === undefined) return;
  const isPlain = labelSmoothing === 0 && normalisation === "sample-mean";
  if (isPlain) return;
  throw new ConfigError(`the objective ${compared} has a normalisation of its own and no label smoothing`, {
    hint: "leave --label-smoothing and --normalisation out, or use --objective weighted",
  });
}

/** @throws {ConfigError} naming the setting, its value and its range */
export function checkModelTrainSettings(settings: ModelTrainSettings): void {
  checkSharedSettings(settings);
  const { rowLength, tokenBudget } = settings;
  if (rowLength === undefined) return;
  const isWhole = Number.isInteger(rowLength / ROW_STEP) && rowLength > 0;
  if (!isWhole || rowLength > tokenBudget) {
    throw new ConfigError(
      `rowLength is ${rowLength}, expected a multiple of ${ROW_STEP} up to tokenBudget (${tokenBudget})`,
    );
  }
}

function checkSharedSettings(settings: SharedTrainSettings): void {
  const refuse = (name: keyof SharedTrainSettings, range: string): never => {
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
