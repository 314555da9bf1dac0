/** @file Training all weights of a small model, from the numbers in its file on. */
import { rangeOf } from "../core/range-of.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { DEFAULT_BLOCK_SIZE } from "../transformer/attention-plan.js";
import { singleSequence } from "../transformer/token-layout.js";
import { usedLength } from "./data/example.js";
import { countsOf, type PackedStep, packBatches } from "./data/pack-batches.js";
import { type RowBatch, rowBatch } from "./data/row-batch.js";
import { modelParameters } from "./gradients/model-parameters.js";
import type { PassSize } from "./loop/forecast-training.js";
import { planTraining } from "./loop/plan-training.js";
import type { TrainingLoopResult } from "./loop/training-loop.js";
import { checkModelTrainSettings, type ModelTrainSettings, ROW_STEP } from "./train-settings.js";
import {
  examplesAt,
  runTraining,
  type TrainingData,
  type TrainingRunOptions,
  trainingData,
} from "./training-run.js";

/**
 * Options of a full training. It starts from the numbers in the model file; for plain text the examples' masks are 1
 * everywhere but at the first token, else 1 at what is to be learnt.
 */
export type TrainModelOptions = TrainingRunOptions<ModelTrainSettings>;

export interface TrainModelResult extends TrainingLoopResult {
  /** Every trained weight by its GGUF tensor's name, row-major as in the file; writeModel() puts them into one. */
  parameters: Map<string, Float32Array>;
}

/** Updates that the length of rows is chosen from, and the forecast. */
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
  const { settings } = options;
  checkModelTrainSettings(settings);
  using file = GgufFile.open(options.modelPath);
  const data = trainingData(options, file, longestRow(settings), false);
  const rowLength = settings.rowLength ?? chooseRowLength(data, settings);
  const packing = { tokenBudget: rowLength, normalisation: settings.normalisation };
  const fitting = Math.max(1, Math.floor(settings.tokenBudget / rowLength));
  const rowsPerPass = Math.min(fitting, settings.batchSize, data.examples.length);
  const tokenCount = rowsPerPass * rowLength;
  const passesOf = (packed: PackedStep) => batchesOf(packed, rowLength, rowsPerPass);
  const updates = Math.min(LOOKED_AT, data.order.stepsPerEpoch);
  const parameterCount = [...file.tensors.values()].reduce((sum, { elementCount }) => sum + elementCount, 0);
  const heldOut = passesOfRows(packBatches(data.heldOut, packing), rowLength);
  const work = {
    tokenCount,
    actionCount: tokenCount,
    sequenceLength: rowLength,
    // Full passes, and those of powers of two below.
    layoutCount: 2 + Math.floor(Math.log2(rowsPerPass)),
    blockCount: 3 * rowsPerPass * Math.ceil(rowLength / DEFAULT_BLOCK_SIZE),
    // The best so far.
    copiedFloats: heldOut.length > 0 ? parameterCount : 0,
  };
  const plan = planTraining(data.model.config, {
    // The weights are the parameters, which the memory plan counts with their gradients and moments.
    weights: { cache: "f32", bytes: 0, reason: `all weights train, in rows of ${rowLength} tokens` },
    tokenBudget: tokenCount,
    isBudgetFixed: true,
    longestExample: rowLength,
    parameterCount,
    limitBytes: data.availableBytes,
    workAt: () => work,
  });
  return runTraining(options, data, {
    identity: { rowLength, trains: "all" },
    newParameters: () => modelParameters(file),
    decays: (name) => (file.tensors.get(name)?.shape.length ?? 0) > 1,
    lora: null,
    plan,
    work,
    looked: { passes: { trained: firstRows(data, updates, rowLength), heldOut }, updates },
    addGradients: async (gradients, { examples, parameters, sums }) => {
      const packed = packBatches(examples, packing);
      let loss = 0;
      for (const batch of passesOf(packed)) loss += await gradients.add(batch, parameters, sums);
      return { loss, ...countsOf(packed) };
    },
    lossOf: async (gradients, examples, parameters) => {
      let loss = 0;
      for (const batch of passesOf(packBatches(examples, packing)))
        loss += await gradients.loss(batch, parameters);
      return loss;
    },
  });
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

/** A pass a row: attention does not cross rows. */
function passesOfRows({ tries }: Pick<PackedStep, "tries">, rowLength: number): PassSize[] {
  const row = { layout: singleSequence(rowLength), actionCount: rowLength };
  return tries.map(() => row);
}

/** Rows of the first updates. */
function firstRows(data: TrainingData, updates: number, rowLength: number): PassSize[] {
  return Array.from({ length: updates }, (_, update) =>
    packBatches(examplesAt(data, update), { tokenBudget: rowLength }),
  ).flatMap((packed) => passesOfRows(packed, rowLength));
}

/** The length with the fewest places in rows over the first updates; of equal ones the shortest. */
function chooseRowLength(data: TrainingData, settings: ModelTrainSettings): number {
  const longestExample = rangeOf([...data.examples, ...data.heldOut].map(usedLength)).highest;
  const shortest = Math.ceil(longestExample / ROW_STEP) * ROW_STEP;
  const longest = Math.min(longestRow(settings), MAX_STRETCH * shortest);
  const updates = Math.min(LOOKED_AT, data.order.totalSteps);
  let best = { length: shortest, places: Number.POSITIVE_INFINITY };
  for (let length = shortest; length <= longest; length += ROW_STEP) {
    const places = firstRows(data, updates, length).length * length;
    if (places < best.places) best = { length, places };
  }
  return best.length;
}
