/** @file A LoRA adapter in memory: pairs of small matrices beside the matrices of a base model. */
import type { LinearName } from "../transformer/linear-name.js";

/** The update of a matrix W [out, in] is (alpha / rank) · B·A; the scale is never a free number. */
export interface LoraConfig {
  /** Rows of A; 1–1024. */
  rank: number;
  /** Above 0. */
  alpha: number;
  /** Matrices of every layer that get a pair; at least one, in the order of ALL_LINEAR_NAMES. */
  targets: readonly LinearName[];
}

/** Row-major; rows of B follow the base GGUF's own rows (for `llama` files: permuted against Hugging Face's). */
export interface LoraPair {
  inSize: number;
  outSize: number;
  /** [rank, in] */
  a: Float32Array;
  /** [out, rank] */
  b: Float32Array;
}

/** Origin of an adapter, as far as it is known; written into its files. */
export interface AdapterOrigin {
  /** SHA-256 of the base model's file. */
  baseHash?: string | undefined;
  /** `general.name` of the base. */
  baseName?: string | undefined;
  /** SHA-256 of the training examples. */
  dataHash?: string | undefined;
  /** SHA-256 of the adapter this one was trained on from. */
  parentHash?: string | undefined;
  /** Training settings as one line of JSON. */
  trainConfig?: string | undefined;
  /** Rewards of the examples as one line of JSON. */
  rewards?: string | undefined;
}

/** Adapter in memory: pairs of matrices, rank and alpha, and where it comes from. */
export interface LoraAdapter {
  /** `general.architecture` of the base. */
  architecture: string;
  config: LoraConfig;
  /** Pairs by the base tensor's name, such as `blk.0.attn_q.weight`; by layer, then in the order of `targets`. */
  pairs: ReadonlyMap<string, LoraPair>;
  origin: AdapterOrigin;
}
