/** @file The granite family (dense): Granite 3 and 4 files; Llama's layer with four numbers of its own. */
import type { Family } from "./family.js";
import { llama } from "./llama.js";
import { ropeOfKeys } from "./rope-table.js";

/**
 * Embeddings times `embedding_scale`, each block's output times `residual_scale`, scores times `attention.scale` in
 * place of 1/√d, logits divided by `logit_scale`. A number that is missing or 0 changes nothing, as in llama.cpp.
 */
export const granite: Family = {
  name: "granite",
  normNames: llama.normNames,

  traits(keys, { layerCount, headSize }) {
    const number = (key: string) => keys.optionalNumber(key) || undefined;
    const divisor = number("logit_scale");
    const rope = ropeOfKeys(keys);
    // llama.cpp takes this key, of all, for the switch of the rotation.
    if (keys.isFalse("rope.scaling.finetuned")) rope.scale = 0;
    return {
      layers: Array(layerCount).fill({ rope, window: undefined }),
      attentionScale: number("attention.scale") ?? 1 / Math.sqrt(headSize),
      isRopeInterleaved: true,
      embeddingScale: number("embedding_scale"),
      residualScale: number("residual_scale"),
      logitScale: divisor && 1 / divisor,
    };
  },

  layer: llama.layer,
};
