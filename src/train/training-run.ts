/** @file A training run, whatever trains: checked examples in their order, then plan, passes and updates. */
import { ConfigError } from "../core/errors.js";
import { mean } from "../core/statistics.js";
import type { GgufFile } from "../formats/gguf/gguf-file.js";
import type { Backend } from "../graph/backend.js";
import type { LoraConfig } from "../lora/lora-adapter.js";
import { type ModelDescription, readModel } from "../transformer/read-model.js";
import { WeightStore } from "../transformer/weight-store.js";
import { DataOrder } from "./data/data-position.js";
import { type CheckedExamples, checkExamples, type TokenExample } from "./data/example.js";
import { holdOut } from "./data/hold-out.js";
import { ModelGradients } from "./gradients/model-gradients.js";
import { forecastTraining, measureProducts, type RunPasses } from "./loop/forecast-training.js";
import type { PassWork } from "./loop/memory-plan.js";
import type { TrainingPlan } from "./loop/plan-training.js";
import type { UpdateWork } from "./loop/train-event.js";
import {
  runUpdates,
  startingState,
  type TrainingLoopOptions,
  type TrainingLoopResult,
} from "./loop/training-loop.js";
import type { SharedTrainSettings } from "./train-settings.js";

export interface TrainingRunOptions<Settings extends SharedTrainSettings> extends TrainingLoopOptions {
  modelPath: string;
  /** SHA-256 of the model file and of the examples: a checkpoint of others is refused. */
  modelHash: string;
  dataHash: string;
  examples: readonly TokenExample[];
  settings: Settings;
  backend: Backend;
  /** Memory the process may take. Default: 70 % of what is free. */
  memoryLimitBytes?: number | undefined;
}

/** What a run learns from, before passes are laid out. */
export interface TrainingData {
  file: GgufFile;
  model: ModelDescription;
  examples: readonly TokenExample[];
  heldOut: readonly TokenExample[];
  order: DataOrder;
  shortened: CheckedExamples["shortened"];
  availableBytes: number;
}

/** What trains, and in which passes. */
export interface TrainingDesign {
  /** Settings that change a number of the result, beside those of the run. */
  identity: Readonly<Record<string, unknown>>;
  /** Parameters of a new run, changed in place. */
  newParameters: () => Map<string, Float32Array>;
  /** Parameters that weight decay touches. Default all. */
  decays?: ((name: string) => boolean) | undefined;
  /** Pairs that train; null where all weights do. */
  lora: LoraConfig | null;
  /** Pairs of the layers below the first that trains, which stay as they are; see ModelGradients. */
  fixed?: ReadonlyMap<string, Float32Array> | undefined;
  firstTrainedLayer?: number | undefined;
  dropout?: number | undefined;
  klPenalty?: number | undefined;
  /** How it fits into memory. */
  plan: TrainingPlan;
  /** The largest pass. */
  work: PassWork;
  /** Passes of some updates, and those that come beside them, for the forecast. */
  looked: { passes: RunPasses; updates: number };
  /** Adds the gradients of one update to `sums`. */
  addGradients: (gradients: ModelGradients, given: DesignedUpdate) => Promise<UpdateWork>;
  /** Loss of examples without gradients: of those held out, and of the first update's. */
  lossOf: (
    gradients: ModelGradients,
    examples: readonly TokenExample[],
    parameters: ReadonlyMap<string, Float32Array>,
  ) => Promise<number>;
}

export interface DesignedUpdate {
  /** From 0. */
  update: number;
  examples: readonly TokenExample[];
  parameters: ReadonlyMap<string, Float32Array>;
  sums: ReadonlyMap<string, Float32Array>;
}

const MEMORY_SHARE = 0.7;

/** Loss of the first update's examples with the parameters a run began with, and with those it ended with. */
export interface SameExamplesLoss {
  before: number;
  after: number;
}

/**
 * Checks the examples, keeps some back and puts the others in order.
 * @param longestExample tokens that one pass holds
 * @param isBounded the loss says how far a reply is pushed away, or something else holds the model
 * @throws {InputError | UnsupportedModelError}
 * @throws {ConfigError} on weights below 0 that nothing bounds
 */
export function trainingData(
  options: TrainingRunOptions<SharedTrainSettings>,
  file: GgufFile,
  longestExample: number,
  isBounded: boolean,
): TrainingData {
  const { settings } = options;
  const model = readModel(file.header);
  const { vocabSize, contextLength } = model.config;
  const { examples, shortened } = checkExamples(options.examples, {
    vocabSize,
    contextLength: Math.min(contextLength || Number.POSITIVE_INFINITY, longestExample),
    truncate: settings.truncate,
    allowNegativeWeights: settings.allowNegativeWeights,
  });
  if (!isBounded && examples.some(({ weight }) => weight < 0)) {
    throw new ConfigError("some examples push their replies away, and nothing bounds how far", {
      hint: "use --objective group, preference or kto, or give --kl a factor above 0, such as 0.1",
      code: "no-leash",
    });
  }
  const { kept, heldOut } = holdOut(examples, settings.heldOutShare, settings.seed);
  const order = new DataOrder(
    kept.map(({ group }) => group),
    settings,
  );
  const availableBytes = options.memoryLimitBytes ?? process.availableMemory() * MEMORY_SHARE;
  return { file, model, examples: kept, heldOut, order, shortened, availableBytes };
}

/** The examples of one update. */
export function examplesAt({ examples, order }: TrainingData, update: number): TokenExample[] {
  return order.examplesAt(order.positionOf(update)).map((index) => examples[index] as TokenExample);
}

/**
 * Plans, tells of the plan, and does all updates that are left.
 * @throws {ConfigError | InputError} when the folder's checkpoint is of another run
 * @throws {TrainingDivergedError}
 */
export async function runTraining(
  options: TrainingRunOptions<SharedTrainSettings>,
  data: TrainingData,
  design: TrainingDesign,
): Promise<TrainingLoopResult & { sameExamples?: SameExamplesLoss }> {
  const { settings, backend, modelHash, dataHash } = options;
  const { file, model, examples, heldOut, order } = data;
  const { lora, looked } = design;
  const { weights, memory } = design.plan;
  const identity = { modelHash, dataHash, config: { ...settings, ...design.identity } };
  const state = startingState(options, identity, settings.seed, design.newParameters);
  const parameterCount = [...state.parameters.values()].reduce((sum, { length }) => sum + length, 0);
  const { keptLayerCount, programBytes, stateBytes } = memory;
  const speed = await measureProducts(backend);
  const trainsWeights = lora === null;
  const { work } = design;
  const store = new WeightStore(file, weights.cache);
  const forecast = forecastTraining(
    model.config,
    looked.passes,
    {
      ...memory,
      ...work,
      trainsWeights,
      // Weights that train were read with the parameters.
      layerReadMs: trainsWeights ? 0 : measureReading(store),
      areWeightsKept: weights.cache !== "streamed",
    },
    speed,
  );
  const updatesLeft = order.totalSteps - state.optimizer.step;
  options.onEvent?.({
    type: "plan",
    weights: weights.reason,
    memory: memory.reason,
    memoryBytes: memory.bytes,
    examples: examples.length,
    heldOutExamples: heldOut.length,
    shortened: data.shortened,
    totalSteps: order.totalSteps,
    resumedAt: state.optimizer.step,
    parameterCount,
    forecastMs:
      forecast.onceMs +
      (forecast.everyMs / looked.updates) * updatesLeft +
      forecast.epochMs * Math.ceil(updatesLeft / order.stepsPerEpoch),
  });
  if (settings.heldOutShare > 0 && heldOut.length === 0) {
    const message = `all examples are of one episode (${examples[0]?.group}): none is held out, and nothing stops early`;
    options.onEvent?.({ type: "warning", message });
  }
  const gradients = new ModelGradients({
    model,
    weights: store,
    backend,
    lora,
    fixed: design.fixed,
    firstTrainedLayer: design.firstTrainedLayer,
    largestTokenCount: design.work.tokenCount,
    keptLayerCount,
    programBytes,
    stateBytes,
    labelSmoothing: settings.labelSmoothing,
    dropout: design.dropout ?? 0,
    klPenalty: design.klPenalty ?? 0,
    signal: options.signal,
  });
  const { parameters } = state;
  const lossOf = (own: readonly TokenExample[], at: ReadonlyMap<string, Float32Array>) =>
    design.lossOf(gradients, own, at);
  try {
    const result = await runUpdates(
      {
        settings,
        order,
        state,
        decays: design.decays,
        clipScale: clipScaleOf(examples, settings),
        addGradients: (update, sums) =>
          design.addGradients(gradients, { update, examples: examplesAt(data, update), parameters, sums }),
        heldOutLoss: heldOut.length === 0 ? undefined : () => lossOf(heldOut, parameters),
      },
      options,
    );
    // All weights of a new model make no difference that a reader would ask for.
    if (trainsWeights || order.totalSteps === 0) return result;
    const first = examplesAt(data, 0);
    const before = await lossOf(first, design.newParameters());
    return { ...result, sameExamples: { before, after: await lossOf(first, result.parameters) } };
  } finally {
    await gradients.close();
  }
}

/** Milliseconds for reading one layer's weights. */
function measureReading(store: WeightStore): number {
  const started = performance.now();
  store.layer(0);
  return performance.now() - started;
}

/** Losses that are divided by the weights need no other norm. */
function clipScaleOf(
  examples: readonly TokenExample[],
  { clipping, normalisation }: SharedTrainSettings,
): number {
  if (clipping === undefined || normalisation === "token-sum") return 1;
  return Math.max(1, mean(examples.map(({ weight }) => Math.abs(weight))));
}
