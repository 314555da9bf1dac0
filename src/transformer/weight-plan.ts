/** @file Which form the weights are kept in, chosen from the memory that is free. */
import { linearShape } from "./layer-builder.js";
import { type LayerLinears, linearsOf, plannedLayers } from "./linear-name.js";
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

/** Elements of the matrices of a layer; of the largest where none is named. */
export function layerWeightCount(config: ModelConfig, layer?: LayerLinears): number {
  if (layer === undefined)
    return Math.max(...plannedLayers(config).map((each) => layerWeightCount(config, each)));
  return linearsOf(layer).reduce((sum, name) => {
    const [inSize, outSize] = linearShape(config, name);
    return sum + inSize * outSize;
  }, 0);
}

/** Elements of all layers and of the head (a tied embedding counts once; an untied one is read row by row). */
export function weightCount(config: ModelConfig): number {
  const inLayers = plannedLayers(config).reduce((sum, layer) => sum + layerWeightCount(config, layer), 0);
  return inLayers + config.vocabSize * config.hiddenSize;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString("en-US")} MB`;
}
