/** @file One model family: its metadata, its tensors, and the graph of one layer. */
import type { Value } from "../graph/graph-builder.js";
import type { LayerBuilder } from "./layer-builder.js";
import type { LinearName } from "./linear-name.js";
import type { LayerConfig } from "./model-config.js";
import type { ModelKeys } from "./model-keys.js";

/** Traits of a family beyond the sizes that all families have. */
export interface FamilyTraits {
  layers: LayerConfig[];
  attentionScale: number;
  isRopeInterleaved: boolean;
  /** Default 1. */
  embeddingScale?: number | undefined;
  /** Default headSize. */
  rotarySize?: number | undefined;
  /** Default `rope_freqs.weight`. */
  ropeFactors?: string | undefined;
  /** Longest sequence with these factors. Default the file's `context_length`. */
  contextLength?: number | undefined;
  /** Default false. */
  isGateFused?: boolean | undefined;
  /** Default `output_norm.weight`. */
  finalNorm?: string | undefined;
  /** Default 1. */
  residualScale?: number | undefined;
  /** Default 1. */
  logitScale?: number | undefined;
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
  /** Matrices that layers of the family have, in the order of ALL_LINEAR_NAMES. Default the seven of LINEAR_NAMES. */
  linears?: readonly LinearName[] | undefined;
  /** Norms of a layer, and other tensors that are no products: `blk.N.<name>.weight`. Those of one head have d elements, the others D. */
  normNames: readonly string[] | ((layer: LayerConfig) => readonly string[]);
  traits(keys: ModelKeys, sizes: FamilySizes): FamilyTraits;
  /** One layer: x [T, D] → [T, D]. */
  layer(builder: LayerBuilder, x: Value): Value;
}

/** Names of a layer's tensors that are no products. */
export function normNamesOf({ normNames }: Family, layer: LayerConfig): readonly string[] {
  return typeof normNames === "function" ? normNames(layer) : normNames;
}
