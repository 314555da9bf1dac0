/** @file LoRA training: examples in, adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { InputError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { rangeOf } from "../core/range-of.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import type { ModelConfig } from "../transformer/model-config.js";
import { planWeights, type WeightCache, type WeightPlan } from "../transformer/weight-plan.js";
import { type TokenExample, targetCount, usedLength } from "./data/example.js";
import { countsOf, type PackedStep, packBatches } from "./data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "./data/prompted-trie.js";
import type { PassTrie } from "./gradients/compiled-layers.js";
import type { ModelGradients } from "./gradients/model-gradients.js";
import { newestValidCheckpoint } from "./loop/checkpoint-folder.js";
import type { PassWork } from "./loop/memory-plan.js";
import { ReplyComparison } from "./loop/reply-comparison.js";
import type { UpdateWork } from "./loop/train-event.js";
import type { TrainingLoopResult } from "./loop/training-loop.js";
import { checkTrainSettings, comparedName, type TrainSettings } from "./train-settings.js";
import {
  type DesignedUpdate,
  examplesAt,
  runTraining,
  type SameExamplesLoss,
  type TrainingData,
  type TrainingRunOptions,
  trainingData,
} from "./training-run.js";

export interface TrainOptions extends TrainingRunOptions<TrainSettings> {
  /** Trained on from; its rank, alpha and targets must be those of the settings. */
  initial?: LoraAdapter | undefined;
  /** Form of the base weights. Default `auto`. */
  weights?: WeightCache | "auto" | undefined;
}

export interface TrainResult extends TrainingLoopResult {
  adapter: LoraAdapter;
  sameExamples?: SameExamplesLoss | undefined;
}

/**
 * Reward-weighted LoRA fine-tuning: the settings' loss over token tries, AdamW, clipping by global norm.
 * The same options and thread count give the same bytes, also when the run was killed in between.
 * @throws {InputError} on examples that cannot be used, naming the first
 * @throws {ConfigError} on settings out of range, or a checkpoint of another run
 * @throws {UnsupportedModelError} for a base model that is not supported
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the last checkpoint is kept
 */
export async function trainLora(options: TrainOptions): Promise<TrainResult> {
  const { initial } = options;
  checkTrainSettings(options.settings);
  const compared = comparedName(options.settings);
  const settings = compared === undefined ? options.settings : comparing(options.settings);
  using file = GgufFile.open(options.modelPath);
  const isBounded = compared !== undefined || settings.klPenalty > 0;
  const data = trainingData({ ...options, settings }, file, settings.tokenBudget, isBounded);
  const { config } = data.model;
  const adapter =
    initial === undefined
      ? initLora(config, settings.lora, new Random(settings.seed))
      : completePairs(initial, config);
  const comparison =
    compared &&
    new ReplyComparison({
      objective: compared,
      figures: settings,
      packing: settings,
      examples: [...data.examples, ...data.heldOut],
      startParameters: copiedPairs(adapter),
    });
  const pack = (examples: readonly TokenExample[]) =>
    comparison?.pack(examples) ?? packBatches(examples, settings);
  const weights = weightsOf(options, config, data.availableBytes);
  const { passes, ...work } = passesOfEpoch(data, pack);
  if (comparison !== undefined && passes.length === 0) throw nothingToCompare(settings);
  const { parameters, ...result } = await runTraining({ ...options, settings }, data, {
    identity: { initial: initial === undefined ? null : adapterHash(adapter), weightForm: formOf(weights) },
    newParameters: () => copiedPairs(adapter),
    lora: adapter.config,
    dropout: settings.dropout,
    klPenalty: settings.klPenalty,
    weights,
    work,
    looked: { passes, updates: data.order.stepsPerEpoch },
    addGradients: (gradients, given) =>
      addGradients(gradients, { ...given, packed: pack(given.examples), comparison }, settings),
    lossOf: async (gradients, examples, at) => {
      if (comparison !== undefined) return await comparison.loss(gradients, examples, at);
      let loss = 0;
      for (const trie of pack(examples).tries) loss += await gradients.loss(trie, at);
      return loss;
    },
  });
  return { ...result, adapter: withPairs(adapter, parameters) };
}

/** Weights kept as float32 and dequantised anew are the same numbers; halved ones are not. */
function formOf({ cache }: WeightPlan): "exact" | "f16" {
  return cache === "f16" ? "f16" : "exact";
}

/** A run that goes on keeps its numbers: the memory that is free chooses their form only where a run begins. */
function weightsOf(options: TrainOptions, config: ModelConfig, availableBytes: number): WeightPlan {
  const { checkpointFolder, weights: wanted = "auto" } = options;
  const plan = planWeights(config, availableBytes, wanted);
  if (wanted !== "auto" || checkpointFolder === undefined) return plan;
  const { newest } = newestValidCheckpoint(checkpointFolder);
  const known = newest?.checkpoint.identity.config.weightForm ?? formOf(plan);
  if (known === formOf(plan)) return plan;
  return planWeights(config, availableBytes, known === "f16" ? "f16" : "streamed");
}

/** Replies are compared within their groups, and signs of weights say which are pushed away. */
function comparing(settings: TrainSettings): TrainSettings {
  return { ...settings, wholeGroups: settings.wholeGroups ?? true, allowNegativeWeights: true };
}

function nothingToCompare({ objective }: TrainSettings): InputError {
  return new InputError(`there is nothing to compare under the objective ${objective}`, {
    hint: "no two replies to one prompt differ enough in reward: collect more candidates a turn, or use --objective weighted",
    code: "nothing-to-compare",
  });
}

interface PackedUpdate extends DesignedUpdate {
  packed: PackedStep;
  comparison: ReplyComparison | undefined;
}

async function addGradients(
  gradients: ModelGradients,
  { update, examples, packed, parameters, sums, comparison }: PackedUpdate,
  { stopPromptGradient, seed, klPenalty }: TrainSettings,
): Promise<UpdateWork> {
  let loss = 0;
  let divergence = 0;
  const onDivergence = (value: number) => {
    divergence += value;
  };
  const stopped: StoppedPrompts =
    stopPromptGradient && packed.splitCount > 0
      ? stopSharedPrompts(packed.tries)
      : { prompt: undefined, parts: packed.tries };
  const { prompt, parts } = stopped;
  const promptKeys = prompt === undefined ? undefined : await gradients.promptKeys(prompt, parameters);
  const optionsOf = (pass: number) => ({
    // Nothing but seed and place: a resumed run draws the same masks.
    random: new Random(seed).derive("dropout", update, pass),
    onDivergence,
    promptKeys,
  });
  const objectives = await comparison?.objectives(gradients, examples, packed, (pass) =>
    gradients.logProbs(parts[pass] as PassTrie, parameters, optionsOf(pass)),
  );
  for (const [pass, trie] of parts.entries()) {
    const given = { ...optionsOf(pass), objective: objectives?.[pass] };
    loss += await gradients.add(trie, parameters, sums, given);
  }
  const work = { loss, ...countsOf(packed, stopped) };
  return klPenalty > 0 ? { ...work, divergence } : work;
}

/** Copies: the adapter trained on from stays as it is. */
function copiedPairs(adapter: LoraAdapter): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const [name, { a, b }] of adapter.pairs)
    parameters.set(`${name}.lora_a`, a.slice()).set(`${name}.lora_b`, b.slice());
  return parameters;
}

function withPairs(adapter: LoraAdapter, parameters: ReadonlyMap<string, Float32Array>): LoraAdapter {
  const pairs = [...adapter.pairs].map(([name, pair]) => {
    const a = parameters.get(`${name}.lora_a`) as Float32Array;
    const b = parameters.get(`${name}.lora_b`) as Float32Array;
    return [name, { ...pair, a, b }] as const;
  });
  return { ...adapter, pairs: new Map(pairs) };
}

/** Token counts of the first epoch's passes; the largest, with its predicting positions, is what memory has to hold. */
function passesOfEpoch(
  data: TrainingData,
  pack: (examples: readonly TokenExample[]) => PackedStep,
): PassWork & { passes: number[] } {
  const passes: number[] = [];
  let tokenCount = rangeOf(data.examples.map(usedLength)).highest;
  let actionCount = rangeOf(data.examples.map(targetCount)).highest;
  for (let update = 0; update < data.order.stepsPerEpoch; update++) {
    for (const trie of pack(examplesAt(data, update)).tries) {
      passes.push(trie.tokens.length);
      tokenCount = Math.max(tokenCount, trie.tokens.length);
      actionCount = Math.max(actionCount, trie.targets.length);
    }
  }
  return { tokenCount, actionCount, passes, hasManySizes: new Set(passes).size > 1 };
}
