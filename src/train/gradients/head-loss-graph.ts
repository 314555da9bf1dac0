/** @file Weighted cross-entropy at the action positions, over the vocabulary in chunks, with its gradient. */
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import { softcapped } from "../../transformer/head-graph.js";
import type { ModelConfig } from "../../transformer/model-config.js";

/**
 * One chunk of the vocabulary in a running softmax: the maximum, the sum of exponentials and the weighted sum
 * of the chunk's rows are carried along and rescaled when the maximum grows, so that one pass over the
 * vocabulary gives loss and gradient (P positions, D hidden size, C rows of the chunk):
 *
 *     m' = max(m, max z),  s' = s·e^(m−m') + Σ e^(z−m'),  r' = r·e^(m−m') + e^(z−m')·W
 *
 * Inputs `x` [P, D], `weight` [C, D], `m` [P, 1], `s` [P, 1], `r` [P, D]; outputs `m2`, `s2`, `r2`.
 * With a soft-cap c, z = c·tanh(x·Wᵀ/c), and e^(z−m') is multiplied by dz = 1 − (z/c)² in r'.
 */
export function headLossGraph(
  config: ModelConfig,
  size: { positionCount: number; chunkSize: number },
  weightType: "float32" | "float16",
): Graph {
  const g = new GraphBuilder();
  const { positionCount: P, chunkSize } = size;
  const { hiddenSize: D, logitSoftcap: cap } = config;
  const x = g.input("x", [P, D]);
  const weight = g.cast(g.input("weight", [chunkSize, D], weightType));
  const m = g.input("m", [P, 1]);
  const s = g.input("s", [P, 1]);
  const r = g.input("r", [P, D]);
  const logits = softcapped(g, g.matmul(x, weight, { transB: true }), cap);
  const largest = grownMaximum(g, m, logits);
  const rescale = g.exp(g.sub(m, largest));
  const powers = g.exp(g.sub(logits, largest));
  g.output("m2", largest);
  g.output("s2", g.add(g.mul(s, rescale), g.reduceSum(powers, [1], { keepDims: true })));
  const ratio = cap === undefined ? undefined : g.mul(logits, 1 / cap);
  const pulled = ratio === undefined ? powers : g.mul(powers, g.sub(1, g.mul(ratio, ratio)));
  g.output("r2", g.add(g.mul(r, rescale), g.matmul(pulled, weight)));
  return g.build();
}

/** The larger of a maximum so far [P, 1] and those of a chunk's rows [P, C]. */
export function grownMaximum(g: GraphBuilder, maximum: Value, logits: Value): Value {
  const own = g.reduceMax(logits, 1, { keepDims: true });
  return g.reduceMax(g.concat([maximum, own], 1), 1, { keepDims: true });
}
