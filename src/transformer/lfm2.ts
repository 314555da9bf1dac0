/** @file The lfm2 family (dense): LFM2 and LFM2.5 files; gated short convolutions, and attention in some layers. */
import type { Value } from "../graph/graph-builder.js";
import type { Family } from "./family.js";
import type { LayerBuilder } from "./layer-builder.js";
import { LINEAR_NAMES, type LinearName, linearsOf } from "./linear-name.js";
import { preNormLayer } from "./llama.js";
import { normedAttention } from "./qwen3.js";
import { ropeOfKeys } from "./rope-table.js";

const SHORT_CONVOLUTION: readonly LinearName[] = ["shortconv.in_proj", "shortconv.out_proj"];
const CONVOLUTION: readonly LinearName[] = ["ffn_gate", "ffn_up", "ffn_down", ...SHORT_CONVOLUTION];
const TAPS = 3;

/**
 * Layers whose `head_count_kv` is 0 mix tokens by out(C ∘ conv(B ∘ x)), where in_proj gives B, C and x; the others are
 * Qwen3's. The norm before the head has the name of a norm of the embeddings, which it is not.
 */
export const lfm2: Family = {
  name: "lfm2",
  linears: [...LINEAR_NAMES, ...SHORT_CONVOLUTION],
  normNames: (layer) =>
    isConvolution(linearsOf(layer))
      ? ["attn_norm", "shortconv.conv", "ffn_norm"]
      : ["attn_norm", "attn_q_norm", "attn_k_norm", "ffn_norm"],

  traits(keys, { layerCount, headSize }) {
    const taps = keys.integer("shortconv.l_cache");
    if (taps !== TAPS) keys.refuse(keys.name("shortconv.l_cache"), `is ${taps}, supported is ${TAPS}`);
    const rope = ropeOfKeys(keys);
    const attention = { rope, window: undefined, linears: LINEAR_NAMES };
    const convolution = { rope, window: undefined, linears: CONVOLUTION };
    const kvHeads = keys.integers("attention.head_count_kv", layerCount);
    if (kvHeads.every((count) => count === 0))
      keys.refuse(keys.name("attention.head_count_kv"), "is 0 in every layer: there is no attention");
    return {
      layers: kvHeads.map((count) => (count === 0 ? convolution : attention)),
      attentionScale: 1 / Math.sqrt(headSize),
      isRopeInterleaved: false,
      finalNorm: "token_embd_norm.weight",
    };
  },

  layer: (l, x) =>
    preNormLayer(l, x, (input) =>
      l.has("shortconv.in_proj") ? gatedConvolution(l, input) : normedAttention(l, input),
    ),
};

function gatedConvolution(l: LayerBuilder, input: Value): Value {
  const [b, c, x] = l.thirds(l.linear("shortconv.in_proj", input));
  const mixed = l.convolution("shortconv.conv", TAPS, l.product(b, x));
  return l.linear("shortconv.out_proj", l.product(c, mixed));
}

function isConvolution(linears: readonly LinearName[]): boolean {
  return linears.includes("shortconv.in_proj");
}
