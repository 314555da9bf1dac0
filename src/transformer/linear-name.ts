/** @file Names of the matrices of a layer. */

/** The matrices of a layer that a LoRA adapter can be attached to. Weights are [out, in]. */
export const LINEAR_NAMES = [
  "attn_q",
  "attn_k",
  "attn_v",
  "attn_output",
  "ffn_gate",
  "ffn_up",
  "ffn_down",
] as const;
export type LinearName = (typeof LINEAR_NAMES)[number];
