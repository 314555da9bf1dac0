/** @file The gradient of the head's own matrix, in chunks of the vocabulary. */
import { type Graph, GraphBuilder } from "../../graph/graph-builder.js";
import { headChunks, softcapped } from "../../transformer/head-graph.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import type { TokenTrie } from "../data/token-trie.js";
import type { Head } from "./head-softmax.js";
import { accumulate } from "./model-parameters.js";

export interface HeadWeightGradient {
  trie: TokenTrie;
  /** Row of `normed` by source token. */
  rowOf: ReadonlyMap<number, number>;
  /** Hidden states after the final norm [P, D]. */
  normed: Float32Array;
  /** log Σ exp(logit) [P]. */
  total: Float64Array;
  labelSmoothing: number;
  head: Head;
}

/**
 * Adds dL/dW [V, D] to `into`. With x the normed rows, p the softmax and w the weight of a target t of a row:
 *
 *     dW[v] += w·p(v)·x   for all v;   dW[t] −= (1 − ε)·w·x;   dW[v] −= (ε/V)·w·x   for all v
 *
 * The first part is one product per chunk, with the weights of a row's targets added up.
 */
export async function addHeadWeightGradient(
  into: Float32Array,
  { trie, rowOf, normed, total, labelSmoothing, head }: HeadWeightGradient,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { config, weights, name, programs } = head;
  const { hiddenSize: D, vocabSize: V, logitSoftcap: cap } = config;
  const P = total.length;
  const rowWeight = new Float32Array(P);
  const spread = new Float64Array(D);
  for (const { token, source, weight } of trie.targets) {
    const row = rowOf.get(source) as number;
    rowWeight[row] = (rowWeight[row] as number) + weight;
    const id = trie.tokens[token] as number;
    const x = normed.subarray(row * D, (row + 1) * D);
    const slope = cap === undefined ? 1 : capSlope(x, weights.gather(name, [id]), cap);
    const pull = (1 - labelSmoothing) * weight * slope;
    for (let i = 0; i < D; i++) {
      const value = x[i] as number;
      into[id * D + i] = (into[id * D + i] as number) - pull * value;
      spread[i] = (spread[i] as number) + weight * value;
    }
  }
  if (labelSmoothing > 0) {
    const share = labelSmoothing / V;
    for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) - share * (spread[i % D] as number);
  }
  const totals = Float32Array.from(total);
  for (const { start, end } of headChunks(config)) {
    signal?.throwIfAborted();
    const program = await programs.get(`head gradient ${P} ${end - start}`, () =>
      headWeightGradientGraph(config, P, end - start),
    );
    const weight = weights.rows(name, start, end);
    const { y } = await program.run({ x: normed, weight, total: totals, rowWeight });
    accumulate(into.subarray(start * D, end * D), y as Float32Array);
  }
}

/**
 * `x` [P, D], `weight` [C, D], `total` [P], `rowWeight` [P] → `y` [C, D] = (rowWeight · p)ᵀ·x, where p = e^(z − total)
 * and z = x·Wᵀ; with a soft-cap c, z = c·tanh(x·Wᵀ/c) and p is multiplied by 1 − (z/c)².
 */
function headWeightGradientGraph(config: ModelConfig, P: number, chunkSize: number): Graph {
  const g = new GraphBuilder();
  const { hiddenSize: D, logitSoftcap: cap } = config;
  const x = g.input("x", [P, D]);
  const weight = g.input("weight", [chunkSize, D]);
  const total = g.reshape(g.input("total", [P]), [P, 1]);
  const rowWeight = g.reshape(g.input("rowWeight", [P]), [P, 1]);
  const logits = softcapped(g, g.matmul(x, weight, { transB: true }), cap);
  let pull = g.mul(g.exp(g.sub(logits, total)), rowWeight);
  if (cap !== undefined) {
    const ratio = g.mul(logits, 1 / cap);
    pull = g.mul(pull, g.sub(1, g.mul(ratio, ratio)));
  }
  g.output("y", g.matmul(pull, x, { transA: true }));
  return g.build();
}

/** Derivative of c·tanh(z/c) at z = x·w. */
function capSlope(x: Float32Array, w: Float32Array, cap: number): number {
  let product = 0;
  for (let i = 0; i < x.length; i++) product += (x[i] as number) * (w[i] as number);
  return 1 - Math.tanh(product / cap) ** 2;
}
