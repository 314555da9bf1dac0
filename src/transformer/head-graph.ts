/** @file The head: its tensor, its chunks of the vocabulary, and the graphs of final norm and logits. */
import { type Graph, GraphBuilder, type Value } from "../graph/graph-builder.js";
import type { ModelConfig } from "./model-config.js";

/**
 * `x` [P, D] → `y` [P, D], with `output_norm.weight`.
 * @param scale of the result. Default 1
 */
export function finalNormGraph(config: ModelConfig, positionCount: number, scale?: number): Graph {
  const graph = new GraphBuilder();
  const x = graph.input("x", [positionCount, config.hiddenSize]);
  const weight = graph.input("output_norm.weight", [config.hiddenSize]);
  graph.output("y", scaled(graph, graph.rmsNorm(x, weight, config.normEpsilon), scale));
  return graph.build();
}

/** Vocabulary rows per product of the head, so that logits never take more than this many columns. */
export const HEAD_CHUNK = 8192;

/** Tensor of the norm before the head. */
export function finalNormName({ finalNorm = "output_norm.weight" }: ModelConfig): string {
  return finalNorm;
}

/** Tensor that is multiplied with the last hidden state. */
export function headName({ isHeadTied }: ModelConfig): string {
  return isHeadTied ? "token_embd.weight" : "output.weight";
}

/** First and one past the last row of every chunk of the vocabulary. */
export function headChunks({ vocabSize }: ModelConfig): { start: number; end: number }[] {
  return Array.from({ length: Math.ceil(vocabSize / HEAD_CHUNK) }, (_, i) => ({
    start: i * HEAD_CHUNK,
    end: Math.min((i + 1) * HEAD_CHUNK, vocabSize),
  }));
}

/** What a head graph gives back: every logit, or only log Σ exp(logit) over the chunk. */
export type HeadOutput = "logits" | "logSumExp";

/**
 * `x` [P, D] (after the final norm) and `weight` [C, D] → `y`: [P, C] logits or [P] log-sum-exp.
 * The vocabulary is taken in chunks so that memory does not grow with P·V.
 */
export function headGraph(
  config: ModelConfig,
  size: { positionCount: number; chunkSize: number },
  output: HeadOutput,
  weightType: "float32" | "float16" = "float32",
): Graph {
  const graph = new GraphBuilder();
  const x = graph.input("x", [size.positionCount, config.hiddenSize]);
  const weight = graph.cast(graph.input("weight", [size.chunkSize, config.hiddenSize], weightType));
  const products = graph.matmul(x, weight, { transB: true, alpha: config.logitScale ?? 1 });
  const logits = softcapped(graph, products, config.logitSoftcap);
  graph.output("y", output === "logits" ? logits : graph.logSumExp(logits));
  return graph.build();
}

/** x · factor; x itself for a factor of 1 or none. */
export function scaled(graph: GraphBuilder, x: Value, factor = 1): Value {
  return factor === 1 ? x : graph.mul(x, factor);
}

/** c·tanh(logits / c); the logits themselves without a cap. */
export function softcapped(graph: GraphBuilder, logits: Value, cap: number | undefined): Value {
  return cap === undefined ? logits : graph.mul(graph.tanh(graph.mul(logits, 1 / cap)), cap);
}
