/** @file Training all weights of a small model, from the numbers in its file on. */
import { GgufFile } from "../formats/gguf/gguf-file.js";
import type { Backend } from "../graph/backend.js";
import type { ModelConfig } from "../transformer/model-config.js";
import { readModel } from "../transformer/read-model.js";
import { WeightStore } from "../transformer/weight-store.js";
import { DataOrder } from "./data/data-position.js";
import { checkExamples, type TokenExample, usedLength } from "./data/example.js";
import { holdOut } from "./data/hold-out.js";
import { type PackedStep, packBatches } from "./data/pack-batches.js";
import { type RowBatch, rowBatch } from "./data/row-batch.js";
import { ModelGradients } from "./gradients/model-gradients.js";
import { modelParameters } from "./gradients/model-parameters.js";
import { forecastMs, measureProducts } from "./loop/forecast-training.js";
import { planMemory } from "./loop/memory-plan.js";
import type { RunIdentity } from "./loop/run-identity.js";
import {
  runUpdates,
  startingState,
  type TrainingLoopOptions,
  type TrainingLoopResult,
  type TrainingTask,
} from "./loop/training-loop.js";
import { countsOf } from "./train-lora.js";
import { checkModelTrainSettings, type ModelTrainSettings, ROW_STEP } from "./train-settings.js";

export interface TrainModelOptions extends TrainingLoopOptions {
  /** GGUF file whose weights training starts from. */
  modelPath: string;
  /** SHA-256 of the model file and of the examples: a checkpoint of others is refused. */
  modelHash: string;
  dataHash: string;
  /** Examples whose masks are 1 at what is to be learnt; for plain text, everywhere but at the first token. */
  examples: readonly TokenExample[];
  settings: ModelTrainSettings;
  backend: Backend;
  /** Memory the process may take. Default: 70 % of what is free. */
  memoryLimitBytes?: number | undefined;
}

export interface TrainModelResult extends TrainingLoopResult {
  /** Every trained weight by its GGUF tensor's name, row-major as in the file; writeModel() puts them into one. */
  parameters: Map<string, Float32Array>;
}

const MEMORY_SHARE = 0.7;
/** Updates that the length of rows is chosen from. */
const LOOKED_AT = 16;
/** Longest rows that are tried: several examples share one, but attention costs grow with it. */
const MAX_STRETCH = 2;

/**
 * Trains embeddings, head, norms, biases and matrices; weight decay touches matrices only. Examples that begin alike
 * share what they have in common, several short ones share a row, and rows are padded to one length, so that a few
 * programs serve the whole run. The same options and thread count give the same bytes, also when the run was killed.
 * @throws {InputError} on examples that cannot be used, naming the first
 * @throws {ConfigError} on settings out of range, or a checkpoint of another run
 * @throws {UnsupportedModelError} for a model that is not supported
 * @throws {TrainingDivergedError} when loss or gradients are not finite; the last checkpoint is kept
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainModelResult> {
  checkModelTrainSettings(options.settings);
  const file = GgufFile.open(options.modelPath);
  let gradients: ModelGradients | undefined;
  try {
    const run = await prepare(options, file);
    gradients = run.gradients;
    const result = await runUpdates(run.task, options);
    return { ...result, parameters: run.task.state.parameters };
  } finally {
    await gradients?.close();
    file.close();
  }
}

async function prepare(
  options: TrainModelOptions,
  file: GgufFile,
): Promise<{ gradients: ModelGradients; task: TrainingTask }> {
  const { settings, backend, onEvent = () => {} } = options;
  const model = readModel(file.header);
  const { config } = model;
  const checked = checkExamples(options.examples, {
    vocabSize: config.vocabSize,
    contextLength: Math.min(config.contextLength || Number.POSITIVE_INFINITY, longestRow(settings)),
    truncate: settings.truncate,
    allowNegativeWeights: settings.allowNegativeWeights,
  });
  const { kept: examples, heldOut } = holdOut(checked.examples, settings.heldOutShare, settings.seed);
  const order = new DataOrder(
    examples.map(({ group }) => group),
    settings,
  );
  const rowLength =
    settings.rowLength ?? chooseRowLength([...examples, ...heldOut], examples, order, settings);
  const { modelHash, dataHash } = options;
  const identity: RunIdentity = { modelHash, dataHash, config: { ...settings, rowLength, trains: "all" } };
  const state = startingState(options, identity, settings.seed, () => modelParameters(file));
  const pack = (chosen: readonly TokenExample[]) =>
    packBatches(chosen, { tokenBudget: rowLength, normalisation: settings.normalisation });
  const plan = planOf(options, config, {
    rowLength,
    examples,
    parameterCount: [...state.parameters.values()].reduce((sum, { length }) => sum + length, 0),
  });
  onEvent({
    type: "plan",
    weights: `all ${plan.parameterCount} weights train, in rows of ${rowLength} tokens`,
    memory: plan.memory.reason,
    memoryBytes: plan.memory.bytes,
    examples: examples.length,
    heldOutExamples: heldOut.length,
    shortened: checked.shortened,
    totalSteps: order.totalSteps,
    resumedAt: state.optimizer.step,
    parameterCount: plan.parameterCount,
    forecastMs:
      (await forecastOf(backend, config, order, plan, settings, examples, pack)) *
      (1 - state.optimizer.step / order.totalSteps),
  });
  const gradients = new ModelGradients({
    model,
    weights: new WeightStore(file, "f32"),
    backend,
    lora: null,
    largestTokenCount: plan.rowLength * plan.rowsPerPass,
    keptLayerCount: plan.memory.keptLayerCount,
    labelSmoothing: settings.labelSmoothing,
    signal: options.signal,
  });
  const task: TrainingTask = {
    settings,
    order,
    state,
    decays: (name) => (file.tensors.get(name)?.shape.length ?? 0) > 1,
    addGradients: async (_update, indices, sums) => {
      const packed = pack(indices.map((index) => examples[index] as TokenExample));
      let loss = 0;
      for (const batch of batchesOf(packed, rowLength, plan.rowsPerPass))
        loss += await gradients.add(batch, state.parameters, sums);
      return { loss, ...countsOf(packed) };
    },
    heldOutLoss:
      heldOut.length === 0
        ? undefined
        : async () => {
            let loss = 0;
            for (const batch of batchesOf(pack(heldOut), rowLength, plan.rowsPerPass))
              loss += await gradients.loss(batch, state.parameters);
            return loss;
          },
  };
  return { gradients, task };
}

/** Passes of the most rows that fit, then of powers of two: few sizes, and no empty rows. */
function* batchesOf({ tries }: PackedStep, rowLength: number, rowsPerPass: number): Generator<RowBatch> {
  for (let at = 0; at < tries.length; ) {
    const left = tries.length - at;
    const count = left >= rowsPerPass ? rowsPerPass : 2 ** Math.floor(Math.log2(left));
    yield rowBatch(tries.slice(at, at + count), rowLength);
    at += count;
  }
}

function longestRow({ rowLength, tokenBudget }: ModelTrainSettings): number {
  return rowLength ?? Math.floor(tokenBudget / ROW_STEP) * ROW_STEP;
}

/** The length with the fewest places in rows over the first updates; of equal ones the shortest. */
function chooseRowLength(
  all: readonly TokenExample[],
  examples: readonly TokenExample[],
  order: DataOrder,
  settings: ModelTrainSettings,
): number {
  const shortest = Math.ceil(Math.max(...all.map(usedLength)) / ROW_STEP) * ROW_STEP;
  const longest = Math.min(longestRow(settings), MAX_STRETCH * shortest);
  let best = { length: shortest, places: Number.POSITIVE_INFINITY };
  for (let length = shortest; length <= longest; length += ROW_STEP) {
    let places = 0;
    for (let update = 0; update < Math.min(LOOKED_AT, order.totalSteps); update++) {
      const chosen = order.examplesAt(order.positionOf(update));
      const step = packBatches(
        chosen.map((index) => examples[index] as TokenExample),
        { tokenBudget: length },
      );
      places += step.tries.length * length;
    }
    if (places < best.places) best = { length, places };
  }
  return best.length;
}

interface RowPlan {
  rowLength: number;
  rowsPerPass: number;
  parameterCount: number;
  memory: ReturnType<typeof planMemory>;
}

function planOf(
  { settings, memoryLimitBytes }: TrainModelOptions,
  config: ModelConfig,
  given: { rowLength: number; examples: readonly TokenExample[]; parameterCount: number },
): RowPlan {
  const { rowLength, examples, parameterCount } = given;
  const fitting = Math.max(1, Math.floor(settings.tokenBudget / rowLength));
  const rowsPerPass = Math.min(fitting, Math.min(settings.batchSize, examples.length));
  const tokenCount = rowsPerPass * rowLength;
  const available = memoryLimitBytes ?? process.availableMemory() * MEMORY_SHARE;
  // The weights are the parameters, which the plan counts with their gradients and moments.
  const weights = { cache: "f32" as const, bytes: 0, reason: "" };
  const work = { tokenCount, actionCount: tokenCount, parameterCount, sequenceLength: rowLength };
  return { rowLength, rowsPerPass, parameterCount, memory: planMemory(config, work, weights, available) };
}

/** Milliseconds of all epochs, judged by the first updates. */
async function forecastOf(
  backend: Backend,
  config: ModelConfig,
  order: DataOrder,
  { rowLength, memory }: RowPlan,
  { epochs }: ModelTrainSettings,
  examples: readonly TokenExample[],
  pack: (chosen: readonly TokenExample[]) => PackedStep,
): Promise<number> {
  const looked = Math.min(LOOKED_AT, order.stepsPerEpoch);
  const rows = Array.from({ length: looked }, (_, step) => {
    const chosen = order.examplesAt({ epoch: 0, step });
    return pack(chosen.map((index) => examples[index] as TokenExample)).tries.length;
  }).reduce((sum, count) => sum + count, 0);
  const passes = Array<number>(rows).fill(rowLength);
  const speed = await measureProducts(backend);
  const ofLooked = forecastMs(config, passes, memory.keptLayerCount, speed, { trainsWeights: true });
  return (ofLooked / looked) * order.stepsPerEpoch * epochs;
}
