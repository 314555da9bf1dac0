/** @file One model family: its metadata, its tensors, and the graph of one layer. */
import type { Value } from "../graph/graph-builder.js";
import type { LayerBuilder } from "./layer-builder.js";
import type { LayerConfig } from "./model-config.js";
import type { ModelKeys } from "./model-keys.js";

/** Traits of a family beyond the sizes that all families have. */
export interface FamilyTraits {
  layers: LayerConfig[];
  attentionScale: number;
  isRopeInterleaved: boolean;
  /** Default 1. */
  embeddingScale?: number | undefined;
  logitSoftcap?: number | undefined;
}

/** Sizes that every family states under the same keys. */
export interface FamilySizes {
  layerCount: number;
  hiddenSize: number;
  headCount: number;
  headSize: number;
}

export interface Family {
  name: string;
  /** Norms of a layer: `blk.N.<name>.weight`; those of one head have d elements, the others D. */
  normNames: readonly string[];
  traits(keys: ModelKeys, sizes: FamilySizes): FamilyTraits;
  /** One layer: x [T, D] → [T, D]. */
  layer(builder: LayerBuilder, x: Value): Value;
}
