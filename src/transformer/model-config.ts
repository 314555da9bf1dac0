/** @file What a model computes, read from its metadata: sizes, rotary embedding, windows, scales. */

import type { LayerLinears } from "./linear-name.js";

/** Rotary position embedding of one layer. */
export interface RopeConfig {
  /** Base of the angles: pair i turns by position · scale / base^(2i/d). */
  base: number;
  /** 1 / factor of linear scaling; 1 without. 0 = no pair turns: positions are not embedded (SmolLM3's NoPE layers). */
  scale: number;
  /** Factor of cosines and sines (LongRoPE). Default 1. */
  magnitude?: number | undefined;
}

export interface LayerConfig extends LayerLinears {
  rope: RopeConfig;
  /** Keys visible to a query, itself included; undefined = all before it. */
  window: number | undefined;
}

/** Notation used in this room: T tokens, D hiddenSize, H headCount, K kvHeadCount, d headSize, F feedForwardSize, V vocabSize. */
export interface ModelConfig {
  family: string;
  layerCount: number;
  hiddenSize: number;
  headCount: number;
  /** Query head h reads kv head floor(h / (H / K)). */
  kvHeadCount: number;
  headSize: number;
  feedForwardSize: number;
  vocabSize: number;
  /** Longest sequence the model was made for; 0 where the file does not say. */
  contextLength: number;
  normEpsilon: number;
  /** Dimensions of a head that the rotary embedding turns, the first ones; even. Default headSize. */
  rotarySize?: number | undefined;
  /** Tensor [rotarySize / 2] of divisors of the frequencies, where the file has it. Default `rope_freqs.weight`, Llama 3's. */
  ropeFactors?: string | undefined;
  /** `ffn_up` holds the rows of the gate, then those of the other half: [2F, D]. Default false. */
  isGateFused?: boolean | undefined;
  /** Tensor of the norm before the head. Default `output_norm.weight`. */
  finalNorm?: string | undefined;
  /** Scores are q·k times this. */
  attentionScale: number;
  /** Pairs (2i, 2i+1) of a head turn together, else (i, i + d/2). */
  isRopeInterleaved: boolean;
  /** Embeddings are multiplied by this (Gemma: sqrt(D)). */
  embeddingScale: number;
  /** Every block's output is multiplied by this before it is added (Granite). Default 1. */
  residualScale?: number | undefined;
  /** Logits are multiplied by this (Granite, MiniCPM). Default 1. */
  logitScale?: number | undefined;
  /** Logits become c · tanh(logit / c); undefined = as they are. */
  logitSoftcap: number | undefined;
  /** One entry per layer; layers of the same kind share the same object. */
  layers: readonly LayerConfig[];
  /** The file has no `output.weight`: the embedding is the head. */
  isHeadTied: boolean;
}
