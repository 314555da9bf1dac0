/** @file LoRA training: examples in, adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { Random } from "../core/random.js";
import { rangeOf } from "../core/range-of.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import type { WeightCache } from "../transformer/weight-plan.js";
import { targetCount, usedLength } from "./data/example.js";
import { countsOf, type PackedStep, packBatches } from "./data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "./data/prompted-trie.js";
import type { TokenTrie } from "./data/token-trie.js";
import { layoutKey } from "./gradients/compiled-layers.js";
import type { ModelGradients } from "./gradients/model-gradients.js";
import { newestValidCheckpoint } from "./loop/checkpoint-folder.js";
import type { PassSize } from "./loop/forecast-training.js";
import { blockCountOf, type PassWork } from "./loop/memory-plan.js";
import { planTraining } from "./loop/plan-training.js";
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

export interface TrainResult extends Omit<TrainingLoopResult, "parameters"> {
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
  using file = GgufFile.open(options.modelPath);
  const data = trainingData(options, file, options.settings.tokenBudget);
  const { topLayers, lora, seed } = options.settings;
  const { config } = data.model;
  const firstTrainedLayer = Math.max(0, config.layerCount - (topLayers ?? config.layerCount));
  const fresh = () => initLora(config, lora, new Random(seed), firstTrainedLayer);
  const given = initial ?? fresh();
  const adapter = completePairs(given, config.layerCount);
  const isTrained = (name: string) => layerOf(name) >= firstTrainedLayer;
  const known = knownConfig(options.checkpointFolder);
  const workAt = (tokenBudget: number) => passesOfRun(data, { ...options.settings, tokenBudget });
  const plan = planTraining(config, {
    weights: options.weights ?? "auto",
    tokenBudget: (known?.passTokens as number | undefined) ?? options.settings.tokenBudget,
    isBudgetFixed: known !== undefined,
    longestExample: rangeOf([...data.examples, ...data.heldOut].map(usedLength)).highest,
    parameterCount: countOf(copiedPairs(adapter, isTrained)),
    limitBytes: data.availableBytes,
    workAt,
  });
  const settings = { ...options.settings, tokenBudget: plan.tokenBudget };
  // A run that was begun under an earlier rule of clipping goes on under it.
  const clipping = known === undefined ? settings.clipping : (known.clipping as TrainSettings["clipping"]);
  const { passes, ...work } = workAt(plan.tokenBudget);
  const begun = { ...options, settings: { ...options.settings, clipping } };
  const { parameters, ...result } = await runTraining(begun, data, {
    identity: {
      initial: initial === undefined ? null : adapterHash(adapter),
      // Whether examples share a pass changes how their gradients are rounded: a run that goes on keeps to it.
      passTokens: plan.tokenBudget === options.settings.tokenBudget ? undefined : plan.tokenBudget,
    },
    newParameters: () => copiedPairs(adapter, isTrained),
    lora: settings.lora,
    fixed: firstTrainedLayer === 0 ? undefined : copiedPairs(adapter, (name) => !isTrained(name)),
    firstTrainedLayer,
    dropout: settings.dropout,
    klPenalty: settings.klPenalty,
    plan,
    packing: settings,
    work,
    looked: { passes, updates: data.order.stepsPerEpoch },
    addGradients: (gradients, given) => addGradients(gradients, given, settings),
    passesOf: ({ tries }) => tries,
  });
  return { ...result, adapter: withPairs(initial === undefined ? given : adapter, parameters) };
}

/** N of `blk.N.<linear>.weight`. */
function layerOf(name: string): number {
  return Number(name.split(".")[1]);
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
function copiedPairs(adapter: LoraAdapter, isWanted: (name: string) => boolean): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const [name, { a, b }] of adapter.pairs)
    if (isWanted(name)) parameters.set(`${name}.lora_a`, a.slice()).set(`${name}.lora_b`, b.slice());
  return parameters;
}

function withPairs(adapter: LoraAdapter, parameters: ReadonlyMap<string, Float32Array>): LoraAdapter {
  const pairs = [...adapter.pairs].map(([name, pair]) => {
    const a = parameters.get(`${name}.lora_a`) ?? pair.a;
    const b = parameters.get(`${name}.lora_b`) ?? pair.b;
    return [name, { ...pair, a, b }] as const;
  });
  return { ...adapter, pairs: new Map(pairs) };
}

function countOf(parameters: ReadonlyMap<string, Float32Array>): number {
  return [...parameters.values()].reduce((sum, { length }) => sum + length, 0);
}

/** Configuration of the run that the folder's checkpoint is of. */
function knownConfig(folder: string | undefined): Readonly<Record<string, unknown>> | undefined {
  return folder === undefined ? undefined : newestValidCheckpoint(folder).newest?.checkpoint.identity.config;
}

/** Updates whose passes are laid out for the plan; of longer runs the later passes may be as large as allowed. */
const LOOKED_AT = 300;

/** Passes of the first epoch; and the largest of the run, with its predicting positions, which memory has to hold. */
function passesOfRun(data: TrainingData, settings: TrainSettings): PassWork & { passes: PassSize[] } {
  const passes: PassSize[] = [];
  const { order } = data;
  let tokenCount = order.totalSteps > LOOKED_AT ? settings.tokenBudget : 0;
  let actionCount = rangeOf(data.examples.map(targetCount)).highest;
  const layouts = new Map<string, TokenTrie>();
  const look = ({ tries }: PackedStep) => {
    for (const trie of tries) {
      layouts.set(layoutKey(trie), trie);
      tokenCount = Math.max(tokenCount, trie.tokens.length);
      actionCount = Math.max(actionCount, trie.targets.length);
    }
    return tries;
  };
  for (
    let update = 0;
    update < Math.min(order.totalSteps, Math.max(order.stepsPerEpoch, LOOKED_AT));
    update++
  ) {
    const tries = look(packBatches(examplesAt(data, update), settings));
    if (update < order.stepsPerEpoch)
      passes.push(...tries.map(({ layout, targets }) => ({ layout, actionCount: targets.length })));
  }
  if (data.heldOut.length > 0) look(packBatches(data.heldOut, settings));
  return {
    tokenCount,
    actionCount,
    passes,
    hasManySizes: new Set(passes.map(({ layout }) => layout.tokenCount)).size > 1,
    trainedLayerCount: settings.topLayers,
    isAnchored: settings.klPenalty > 0,
    layoutCount: layouts.size,
    blockCount: sumOf([...layouts.values()].map(({ layout }) => blockCountOf(layout))),
    epochTokenCount: sumOf(passes.map(({ layout }) => layout.tokenCount)),
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
