/** @file The training loop: examples in, LoRA adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { Random } from "../core/random.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import type { Backend } from "../graph/backend.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import { readModel } from "../transformer/read-model.js";
import { planWeights, type WeightCache } from "../transformer/weight-plan.js";
import { WeightStore } from "../transformer/weight-store.js";
import { DataOrder } from "./data/data-position.js";
import { checkExamples, type TokenExample, targetCount, usedLength } from "./data/example.js";
import { holdOut } from "./data/hold-out.js";
import { type PackedStep, packBatches } from "./data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "./data/prompted-trie.js";
import type { TokenTrie } from "./data/token-trie.js";
import { ModelGradients } from "./gradients/model-gradients.js";
import { forecastMs, measureProducts } from "./loop/forecast-training.js";
import { planMemory } from "./loop/memory-plan.js";
import type { RunIdentity } from "./loop/run-identity.js";
import {
  runUpdates,
  startingState,
  type TrainingLoopOptions,
  type TrainingLoopResult,
  type TrainingTask,
  type UpdateWork,
} from "./loop/training-loop.js";
import { checkTrainSettings, type TrainSettings } from "./train-settings.js";

export interface TrainOptions extends TrainingLoopOptions {
  modelPath: string;
  /** SHA-256 of the model file and of the examples: a checkpoint of others is refused. */
  modelHash: string;
  dataHash: string;
  examples: readonly TokenExample[];
  settings: TrainSettings;
  backend: Backend;
  /** Trained on from; its rank, alpha and targets must be those of the settings. */
  initial?: LoraAdapter | undefined;
  /** Form of the base weights. Default `auto`. */
  weights?: WeightCache | "auto" | undefined;
  /** Memory the process may take. Default: 70 % of what is free. */
  memoryLimitBytes?: number | undefined;
}

export interface TrainResult extends TrainingLoopResult {
  adapter: LoraAdapter;
}

const MEMORY_SHARE = 0.7;

/**
 * Reward-weighted LoRA fine-tuning: the settings' loss over token tries, AdamW, clipping by global norm.
 * The same options and thread count give the same bytes, also when the run was killed in between.
 * @throws {InputError} on examples that cannot be used, naming the first
 * @throws {ConfigError} on settings out of range, or a checkpoint of another run
 * @throws {UnsupportedModelError} for a base model that is not supported
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the last checkpoint is kept
 */
export async function trainLora(options: TrainOptions): Promise<TrainResult> {
  checkTrainSettings(options.settings);
  const file = GgufFile.open(options.modelPath);
  let gradients: ModelGradients | undefined;
  try {
    const run = await prepare(options, file);
    gradients = run.gradients;
    const result = await runUpdates(run.task, options);
    return { ...result, adapter: run.toAdapter(run.task.state.parameters) };
  } finally {
    await gradients?.close();
    file.close();
  }
}

interface PreparedRun {
  gradients: ModelGradients;
  task: TrainingTask;
  toAdapter: (parameters: ReadonlyMap<string, Float32Array>) => LoraAdapter;
}

async function prepare(options: TrainOptions, file: GgufFile): Promise<PreparedRun> {
  const { settings, onEvent = () => {} } = options;
  const model = readModel(file.header);
  const { config } = model;
  const { tokenBudget, truncate, allowNegativeWeights } = settings;
  const checked = checkExamples(options.examples, {
    vocabSize: config.vocabSize,
    contextLength: Math.min(config.contextLength || Number.POSITIVE_INFINITY, tokenBudget),
    truncate,
    allowNegativeWeights,
  });
  const { kept: examples, heldOut } = holdOut(checked.examples, settings.heldOutShare, settings.seed);
  const order = new DataOrder(
    examples.map(({ group }) => group),
    settings,
  );
  const adapter =
    options.initial === undefined
      ? initLora(config, settings.lora, new Random(settings.seed))
      : completePairs(options.initial, config.layerCount);
  const identity: RunIdentity = {
    modelHash: options.modelHash,
    dataHash: options.dataHash,
    config: { ...settings, initial: options.initial === undefined ? null : adapterHash(adapter) },
  };
  const state = startingState(options, identity, settings.seed, () => copiedPairs(adapter));
  const parameterCount = [...state.parameters.values()].reduce((sum, { length }) => sum + length, 0);
  const available = options.memoryLimitBytes ?? process.availableMemory() * MEMORY_SHARE;
  const weightPlan = planWeights(config, available, options.weights);
  const work = passesOfEpoch(examples, order, settings);
  const memory = planMemory(config, { ...work, parameterCount }, weightPlan, available);
  const share = 1 - state.optimizer.step / order.totalSteps;
  const epochMs = forecastMs(
    config,
    work.passes,
    memory.keptLayerCount,
    await measureProducts(options.backend),
  );
  onEvent({
    type: "plan",
    weights: weightPlan.reason,
    memory: memory.reason,
    memoryBytes: memory.bytes,
    examples: examples.length,
    heldOutExamples: heldOut.length,
    shortened: checked.shortened,
    totalSteps: order.totalSteps,
    resumedAt: state.optimizer.step,
    parameterCount,
    forecastMs: epochMs * settings.epochs * share,
  });
  const gradients = new ModelGradients({
    model,
    weights: new WeightStore(file, weightPlan.cache),
    backend: options.backend,
    lora: settings.lora,
    largestTokenCount: work.tokenCount,
    keptLayerCount: memory.keptLayerCount,
    labelSmoothing: settings.labelSmoothing,
    dropout: settings.dropout,
    klPenalty: settings.klPenalty,
    signal: options.signal,
  });
  const toAdapter = (parameters: ReadonlyMap<string, Float32Array>): LoraAdapter => ({
    ...adapter,
    pairs: new Map(
      [...adapter.pairs].map(([name, pair]) => [
        name,
        {
          ...pair,
          a: parameters.get(`${name}.lora_a`) as Float32Array,
          b: parameters.get(`${name}.lora_b`) as Float32Array,
        },
      ]),
    ),
  });
  const pack = (chosen: readonly TokenExample[]) => packBatches(chosen, settings);
  const task: TrainingTask = {
    settings,
    order,
    state,
    addGradients: async (update, indices, sums) => {
      const packed = pack(indices.map((index) => examples[index] as TokenExample));
      let loss = 0;
      let divergence = 0;
      const stopped: StoppedPrompts =
        settings.stopPromptGradient && packed.splitCount > 0
          ? stopSharedPrompts(packed.tries)
          : { prompt: undefined, parts: packed.tries };
      const { prompt, parts } = stopped;
      const promptKeys = prompt && (await gradients.promptKeys(prompt, state.parameters));
      for (const [pass, trie] of parts.entries()) {
        // Nothing but seed and place: a resumed run draws the same masks.
        const random = new Random(settings.seed).derive("dropout", update, pass);
        const onDivergence = (value: number) => {
          divergence += value;
        };
        loss += await gradients.add(trie, state.parameters, sums, { random, onDivergence, promptKeys });
      }
      const work = { loss, ...countsOf(packed, stopped) };
      return settings.klPenalty > 0 ? { ...work, divergence } : work;
    },
    heldOutLoss:
      heldOut.length === 0
        ? undefined
        : async () => {
            let loss = 0;
            for (const trie of pack(heldOut).tries) loss += await gradients.loss(trie, state.parameters);
            return loss;
          },
  };
  return { gradients, task, toAdapter };
}

/** Copies: the adapter trained on from stays as it is. */
function copiedPairs(adapter: LoraAdapter): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const [name, { a, b }] of adapter.pairs)
    parameters.set(`${name}.lora_a`, a.slice()).set(`${name}.lora_b`, b.slice());
  return parameters;
}

/** Token counts of the first epoch's passes; the largest, with its predicting positions, is what memory has to hold. */
function passesOfEpoch(
  examples: readonly TokenExample[],
  order: DataOrder,
  settings: TrainSettings,
): { tokenCount: number; actionCount: number; passes: number[]; hasManySizes: boolean } {
  const passes: number[] = [];
  let tokenCount = Math.max(...examples.map(usedLength));
  let actionCount = Math.max(...examples.map(targetCount));
  for (let step = 0; step < order.stepsPerEpoch; step++) {
    const chosen = order.examplesAt({ epoch: 0, step }).map((index) => examples[index] as TokenExample);
    for (const trie of packBatches(chosen, settings).tries) {
      passes.push(trie.tokens.length);
      tokenCount = Math.max(tokenCount, trie.tokens.length);
      actionCount = Math.max(actionCount, trie.targets.length);
    }
  }
  return { tokenCount, actionCount, passes, hasManySizes: new Set(passes).size > 1 };
}

/**
 * Counts of an update's tries, for the log.
 * @param stopped what was computed instead of them, where prompts counted as constants
 */
export function countsOf(packed: PackedStep, stopped?: StoppedPrompts): Omit<UpdateWork, "loss"> {
  const { tries, plainTokens, splitCount, repeatedTokens } = packed;
  const total = (parts: readonly TokenTrie[]) => parts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (stopped?.prompt === undefined) return { tokens: total(tries), plainTokens, splitCount, repeatedTokens };
  const stoppedTokens = stopped.prompt.tokens.length;
  const tokens = total(stopped.parts) + stoppedTokens;
  const once = total(tries) - repeatedTokens;
  return { tokens, plainTokens, splitCount, repeatedTokens: tokens - once, stoppedTokens };
}
