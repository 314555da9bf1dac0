/** @file The training loop: examples in, LoRA adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { TrainingDivergedError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { GgufFile } from "../formats/gguf-file.js";
import type { Backend } from "../graph/backend.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import { readModel } from "../transformer/read-model.js";
import { planWeights, type WeightCache } from "../transformer/weight-plan.js";
import { WeightStore } from "../transformer/weight-store.js";
import { AdamW } from "./adamw.js";
import type { Checkpoint } from "./checkpoint.js";
import { newestValidCheckpoint, saveCheckpoint } from "./checkpoint-folder.js";
import { clipByGlobalNorm } from "./clip-by-global-norm.js";
import { DataOrder } from "./data-position.js";
import { checkExamples, type TokenExample, targetCount, usedLength } from "./example.js";
import { forecastMs, measureProducts } from "./forecast.js";
import { holdOut } from "./hold-out.js";
import { planMemory } from "./memory-plan.js";
import { ModelGradients } from "./model-gradients.js";
import { type PackedStep, packBatches } from "./pack-batches.js";
import { checkSameRun, type RunIdentity } from "./run-identity.js";
import { constantSchedule, cosineSchedule, linearSchedule, type Schedule } from "./schedule.js";
import type { TrainEvent } from "./train-event.js";
import { checkTrainSettings, type TrainSettings } from "./train-settings.js";

export interface TrainOptions {
  modelPath: string;
  /** SHA-256 of the model file and of the examples: a checkpoint of others is refused. */
  modelHash: string;
  dataHash: string;
  examples: readonly TokenExample[];
  settings: TrainSettings;
  backend: Backend;
  /** Trained on from; its rank, alpha and targets must be those of the settings. */
  initial?: LoraAdapter;
  /** Where checkpoints lie; training goes on from the newest one that is whole. None without it. */
  checkpointFolder?: string;
  /** Updates between checkpoints, from 1; one is always written at the end. Default 10. */
  checkpointEvery?: number;
  /** Form of the base weights. Default `auto`. */
  weights?: WeightCache | "auto";
  /** Memory the process may take. Default: 70 % of what is free. */
  memoryLimitBytes?: number;
  onEvent?: (event: TrainEvent) => void;
  /** Stops after the running pass; what the last checkpoint holds is kept. */
  signal?: AbortSignal;
}

export interface TrainResult {
  adapter: LoraAdapter;
  /** Loss before every update. */
  losses: readonly number[];
  /** Updates done; fewer than planned after an early stop. */
  steps: number;
  /** Tokens computed in forward and backward passes, shared ones once. */
  trainedTokens: number;
}

const DEFAULT_CHECKPOINT_EVERY = 10;
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
    return await loop(options, run);
  } finally {
    await gradients?.close();
    file.close();
  }
}

interface PreparedRun {
  gradients: ModelGradients;
  examples: readonly TokenExample[];
  heldOut: readonly TokenExample[];
  order: DataOrder;
  schedule: Schedule;
  identity: RunIdentity;
  state: Checkpoint;
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
  const state = resume(options, identity) ?? freshState(adapter, identity, settings);
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
    keptLayerCount: memory.keptLayerCount,
    labelSmoothing: settings.labelSmoothing,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
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
  return {
    gradients,
    examples,
    heldOut,
    order,
    schedule: scheduleOf(settings, order),
    identity,
    state,
    toAdapter,
  };
}

async function loop(options: TrainOptions, run: PreparedRun): Promise<TrainResult> {
  const {
    settings,
    onEvent = () => {},
    signal,
    checkpointFolder,
    checkpointEvery = DEFAULT_CHECKPOINT_EVERY,
  } = options;
  const { order, state, gradients } = run;
  const optimizer = new AdamW({ learningRate: settings.learningRate, weightDecay: settings.weightDecay });
  const losses = [...state.losses];
  const heldOutLosses = [...state.heldOutLosses];
  const sums = new Map([...state.parameters].map(([name, { length }]) => [name, new Float32Array(length)]));
  const save = async (update: number) => {
    if (checkpointFolder === undefined) return;
    const snapshot = { ...state, position: order.positionOf(update), losses: [...losses], heldOutLosses };
    const path = await saveCheckpoint(checkpointFolder, snapshot);
    onEvent({ type: "checkpoint", step: update, path });
  };
  let trainedTokens = 0;
  const started = performance.now();
  const first = state.optimizer.step;
  /** Loss of the examples held out, once for every finished epoch, also for one whose end a stop cut off. */
  const measureHeldOut = async (update: number) => {
    const isEpochEnd = update > 0 && update % order.stepsPerEpoch === 0;
    if (!isEpochEnd || run.heldOut.length === 0 || heldOutLosses.at(-1)?.step === update) return;
    const loss = await lossOf(run, settings);
    heldOutLosses.push({ step: update, loss });
    onEvent({ type: "held-out", step: update, loss });
  };
  const doUpdate = async (update: number) => {
    signal?.throwIfAborted();
    const position = order.positionOf(update);
    const packed = packBatches(
      order.examplesAt(position).map((index) => run.examples[index] as TokenExample),
      settings,
    );
    for (const values of sums.values()) values.fill(0);
    let loss = 0;
    for (const trie of packed.tries) loss += await gradients.add(trie, state.parameters, sums);
    const gradientNorm = clipByGlobalNorm(sums, settings.maxGradientNorm);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw new TrainingDivergedError(update, loss);
    const factor = run.schedule(update);
    optimizer.update(state.optimizer, state.parameters, sums, factor);
    losses.push(loss);
    const tokens = tokenCount(packed);
    trainedTokens += tokens;
    const elapsedMs = performance.now() - started;
    onEvent({
      type: "step",
      step: update + 1,
      totalSteps: order.totalSteps,
      epoch: position.epoch + 1,
      loss,
      gradientNorm,
      learningRate: settings.learningRate * factor,
      tokens,
      plainTokens: packed.plainTokens,
      splitCount: packed.splitCount,
      repeatedTokens: packed.repeatedTokens,
      tokensPerSecond: (trainedTokens / elapsedMs) * 1000,
      leftMs: (elapsedMs / (update + 1 - first)) * (order.totalSteps - update - 1),
    });
  };
  try {
    await measureHeldOut(first);
    while (state.optimizer.step < order.totalSteps && !isStopped(heldOutLosses, settings.patience)) {
      await doUpdate(state.optimizer.step);
      const done = state.optimizer.step;
      await measureHeldOut(done);
      if (done % checkpointEvery === 0 && done < order.totalSteps) await save(done);
    }
  } catch (error) {
    // The optimiser changes parameters, moments and step at once, so a stop between updates loses none.
    if (signal?.aborted && state.optimizer.step > first) await save(state.optimizer.step);
    throw error;
  }
  const steps = state.optimizer.step;
  if (steps > first) await save(steps);
  return { adapter: run.toAdapter(state.parameters), losses, steps, trainedTokens };
}

/** Sample-mean loss of the examples held out. */
async function lossOf(run: PreparedRun, settings: TrainSettings): Promise<number> {
  let loss = 0;
  for (const trie of packBatches(run.heldOut, settings).tries)
    loss += await run.gradients.loss(trie, run.state.parameters);
  return loss;
}

/** True when the last `patience` epochs brought nothing better than what was before them. */
function isStopped(losses: readonly { loss: number }[], patience: number): boolean {
  if (losses.length <= patience) return false;
  const values = losses.map(({ loss }) => loss);
  return Math.min(...values.slice(-patience)) >= Math.min(...values.slice(0, -patience));
}

function resume(options: TrainOptions, identity: RunIdentity): Checkpoint | undefined {
  if (options.checkpointFolder === undefined) return undefined;
  const { newest, bad } = newestValidCheckpoint(options.checkpointFolder);
  for (const { path, reason } of bad)
    options.onEvent?.({ type: "warning", message: `${path} was passed over: ${reason}` });
  if (newest === undefined) return undefined;
  checkSameRun(newest.checkpoint.identity, identity);
  return newest.checkpoint;
}

function freshState(adapter: LoraAdapter, identity: RunIdentity, settings: TrainSettings): Checkpoint {
  const parameters = new Map<string, Float32Array>();
  for (const [name, { a, b }] of adapter.pairs) {
    // Copies: the adapter trained on from stays as it is.
    parameters.set(`${name}.lora_a`, a.slice()).set(`${name}.lora_b`, b.slice());
  }
  const optimizer = new AdamW().init(parameters);
  const position = { epoch: 0, step: 0 };
  return { parameters, optimizer, position, seed: settings.seed, identity, losses: [], heldOutLosses: [] };
}

function scheduleOf(settings: TrainSettings, { totalSteps }: DataOrder): Schedule {
  const warmupSteps = Math.round(settings.warmupShare * totalSteps);
  const make = { cosine: cosineSchedule, linear: linearSchedule, constant: constantSchedule }[
    settings.schedule
  ];
  return make({ warmupSteps, totalSteps });
}

/** Token counts of the first epoch's passes; the largest, with its predicting positions, is what memory has to hold. */
function passesOfEpoch(
  examples: readonly TokenExample[],
  order: DataOrder,
  settings: TrainSettings,
): { tokenCount: number; actionCount: number; passes: number[] } {
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
  return { tokenCount, actionCount, passes };
}

function tokenCount({ tries }: PackedStep): number {
  return tries.reduce((sum, { tokens }) => sum + tokens.length, 0);
}
