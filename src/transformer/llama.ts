/** @file The llama family: Llama 2 and 3, Mistral, SmolLM2, TinyLlama files. */
import type { Family } from "./family.js";
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

  layer(l, x) {
    const input = l.norm("attn_norm", x);
    const q = l.rope(l.linear("attn_q", input));
    const k = l.rope(l.linear("attn_k", input));
    const v = l.linear("attn_v", input);
    const attended = l.residual("attn", x, l.linear("attn_output", l.attention(q, k, v)));
    const hidden = l.norm("ffn_norm", attended);
    const gated = l.mul(l.silu(l.linear("ffn_gate", hidden)), l.linear("ffn_up", hidden));
    return l.residual("ffn", attended, l.linear("ffn_down", gated));
  },
};
