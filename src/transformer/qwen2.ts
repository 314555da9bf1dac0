/** @file The qwen2 family: Qwen2, Qwen2.5 and Qwen2.5-Coder files. */
import type { Family } from "./family.js";
import { llama } from "./llama.js";
import { ropeOfKeys } from "./rope-table.js";

/** Llama's layer with biases on q, k and v (added wherever the file has them) and half-split rotary pairs. */
export const qwen2: Family = {
  name: "qwen2",
  normNames: llama.normNames,

  traits(keys, { layerCount, headSize }) {
    return {
      layers: Array(layerCount).fill({ rope: ropeOfKeys(keys), window: undefined }),
      attentionScale: 1 / Math.sqrt(headSize),
      isRopeInterleaved: false,
    };
  },

  layer: llama.layer,
};
