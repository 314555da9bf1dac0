/** @file The smollm3 family: Llama's layer, with no rotation in every fourth one. */
import type { Family } from "./family.js";
import { llama } from "./llama.js";
import { ropeOfKeys } from "./rope-table.js";

/** Layers i with (i + 1) mod 4 = 0 read q and k as they are. No key says so: llama.cpp has the number in its source. */
const UNROTATED_STEP = 4;

/** The converter permuted the rows of q and k of every layer, the unrotated ones too. */
export const smollm3: Family = {
  name: "smollm3",
  normNames: llama.normNames,

  traits(keys, { layerCount, headSize }) {
    const rotated = { rope: ropeOfKeys(keys), window: undefined };
    const unrotated = { rope: { ...rotated.rope, scale: 0 }, window: undefined };
    return {
      layers: Array.from({ length: layerCount }, (_, i) =>
        (i + 1) % UNROTATED_STEP === 0 ? unrotated : rotated,
      ),
      attentionScale: 1 / Math.sqrt(headSize),
      isRopeInterleaved: true,
    };
  },

  layer: llama.layer,
};
