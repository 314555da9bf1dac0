/** @file The gemma3 family (text): norms before and after each block, local layers with a window, GELU. */
import type { Family } from "./family.js";
import type { ModelKeys } from "./model-keys.js";
import { ropeOfKeys } from "./rope-table.js";

/** Every sixth layer is global where the file does not say; so llama.cpp. */
const DEFAULT_PATTERN = 6;
const DEFAULT_LOCAL_BASE = 10_000;
/** The 27B model scales its scores by the width of a head's share of D instead of the head size. */
const LAYERS_OF_27B = 62;

/**
 * Norm weights are stored with their 1 already added (the converter's doing). Local layers use their own
 * rotary base, unscaled, and see `sliding_window` keys, the query's own included.
 */
export const gemma3: Family = {
  name: "gemma3",
  normNames: ["attn_norm", "attn_q_norm", "attn_k_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"],

  traits(keys, { layerCount, hiddenSize, headCount, headSize }) {
    keys.refuseIfPresent(["attn_logit_softcapping"]);
    const window = keys.optionalInteger("attention.sliding_window") ?? 0;
    const isLocal = localLayers(keys, layerCount);
    const global = { rope: ropeOfKeys(keys), window: undefined };
    const localBase = keys.optionalNumber("rope.freq_base_swa") ?? DEFAULT_LOCAL_BASE;
    const local = { rope: { base: localBase, scale: 1 }, window };
    const perHead = layerCount === LAYERS_OF_27B ? Math.floor(hiddenSize / headCount) : headSize;
    const softcap = keys.optionalNumber("final_logit_softcapping") ?? 0;
    return {
      layers: isLocal.map((flag) => (flag && window > 0 ? local : global)),
      attentionScale: 1 / Math.sqrt(perHead),
      isRopeInterleaved: false,
      embeddingScale: Math.sqrt(hiddenSize),
      logitSoftcap: softcap || undefined,
    };
  },

  layer(l, x) {
    const input = l.norm("attn_norm", x);
    const q = l.rope(l.headNorm("attn_q_norm", l.linear("attn_q", input)));
    const k = l.rope(l.headNorm("attn_k_norm", l.linear("attn_k", input)));
    const v = l.linear("attn_v", input);
    const block = l.linear("attn_output", l.attention(q, k, v));
    const attended = l.residual("attn", x, l.norm("post_attention_norm", block));
    const hidden = l.norm("ffn_norm", attended);
    const forward = l.linear("ffn_down", l.gated("gelu", hidden));
    return l.residual("ffn", attended, l.norm("post_ffw_norm", forward));
  },
};

/** The pattern is a number p (layer i is global when i mod p = p − 1) or a flag per layer. */
function localLayers(keys: ModelKeys, layerCount: number): boolean[] {
  const key = "attention.sliding_window_pattern";
  const flags = keys.optionalFlags(key);
  if (flags !== undefined) {
    if (flags.length !== layerCount)
      keys.refuse(keys.name(key), `has ${flags.length} flags for ${layerCount} layers`);
    return flags;
  }
  const pattern = keys.optionalInteger(key) ?? DEFAULT_PATTERN;
  // llama.cpp: pattern 0 = all layers local; 1 = none.
  return Array.from({ length: layerCount }, (_, i) => pattern === 0 || i % pattern < pattern - 1);
}
