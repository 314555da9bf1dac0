/** @file How much a training pass takes, and how much of the forward pass can be kept for the backward one. */
import { DEFAULT_BLOCK_SIZE } from "../../transformer/attention-plan.js";
import { HEAD_CHUNK } from "../../transformer/head-graph.js";
import { linearShape } from "../../transformer/layer-builder.js";
import { layerKind } from "../../transformer/layer-feeds.js";
import { type LayerLinears, linearsOf, plannedLayers } from "../../transformer/linear-name.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import type { TokenLayout } from "../../transformer/token-layout.js";
import { layerWeightCount, type WeightPlan } from "../../transformer/weight-plan.js";
import { PROGRAM_BYTES_PER_NODE } from "../gradients/compiled-layers.js";

export interface MemoryPlan {
  /** The last this many layers hand their products to the backward pass; the others compute them again. */
  keptLayerCount: number;
  /** Room for programs and for states that stay the same over a run; see ModelGradients. */
  programBytes: number;
  stateBytes: number;
  /** Expected peak: weights, activations, scratch, adapter with optimiser, what is kept for later passes. */
  bytes: number;
  /** One line for the user. */
  reason: string;
}

/**
 * Scratch of a layer's backward pass beside what is handed to it: floats per token for each of hidden and feed-forward
 * size, and score arrays that live at once, since onnxruntime computes the softmax of all blocks before it needs it.
 * Fitted to resident memory of SmolLM2 at 1,024 and 2,048 tokens and Qwen 0.5 B at 512 and 1,024.
 */
const SCRATCH_ARRAYS = 12;
const LIVE_SCORE_ARRAYS = 2;
/** Factor for the gaps that passes of many sizes leave in a heap: up to 200 MB beside 600 for twelve sizes. */
const FRAGMENTED = 1.5;
/** Arrays of logits that live at once in a chunk of the head, and of hidden size per position; with a penalty, the base's too. */
const HEAD_ARRAYS = { logits: 3, hidden: 6 };
const ANCHORED_HEAD_ARRAYS = { logits: 7, hidden: 10 };
/** Layers' weights in float32 beside those of the plan: what is read into, and what a program makes of float16. */
const COPIED_LAYERS = { f32: 0, f16: 2, streamed: 1 } as const;
/** Most that programs may take: 40 to 60 layouts of an episode. */
const MOST_PROGRAM_BYTES = 256e6;
/** Nodes of a layer's two programs, from those of nano and SmolLM2: 894 for 13 blocks of queries, 1,483 for 22. */
const LAYER_NODES = { base: 100, perBlock: 65 };
/** Node, onnxruntime and the tokens themselves, 160 MB before the first pass, and what the heap grows by in later ones. */
const RUNTIME_BYTES = 260e6;

const BLOCK_OUTPUTS: ReadonlySet<string> = new Set(["attn_output", "shortconv.out_proj", "ffn_down"]);

/** Floats of one token in a layer that keeping products takes: its matrices' outputs, attention, residual. The most of any layer. */
export function keptFloats(config: ModelConfig): number {
  const { hiddenSize: D, headCount: H, headSize: d } = config;
  const postNorms = config.family === "gemma3" ? 2 * D : 0;
  const ofLayer = (layer: LayerLinears) => {
    const linears = linearsOf(layer);
    // What the two outputs of the blocks are kept as is their residuals; the last one is the next layer's input.
    const products = linears.filter((name) => !BLOCK_OUTPUTS.has(name));
    const attention = linears.includes("attn_output") ? H * d : 0;
    return products.reduce((sum, name) => sum + linearShape(config, name)[1], attention + D + postNorms);
  };
  return Math.max(...plannedLayers(config).map(ofLayer));
}

/** The largest pass of a run. */
export interface PassWork {
  tokenCount: number;
  /** Positions that predict something. */
  actionCount: number;
  /** Tokens of the longest path. Default all: a trie's branches do not see each other and take less. */
  sequenceLength?: number | undefined;
  /** Passes of different token counts follow each other. Default false. */
  hasManySizes?: boolean | undefined;
  /** Layers that train, counted from the last. Default all. */
  trainedLayerCount?: number | undefined;
  /** A penalty on the divergence from the base: its passes and states come on top. Default false. */
  isAnchored?: boolean | undefined;
  /** Attention blocks of all layouts of an epoch, each layout once. Default 0: nothing comes back. */
  layoutCount?: number | undefined;
  blockCount?: number | undefined;
  /** Tokens of an epoch's passes that come back, whose states below the trained layers, or of the base, are kept. Default 0. */
  epochTokenCount?: number | undefined;
  /** Floats kept beside parameters, gradients and moments: what training began with, the best so far. Default 0. */
  copiedFloats?: number | undefined;
}

/** @param limitBytes memory the whole process may take */
export function planMemory(
  config: ModelConfig,
  work: PassWork & { parameterCount: number },
  weights: WeightPlan,
  limitBytes: number,
): MemoryPlan {
  const { hiddenSize: D, headCount: H, feedForwardSize: F, layerCount: L } = config;
  const { tokenCount: T, actionCount: P, parameterCount, sequenceLength = T, isAnchored = false } = work;
  const { copiedFloats = 0 } = work;
  const trainedLayerCount = Math.min(L, work.trainedLayerCount ?? L);
  const inputs = 4 * trainedLayerCount * T * D;
  // Half of all pairs, in blocks of queries.
  const scores = (H * T * (sequenceLength + Math.min(DEFAULT_BLOCK_SIZE, sequenceLength))) / 2;
  const gaps = work.hasManySizes ? FRAGMENTED : 1;
  const scratch = 4 * gaps * (SCRATCH_ARRAYS * T * (F + D) + LIVE_SCORE_ARRAYS * scores);
  // Logits, powers and their product of one chunk.
  const arrays = isAnchored ? ANCHORED_HEAD_ARRAYS : HEAD_ARRAYS;
  const head = 4 * P * (arrays.logits * Math.min(HEAD_CHUNK, config.vocabSize) + arrays.hidden * D);
  // Parameters, gradients and the two means of AdamW; silenced ones beside them where the base is asked.
  const trained = (isAnchored ? 20 : 16) * parameterCount + 4 * copiedFloats;
  const copies = COPIED_LAYERS[weights.cache] * 4 * layerWeightCount(config);
  const baseStates = isAnchored ? 4 * T * D : 0;
  const base =
    weights.bytes + copies + inputs + baseStates + Math.max(scratch, head) + trained + RUNTIME_BYTES;
  const room = (wanted: number, taken: number) => Math.max(0, Math.min(wanted, limitBytes - taken));
  // What comes back in every epoch is worth more per byte than a layer's products.
  const programs = Math.min(MOST_PROGRAM_BYTES, bytesOfPrograms(config, work));
  const programBytes = room(programs, base);
  const stateBytes = room(bytesOfStates(config, work), base + programBytes);
  const taken = base + programBytes + stateBytes;
  const perLayer = 4 * T * keptFloats(config);
  const keptLayerCount = Math.max(
    0,
    Math.min(trainedLayerCount, Math.floor((limitBytes - taken) / perLayer)),
  );
  const bytes = taken + keptLayerCount * perLayer;
  const what =
    keptLayerCount === trainedLayerCount
      ? "all products kept for the backward pass"
      : `products of ${keptLayerCount} of ${trainedLayerCount} layers kept, the others computed again`;
  return {
    keptLayerCount,
    programBytes,
    stateBytes,
    bytes,
    reason: `${what}; about ${gigabytes(bytes)} of at most ${gigabytes(limitBytes)}`,
  };
}

/** For users: 1.23 GB. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** What the programs of all layouts take together. */
export function bytesOfPrograms(
  config: ModelConfig,
  work: Pick<PassWork, "layoutCount" | "blockCount">,
): number {
  const kindCount = Math.max(1, new Set(config.layers.map(layerKind)).size);
  return layerNodes(work) * kindCount * PROGRAM_BYTES_PER_NODE;
}

/** What the states take that stay the same over a run: below the trained layers, and of the base. */
export function bytesOfStates(
  { hiddenSize, layerCount }: ModelConfig,
  {
    trainedLayerCount = layerCount,
    isAnchored = false,
    epochTokenCount = 0,
  }: Pick<PassWork, "trainedLayerCount" | "isAnchored" | "epochTokenCount">,
): number {
  const stateCount = (trainedLayerCount < layerCount ? 1 : 0) + (isAnchored ? 1 : 0);
  return 4 * hiddenSize * epochTokenCount * stateCount;
}

/** Nodes of both programs of one kind of layer, for all layouts together. */
export function layerNodes({
  layoutCount = 0,
  blockCount = 0,
}: Pick<PassWork, "layoutCount" | "blockCount">): number {
  return LAYER_NODES.base * layoutCount + LAYER_NODES.perBlock * blockCount;
}

/** Blocks of queries that attention is cut into. */
export function blockCountOf({ segments }: TokenLayout): number {
  return segments.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / DEFAULT_BLOCK_SIZE), 0);
}
