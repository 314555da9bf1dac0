/** @file What a model computes, read from its metadata: sizes, rotary embedding, windows, scales. */

/** Rotary position embedding of one layer. */
export interface RopeConfig {
  /** Base of the angles: pair i turns by position · scale / base^(2i/d). */
  base: number;
  /** 1 / factor of linear scaling; 1 without. */
  scale: number;
}

export interface LayerConfig {
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
  /** Scores are q·k times this. */
  attentionScale: number;
  /** Pairs (2i, 2i+1) of a head turn together, else (i, i + d/2). */
  isRopeInterleaved: boolean;
  /** Embeddings are multiplied by this (Gemma: sqrt(D)). */
  embeddingScale: number;
  /** Logits become c · tanh(logit / c); undefined = as they are. */
  logitSoftcap: number | undefined;
  /** One entry per layer; layers of the same kind share the same object. */
  layers: readonly LayerConfig[];
  /** The file has no `output.weight`: the embedding is the head. */
  isHeadTied: boolean;
}
