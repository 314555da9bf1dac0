/** @file LoRA training: examples in, adapter out; it can be stopped anywhere and goes on to the same bytes. */
import { InputError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { rangeOf } from "../core/range-of.js";
import { GgufFile } from "../formats/gguf/gguf-file.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { completePairs } from "../lora/complete-pairs.js";
import { initLora } from "../lora/init-lora.js";
import type { LoraAdapter } from "../lora/lora-adapter.js";
import type { WeightCache } from "../transformer/weight-plan.js";
import { type TokenExample, targetCount, usedLength } from "./data/example.js";
import { countsOf, type PackedStep, packBatches } from "./data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "./data/prompted-trie.js";
import type { TokenTrie } from "./data/token-trie.js";
import { layoutKey, type PassTrie } from "./gradients/compiled-layers.js";
import type { ModelGradients } from "./gradients/model-gradients.js";
import { newestValidCheckpoint } from "./loop/checkpoint-folder.js";
import type { PassSize, RunPasses } from "./loop/forecast-training.js";
import { blockCountOf, type PassWork } from "./loop/memory-plan.js";
import { numbersOf, planTraining, type WeightNumbers } from "./loop/plan-training.js";
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
  const compared = comparedName(options.settings);
  const wanted = compared === undefined ? options.settings : comparing(options.settings);
  using file = GgufFile.open(options.modelPath);
  const isBounded = compared !== undefined || wanted.klPenalty > 0;
  const data = trainingData({ ...options, settings: wanted }, file, wanted.tokenBudget, isBounded);
  const { topLayers, lora, seed } = wanted;
  const { config } = data.model;
  const firstTrainedLayer = Math.max(0, config.layerCount - (topLayers ?? config.layerCount));
  const fresh = () => initLora(config, lora, new Random(seed), firstTrainedLayer);
  const given = initial ?? fresh();
  const adapter = completePairs(given, config);
  const isTrained = (name: string) => layerOf(name) >= firstTrainedLayer;
  const startParameters = numbersIn(adapter, isTrained);
  const known = knownConfig(options.checkpointFolder);
  const packingAt = (tokenBudget: number): Packing => {
    const packing = { ...wanted, tokenBudget };
    const comparison =
      compared &&
      new ReplyComparison({
        ...{ objective: compared, figures: wanted, packing, startParameters },
        examples: [...data.examples, ...data.heldOut],
      });
    return { comparison, pack: (examples) => comparison?.pack(examples) ?? packBatches(examples, packing) };
  };
  const parameterCount = countOf(startParameters);
  // The adapter that training begins with, and the best one so far.
  const copiedFloats =
    countOf(numbersIn(adapter, () => true)) + (data.heldOut.length > 0 ? parameterCount : 0);
  const workAt = (tokenBudget: number) => ({
    ...passesOfRun(data, wanted, tokenBudget, packingAt(tokenBudget)),
    copiedFloats,
  });
  const plan = planTraining(config, {
    weights: options.weights ?? "auto",
    numbers: known?.weightForm as WeightNumbers | undefined,
    tokenBudget: (known?.passTokens as number | undefined) ?? wanted.tokenBudget,
    isBudgetFixed: known !== undefined,
    longestExample: rangeOf([...data.examples, ...data.heldOut].map(usedLength)).highest,
    parameterCount,
    limitBytes: data.availableBytes,
    workAt,
  });
  const settings = { ...wanted, tokenBudget: plan.tokenBudget };
  const { comparison, pack } = packingAt(plan.tokenBudget);
  // A run that was begun under an earlier rule of clipping goes on under it.
  const clipping = known === undefined ? settings.clipping : (known.clipping as TrainSettings["clipping"]);
  const { passes, ...work } = workAt(plan.tokenBudget);
  if (comparison !== undefined && passes.trained.length === 0) throw nothingToCompare(settings);
  const begun = { ...options, settings: { ...wanted, clipping } };
  const { parameters, ...result } = await runTraining(begun, data, {
    identity: {
      initial: initial === undefined ? null : adapterHash(adapter),
      weightForm: numbersOf(plan.weights),
      // Whether examples share a pass changes how their gradients are rounded: a run that goes on keeps to it.
      passTokens: plan.tokenBudget === wanted.tokenBudget ? undefined : plan.tokenBudget,
    },
    // Copies: the adapter trained on from stays as it is.
    newParameters: () =>
      new Map([...startParameters].map(([name, values]) => [name, values.slice()] as const)),
    lora: adapter.config,
    fixed: firstTrainedLayer === 0 ? undefined : numbersIn(adapter, (name) => !isTrained(name)),
    firstTrainedLayer,
    dropout: settings.dropout,
    klPenalty: settings.klPenalty,
    plan,
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
  return { ...result, adapter: withPairs(initial === undefined ? given : adapter, parameters) };
}

/** N of `blk.N.<linear>.weight`. */
function layerOf(name: string): number {
  return Number(name.split(".")[1]);
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

/** How examples come into passes of some tokens at most. */
interface Packing {
  comparison: ReplyComparison | undefined;
  pack: (examples: readonly TokenExample[]) => PackedStep;
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

/** The pairs of some matrices by the names of parameters. */
function numbersIn(adapter: LoraAdapter, isWanted: (name: string) => boolean): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const [name, { a, b }] of adapter.pairs)
    if (isWanted(name)) parameters.set(`${name}.lora_a`, a).set(`${name}.lora_b`, b);
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

/**
 * Passes of the first epoch, and those without a gradient; and the largest of the run, with its predicting positions, which
 * memory has to hold.
 */
function passesOfRun(
  data: TrainingData,
  settings: TrainSettings,
  tokenBudget: number,
  { pack, comparison }: Packing,
): PassWork & { passes: RunPasses } {
  const trained: PassSize[] = [];
  const before: PassSize[] = [];
  const { order } = data;
  let tokenCount = order.totalSteps > LOOKED_AT ? tokenBudget : 0;
  let actionCount = rangeOf(data.examples.map(targetCount)).highest;
  const layouts = new Map<string, TokenTrie>();
  const look = (tries: readonly TokenTrie[]) => {
    for (const trie of tries) {
      layouts.set(layoutKey(trie, data.model.config.layers), trie);
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
    const packed = pack(examplesAt(data, update));
    look(packed.tries);
    if (update >= order.stepsPerEpoch) continue;
    trained.push(...packed.tries.map(sizeOf));
    before.push(...(comparison?.before(packed) ?? []).map(sizeOf));
  }
  const heldOut = data.heldOut.length > 0 ? look(pack(data.heldOut).tries) : [];
  const start = look(comparison?.startPasses() ?? []);
  // Their loss is told before and after.
  const first = pack(examplesAt(data, 0)).tries;
  // Updates of single examples are others in every epoch.
  const comesBack = settings.wholeGroups === true || order.stepsPerEpoch === 1;
  return {
    tokenCount,
    actionCount,
    passes: {
      trained,
      before,
      heldOut: heldOut.map(sizeOf),
      once: [...start, ...first, ...first].map(sizeOf),
    },
    hasManySizes: new Set([...layouts.values()].map(({ layout }) => layout.tokenCount)).size > 1,
    trainedLayerCount: settings.topLayers,
    isAnchored: settings.klPenalty > 0,
    layoutCount: layouts.size,
    blockCount: sumOf([...layouts.values()].map(({ layout }) => blockCountOf(layout))),
    epochTokenCount: comesBack ? sumOf(trained.map(({ layout }) => layout.tokenCount)) : 0,
  };
}

function sizeOf({ layout, targets }: TokenTrie): PassSize {
  return { layout, actionCount: targets.length };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
