/** @file LoRA training: examples in, adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { Random } from "../core/random.js";
import { rangeOf } from "../core/range-of.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import { planWeights, type WeightCache } from "../transformer/weight-plan.js";
import { targetCount, usedLength } from "./data/example.js";
import { countsOf, packBatches } from "./data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "./data/prompted-trie.js";
import type { ModelGradients } from "./gradients/model-gradients.js";
import type { PassWork } from "./loop/memory-plan.js";
import type { UpdateWork } from "./loop/train-event.js";
import type { TrainingLoopResult } from "./loop/training-loop.js";
import { checkTrainSettings, type TrainSettings } from "./train-settings.js";
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
  const { settings, initial } = options;
  checkTrainSettings(settings);
  using file = GgufFile.open(options.modelPath);
  const data = trainingData(options, file, settings.tokenBudget);
  const { config } = data.model;
  const adapter =
    initial === undefined
      ? initLora(config, settings.lora, new Random(settings.seed))
      : completePairs(initial, config);
  const { passes, ...work } = passesOfEpoch(data, settings);
  const { parameters, ...result } = await runTraining(options, data, {
    identity: { initial: initial === undefined ? null : adapterHash(adapter) },
    newParameters: () => copiedPairs(adapter),
    lora: adapter.config,
    dropout: settings.dropout,
    klPenalty: settings.klPenalty,
    weights: planWeights(config, data.availableBytes, options.weights),
    packing: settings,
    work,
    looked: { passes, updates: data.order.stepsPerEpoch },
    addGradients: (gradients, given) => addGradients(gradients, given, settings),
    passesOf: ({ tries }) => tries,
  });
  return { ...result, adapter: withPairs(adapter, parameters) };
}

async function addGradients(
  gradients: ModelGradients,
  { update, packed, parameters, sums }: DesignedUpdate,
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
  for (const [pass, trie] of parts.entries()) {
    // Nothing but seed and place: a resumed run draws the same masks.
    const random = new Random(seed).derive("dropout", update, pass);
    loss += await gradients.add(trie, parameters, sums, { random, onDivergence, promptKeys });
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
function passesOfEpoch(data: TrainingData, settings: TrainSettings): PassWork & { passes: number[] } {
  const passes: number[] = [];
  let tokenCount = rangeOf(data.examples.map(usedLength)).highest;
  let actionCount = rangeOf(data.examples.map(targetCount)).highest;
  for (let update = 0; update < data.order.stepsPerEpoch; update++) {
    for (const trie of packBatches(examplesAt(data, update), settings).tries) {
      passes.push(trie.tokens.length);
      tokenCount = Math.max(tokenCount, trie.tokens.length);
      actionCount = Math.max(actionCount, trie.targets.length);
    }
  }
  return { tokenCount, actionCount, passes, hasManySizes: new Set(passes).size > 1 };
}
