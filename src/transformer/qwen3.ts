/** @file The qwen3 family (dense): no biases, but an RMS norm on every head of q and k before the rotation. */
import type { Family } from "./family.js";
import { qwen2 } from "./qwen2.js";

export const qwen3: Family = {
  name: "qwen3",
  normNames: ["attn_norm", "attn_q_norm", "attn_k_norm", "ffn_norm"],

  traits: qwen2.traits,

  layer(l, x) {
    const input = l.norm("attn_norm", x);
    const q = l.rope(l.headNorm("attn_q_norm", l.linear("attn_q", input)));
    const k = l.rope(l.headNorm("attn_k_norm", l.linear("attn_k", input)));
    const v = l.linear("attn_v", input);
    const attended = l.residual("attn", x, l.linear("attn_output", l.attention(q, k, v)));
    const hidden = l.norm("ffn_norm", attended);
    const gated = l.mul(l.silu(l.linear("ffn_gate", hidden)), l.linear("ffn_up", hidden));
    return l.residual("ffn", attended, l.linear("ffn_down", gated));
  },
};
