/** @file How far the trained model's next-token distribution is from the base's, and the gradient of that. */
import { type Graph, GraphBuilder, type Value } from "../../graph/graph-builder.js";
import { headChunks, softcapped } from "../../transformer/head-graph.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import { grownMaximum } from "./head-loss-graph.js";
import type { Head } from "./head-softmax.js";

export interface KlToBase {
  /** KL(π‖base) of every position [P]. */
  divergence: Float64Array;
  /** Derivative of the divergence by the policy's normed hidden states [P, D]. */
  dNormed: Float32Array;
}

/**
 * The exact divergence over the whole vocabulary, not an estimate from the sampled token. With logits z of the policy
 * and b of the base, p = softmax(z), δ = z − b and E = Σ p·δ:
 *
 *     KL(π‖base) = E − (log Σ e^z − log Σ e^b),   dKL/dz = p·(δ − E)
 *
 * Both share one head, so that the base is given by its normed hidden states alone.
 * @param normed of the policy [P, D]
 * @param baseNormed of the same model without its adapter [P, D]
 */
export async function klToBase(
  normed: Float32Array,
  baseNormed: Float32Array,
  rows: number,
  { config, weights, name, programs }: Head,
  signal: AbortSignal | undefined,
): Promise<KlToBase> {
  const D = config.hiddenSize;
  const lowest = () => new Float32Array(rows).fill(-1e30);
  let sums: Record<(typeof SUMS)[number], Float32Array> = {
    m: lowest(),
    s: new Float32Array(rows),
    t: new Float32Array(rows),
    r: new Float32Array(rows * D),
    q: new Float32Array(rows * D),
    mb: lowest(),
    sb: new Float32Array(rows),
  };
  for (const { start, end } of headChunks(config)) {
    signal?.throwIfAborted();
    const size = { positionCount: rows, chunkSize: end - start };
    const program = await programs.get(`kl ${rows} ${end - start}`, () =>
      klGraph(config, size, weights.weightType),
    );
    const given = { x: normed, base: baseNormed, weight: weights.rows(name, start, end), ...sums };
    const results = await program.run(given);
    sums = Object.fromEntries(SUMS.map((sum) => [sum, results[`${sum}2`]])) as typeof sums;
  }
  const { m, s, t, r, q, mb, sb } = sums;
  const divergence = new Float64Array(rows);
  const dNormed = new Float32Array(rows * D);
  for (let row = 0; row < rows; row++) {
    const total = s[row] as number;
    const mean = (t[row] as number) / total;
    const logTotal = (m[row] as number) + Math.log(total);
    divergence[row] = mean - (logTotal - (mb[row] as number) - Math.log(sb[row] as number));
    for (let i = row * D; i < (row + 1) * D; i++)
      dNormed[i] = ((q[i] as number) - mean * (r[i] as number)) / total;
  }
  return { divergence, dNormed };
}

/** Carried from chunk to chunk; each comes out as `<name>2`. */
const SUMS = ["m", "s", "t", "r", "q", "mb", "sb"] as const;

/**
 * One chunk of the vocabulary: as in headLossGraph(), sums are rescaled when a maximum grows. Besides its m, s and
 * r = Σ e^(z−m)·W, there are t = Σ e^(z−m)·δ, q = Σ e^(z−m)·δ·W and the base's own m and s. With a soft-cap, z and b
 * are capped, and the terms of r and q are multiplied by the cap's slope at z.
 */
function klGraph(
  { hiddenSize: D, logitSoftcap: cap }: ModelConfig,
  { positionCount: P, chunkSize }: { positionCount: number; chunkSize: number },
  weightType: "float32" | "float16",
): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", [P, D]);
  const base = g.input("base", [P, D]);
  const weight = g.cast(g.input("weight", [chunkSize, D], weightType));
  const [m, s, t] = [g.input("m", [P, 1]), g.input("s", [P, 1]), g.input("t", [P, 1])];
  const [r, q] = [g.input("r", [P, D]), g.input("q", [P, D])];
  const [mb, sb] = [g.input("mb", [P, 1]), g.input("sb", [P, 1])];
  const logitsOf = (hidden: Value) => softcapped(g, g.matmul(hidden, weight, { transB: true }), cap);
  const sumOf = (terms: Value) => g.reduceSum(terms, [1], { keepDims: true });
  const z = logitsOf(x);
  const b = logitsOf(base);
  const largest = grownMaximum(g, m, z);
  const rescale = g.exp(g.sub(m, largest));
  const powers = g.exp(g.sub(z, largest));
  const leaning = g.mul(powers, g.sub(z, b));
  const ratio = cap === undefined ? undefined : g.mul(z, 1 / cap);
  const sloped = (terms: Value) =>
    ratio === undefined ? terms : g.mul(terms, g.sub(1, g.mul(ratio, ratio)));
  g.output("m2", largest);
  g.output("s2", g.add(g.mul(s, rescale), sumOf(powers)));
  g.output("t2", g.add(g.mul(t, rescale), sumOf(leaning)));
  g.output("r2", g.add(g.mul(r, rescale), g.matmul(sloped(powers), weight)));
  g.output("q2", g.add(g.mul(q, rescale), g.matmul(sloped(leaning), weight)));
  const largestBase = grownMaximum(g, mb, b);
  g.output("mb2", largestBase);
  g.output("sb2", g.add(g.mul(sb, g.exp(g.sub(mb, largestBase))), sumOf(g.exp(g.sub(b, largestBase)))));
  return g.build();
}
