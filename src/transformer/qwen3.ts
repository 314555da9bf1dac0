/** @file The qwen3 family (dense): no biases, but an RMS norm on every head of q and k before the rotation. */
import type { Value } from "../graph/graph-builder.js";
import type { Family } from "./family.js";
import type { LayerBuilder } from "./layer-builder.js";
import { preNormLayer, selfAttention } from "./llama.js";
import { qwen2 } from "./qwen2.js";

export const qwen3: Family = {
  name: "qwen3",
  normNames: ["attn_norm", "attn_q_norm", "attn_k_norm", "ffn_norm"],

  traits: qwen2.traits,

  layer: (l, x) => preNormLayer(l, x, (input) => normedAttention(l, input)),
};

/** Attention whose heads of q and k are normed before the rotation. */
export function normedAttention(l: LayerBuilder, input: Value): Value {
  return selfAttention(l, input, (name) => l.headNorm(`${name}_norm`, l.linear(name, input)));
}
