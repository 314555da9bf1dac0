/** @file Names of the matrices of a layer, and which of them a layer has. */

/** The matrices of a plain layer that a LoRA adapter can be attached to. Weights are [out, in]. */
export const LINEAR_NAMES = [
  "attn_q",
  "attn_k",
  "attn_v",
  "attn_output",
  "ffn_gate",
  "ffn_up",
  "ffn_down",
] as const;

/** Every matrix of any family, in the order in which pairs stand in adapters. */
export const ALL_LINEAR_NAMES = [
  "attn_qkv",
  ...LINEAR_NAMES,
  "shortconv.in_proj",
  "shortconv.out_proj",
] as const;
export type LinearName = (typeof ALL_LINEAR_NAMES)[number];

/** The part of a layer's configuration that names its matrices; left out, they are the seven of LINEAR_NAMES. */
export interface LayerLinears {
  linears?: readonly LinearName[] | undefined;
}

/** Matrices of one layer. */
export function linearsOf({ linears = LINEAR_NAMES }: LayerLinears): readonly LinearName[] {
  return linears;
}

/** Every layer's matrices, for planning: sizes alone stand for plain layers. */
export function plannedLayers({
  layers,
  layerCount,
}: {
  layers?: readonly LayerLinears[] | undefined;
  layerCount: number;
}): readonly LayerLinears[] {
  return layers ?? Array<LayerLinears>(layerCount).fill({});
}

/** Matrices that any of these layers has, in the order of adapters. */
export function linearsOfAll(layers: readonly LayerLinears[]): LinearName[] {
  return ALL_LINEAR_NAMES.filter((name) => layers.some((layer) => linearsOf(layer).includes(name)));
}
