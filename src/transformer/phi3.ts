/** @file The phi3 family: Phi-3, Phi-3.5 and Phi-4-mini files; Llama's layer with fused matrices. */
import type { Family } from "./family.js";
import type { LinearName } from "./linear-name.js";
import { llama, preNormLayer } from "./llama.js";
import { ropeOfKeys } from "./rope-table.js";

const SHORT_FACTORS = "rope_factors_short.weight";
const LINEARS: readonly LinearName[] = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"];

/**
 * `attn_qkv` holds the rows of q, k and v, `ffn_up` those of gate and up. The first `rope.dimension_count` dimensions of
 * a head turn, half-split. A `sliding_window` key is left unused, as llama.cpp leaves it. Of LongRoPE's two sets of
 * factors the short one is used, as llama.cpp does in contexts up to the original length: no sequence is longer here.
 */
export const phi3: Family = {
  name: "phi3",
  linears: LINEARS,
  normNames: llama.normNames,

  traits(keys, { layerCount, headSize }) {
    const rotarySize = keys.optionalInteger("rope.dimension_count") ?? headSize;
    if (rotarySize % 2 !== 0 || rotarySize > headSize || rotarySize < 2)
      keys.refuse(
        keys.name("rope.dimension_count"),
        `is ${rotarySize}, expected an even number to ${headSize}`,
      );
    const isLong = keys.header.tensors.some(({ name }) => name === SHORT_FACTORS);
    return {
      layers: Array(layerCount).fill({
        rope: ropeOfKeys(keys, { hasMagnitude: true }),
        window: undefined,
        linears: LINEARS,
      }),
      attentionScale: 1 / Math.sqrt(headSize),
      isRopeInterleaved: false,
      rotarySize,
      ropeFactors: isLong ? SHORT_FACTORS : undefined,
      contextLength: isLong ? keys.integer("rope.scaling.original_context_length") : undefined,
      isGateFused: true,
    };
  },

  layer: (l, x) =>
    preNormLayer(l, x, (input) => {
      const [q, k, v] = l.fusedHeads(l.linear("attn_qkv", input));
      return l.linear("attn_output", l.attention(l.rope(q), l.rope(k), v));
    }),
};
