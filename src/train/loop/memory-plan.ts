/** @file How much a training pass takes, and how much of the forward pass can be kept for the backward one. */
import { DEFAULT_BLOCK_SIZE } from "../../transformer/attention-plan.js";
import { HEAD_CHUNK } from "../../transformer/head-graph.js";
import { linearShape } from "../../transformer/layer-builder.js";
import { type LayerLinears, linearsOf, plannedLayers } from "../../transformer/linear-name.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import { layerWeightCount, type WeightPlan } from "../../transformer/weight-plan.js";

export interface MemoryPlan {
  /** The last this many layers hand their products to the backward pass; the others compute them again. */
  keptLayerCount: number;
  /** Expected peak: weights, activations, scratch, adapter with optimiser. */
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
}

/** @param limitBytes memory the whole process may take */
export function planMemory(
  config: ModelConfig,
  work: PassWork & { parameterCount: number },
  weights: WeightPlan,
  limitBytes: number,
): MemoryPlan {
  const { hiddenSize: D, headCount: H, feedForwardSize: F, layerCount: L } = config;
  const { tokenCount: T, actionCount: P, parameterCount, sequenceLength = T } = work;
  const inputs = 4 * L * T * D;
  // Half of all pairs, in blocks of queries.
  const scores = (H * T * (sequenceLength + Math.min(DEFAULT_BLOCK_SIZE, sequenceLength))) / 2;
  const gaps = work.hasManySizes ? FRAGMENTED : 1;
  const scratch = 4 * gaps * (SCRATCH_ARRAYS * T * (F + D) + LIVE_SCORE_ARRAYS * scores);
  // Logits, powers and their product of one chunk.
  const head = 4 * P * (3 * Math.min(HEAD_CHUNK, config.vocabSize) + 6 * D);
  // Parameters, gradients and the two means of AdamW.
  const trained = 16 * parameterCount;
  const streamed = weights.cache === "streamed" ? 4 * layerWeightCount(config) : 0;
  const base = weights.bytes + streamed + inputs + Math.max(scratch, head) + trained + RUNTIME_BYTES;
  const perLayer = 4 * T * keptFloats(config);
  const keptLayerCount = Math.max(0, Math.min(L, Math.floor((limitBytes - base) / perLayer)));
  const bytes = base + keptLayerCount * perLayer;
  const gigabytes = (value: number) => `${(value / 1e9).toFixed(2)} GB`;
  const what =
    keptLayerCount === L
      ? "all products kept for the backward pass"
      : `products of ${keptLayerCount} of ${L} layers kept, the others computed again`;
  return {
    keptLayerCount,
    bytes,
    reason: `${what}; about ${gigabytes(bytes)} of at most ${gigabytes(limitBytes)}`,
  };
}
