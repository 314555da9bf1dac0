/** @file What layers are fed besides weights: embedded tokens, rotary tables, attention masks. */
import type { AttentionPlan } from "./attention-plan.js";
import { linearsOf } from "./linear-name.js";
import type { LayerConfig, ModelConfig } from "./model-config.js";
import { ropeTable } from "./rope-table.js";
import type { WeightStore } from "./weight-store.js";

/** The first layer's input [T, D]. */
export function embedTokens(
  tokens: ArrayLike<number>,
  weights: Pick<WeightStore, "gather">,
  { embeddingScale }: ModelConfig,
): Float32Array {
  const rows = weights.gather("token_embd.weight", tokens);
  if (embeddingScale !== 1)
    for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) * embeddingScale;
  return rows;
}

/** `rope.cos`, `rope.sin` and `mask.N` of one kind of layer; nothing where it has no attention. */
export function layoutFeeds(
  { layer, positions, plan }: { layer: LayerConfig; positions: Int32Array; plan: AttentionPlan },
  weights: Pick<WeightStore, "vector">,
  config: ModelConfig,
): Record<string, Float32Array> {
  if (!linearsOf(layer).includes("attn_output")) return {};
  const { headSize, rotarySize = headSize, ropeFactors = "rope_freqs.weight" } = config;
  const { cos, sin } = ropeTable(
    { headSize: rotarySize },
    layer.rope,
    positions,
    weights.vector(ropeFactors),
  );
  const masks = plan.masks.map((mask, place) => [`mask.${place}`, mask.data] as const);
  return { "rope.cos": cos, "rope.sin": sin, ...Object.fromEntries(masks) };
}

/** Layers that share graphs have the same kind: window, rotary embedding and matrices. */
export function layerKind(layer: LayerConfig): string {
  const { window, rope } = layer;
  return `${window ?? "global"} ${rope.base} ${rope.scale} ${linearsOf(layer).join()}`;
}
