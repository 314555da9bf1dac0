/** @file The qwen3 family (dense): no biases, but an RMS norm on every head of q and k before the rotation. */
import type { Family } from "./family.js";
import { preNormLayer } from "./llama.js";
import { qwen2 } from "./qwen2.js";

export const qwen3: Family = {
  name: "qwen3",
  normNames: ["attn_norm", "attn_q_norm", "attn_k_norm", "ffn_norm"],

  traits: qwen2.traits,

  layer: (l, x) => preNormLayer(l, x, (name, input) => l.headNorm(`${name}_norm`, l.linear(name, input))),
};
