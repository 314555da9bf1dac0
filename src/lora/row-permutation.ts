/** @file Files with interleaved rotary pairs hold the rows of q and k in another order than Hugging Face. */
import type { LinearName } from "../transformer/linear-name.js";
import type { ModelConfig } from "../transformer/model-config.js";

/** Sizes that the order of rows depends on. */
export type HeadShape = Pick<
  ModelConfig,
  "family" | "isRopeInterleaved" | "headCount" | "kvHeadCount" | "headSize" | "layerCount"
>;

/** True where GGUF rows differ from Hugging Face's: q and k of files whose rotary pairs lie side by side. */
export function isPermuted(model: HeadShape, target: LinearName): boolean {
  return model.isRopeInterleaved && (target === "attn_q" || target === "attn_k");
}

/** Rows of a permuted matrix: whole heads. */
export function permutedRowCount(model: HeadShape, target: LinearName): number {
  return model.headSize * (target === "attn_q" ? model.headCount : model.kvHeadCount);
}

/**
 * Moves the rows of B [out, rank] (or of a weight) between the two orders; A needs nothing.
 * GGUF row h·d + 2i + j is Hugging Face row h·d + j·(d/2) + i, for head h, j in {0, 1}, i < d/2.
 * @source llama.cpp, conversion of the llama family
 */
export function permuteRows(
  values: Float32Array,
  model: HeadShape,
  columns: number,
  direction: "to-hugging-face" | "to-gguf",
): Float32Array {
  const { headSize: d } = model;
  const rows = values.length / columns;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / d) * d;
    const within = row % d;
    const huggingFace = head + (within % 2) * (d / 2) + Math.floor(within / 2);
    const [from, to] = direction === "to-hugging-face" ? [row, huggingFace] : [huggingFace, row];
    out.set(values.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return out;
}
