/** @file How much a training pass takes, and how much of the forward pass can be kept for the backward one. */
import type { ModelConfig } from "../transformer/model-config.js";
import { layerWeightCount, type WeightPlan } from "../transformer/weight-plan.js";

export interface MemoryPlan {
  /** The last this many layers hand their products to the backward pass; the others compute them again. */
  keptLayerCount: number;
  /** Expected peak: weights, activations, scratch, adapter with optimiser. */
  bytes: number;
  /** One line for the user. */
  reason: string;
}

/** Queries per attention block times its live score arrays: scores, softmax and two products. */
const LIVE_SCORE_ARRAYS = 4;
const BLOCK_ROWS = 128;
/** Node, onnxruntime and the tokens themselves; forward passes took 110–340 MB beyond the weights, activations included. */
const RUNTIME_BYTES = 200e6;
/** Rows of the head at a time, with logits, powers and their product. */
const HEAD_CHUNK = 8192;

/** Floats of one token in one layer that keeping products takes: q, k, v, attention, residual, gate, up. */
export function keptFloats(config: ModelConfig): number {
  const { hiddenSize: D, headCount: H, kvHeadCount: K, headSize: d, feedForwardSize: F } = config;
  const postNorms = config.family === "gemma3" ? 2 * D : 0;
  return 2 * H * d + 2 * K * d + D + 2 * F + postNorms;
}

/**
 * @param tokenCount tokens of the largest pass
 * @param actionCount positions of that pass that predict something
 * @param limitBytes memory the whole process may take
 */
export function planMemory(
  config: ModelConfig,
  work: { tokenCount: number; actionCount: number; parameterCount: number },
  weights: WeightPlan,
  limitBytes: number,
): MemoryPlan {
  const { hiddenSize: D, headCount: H, feedForwardSize: F, layerCount: L } = config;
  const { tokenCount: T, actionCount: P, parameterCount } = work;
  const inputs = 4 * L * T * D;
  const scratch = 4 * (T * (8 * F + 12 * D) + LIVE_SCORE_ARRAYS * H * Math.min(BLOCK_ROWS, T) * T);
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
