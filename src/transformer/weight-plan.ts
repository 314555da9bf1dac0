/** @file Which form the weights are kept in, chosen from the memory that is free. */
import type { ModelConfig } from "./model-config.js";

/** `f32`: dequantised once; `f16`: half of it, rounded to 11 bits; `streamed`: dequantised for every pass. */
export type WeightCache = "f32" | "f16" | "streamed";

export interface WeightPlan {
  cache: WeightCache;
  /** Bytes of the weights kept between passes. */
  bytes: number;
  /** One line for the user: what was chosen, and why. */
  reason: string;
}

/** Bytes kept free for activations, the runtime and everything else on the machine. */
const HEADROOM_BYTES = 1024 ** 3;

/**
 * The fastest form that fits: f32, else f16, else streamed.
 * @param availableBytes memory this process may still take
 */
export function planWeights(
  config: ModelConfig,
  availableBytes: number,
  wanted: WeightCache | "auto" = "auto",
): WeightPlan {
  const sizes: Record<WeightCache, number> = {
    f32: 4 * weightCount(config),
    f16: 2 * weightCount(config),
    streamed: 4 * layerWeightCount(config),
  };
  const room = availableBytes - HEADROOM_BYTES;
  const fits = (["f32", "f16", "streamed"] as const).find((cache) => sizes[cache] <= room) ?? "streamed";
  const cache = wanted === "auto" ? fits : wanted;
  const why = wanted === "auto" ? `${megabytes(availableBytes)} free` : "as asked";
  return { cache, bytes: sizes[cache], reason: `weights ${cache}, ${megabytes(sizes[cache])} (${why})` };
}

/** Elements of the matrices of one layer. */
export function layerWeightCount(config: ModelConfig): number {
  const { hiddenSize: D, headCount: H, kvHeadCount: K, headSize: d, feedForwardSize: F } = config;
  return 2 * D * H * d + 2 * D * K * d + 3 * D * F;
}

/** Elements of all layers and of the head (a tied embedding counts once; an untied one is read row by row). */
export function weightCount(config: ModelConfig): number {
  return config.layerCount * layerWeightCount(config) + config.vocabSize * config.hiddenSize;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString("en-US")} MB`;
}
