/** @file The llama family: Llama 2 and 3, Mistral, SmolLM2, TinyLlama files. */
import type { Value } from "../graph/graph-builder.js";
import type { Family } from "./family.js";
import type { LayerBuilder } from "./layer-builder.js";
import { ropeOfKeys } from "./rope-table.js";

/**
 * Pre-norm blocks with SiLU-gated feed-forward. The converter permuted the rows of q and k so that rotary pairs
 * lie side by side: RoPE is interleaved here, half-split in the other families.
 * A `sliding_window` key (Mistral 0.1) is left unused, as llama.cpp leaves it: what the meta-agent was sampled
 * with is what must be trained.
 */
export const llama: Family = {
  name: "llama",
  normNames: ["attn_norm", "ffn_norm"],

  traits(keys, { layerCount, headSize }) {
    keys.refuseIfPresent(["attention.scale", "residual_scale", "embedding_scale", "logit_scale"]);
    return {
      layers: Array(layerCount).fill({ rope: ropeOfKeys(keys), window: undefined }),
      attentionScale: 1 / Math.sqrt(headSize),
      isRopeInterleaved: true,
    };
  },

  layer: (l, x) => preNormLayer(l, x, (input) => selfAttention(l, input, (name) => l.linear(name, input))),
};

/** A block that mixes tokens, then SiLU-gated feed-forward. @param mix - of the normed input */
export function preNormLayer(l: LayerBuilder, x: Value, mix: (input: Value) => Value): Value {
  const attended = l.residual("attn", x, mix(l.norm("attn_norm", x)));
  const hidden = l.norm("ffn_norm", attended);
  return l.residual("ffn", attended, l.linear("ffn_down", l.gated("silu", hidden)));
}

/** Attention with rotary positions. @param heads - makes q and k, before the rotation */
export function selfAttention(
  l: LayerBuilder,
  input: Value,
  heads: (name: "attn_q" | "attn_k") => Value,
): Value {
  const q = l.rope(heads("attn_q"));
  const k = l.rope(heads("attn_k"));
  const v = l.linear("attn_v", input);
  return l.linear("attn_output", l.attention(q, k, v));
}
