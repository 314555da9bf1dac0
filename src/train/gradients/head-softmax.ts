/** @file The softmax over the vocabulary at P positions, in chunks of the head's rows: its total and its mean row. */
import { UnsupportedModelError } from "../../core/errors.js";
import { headChunks } from "../../transformer/head-graph.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import { headLossGraph } from "./head-loss-graph.js";
import type { PassWeights } from "./pass-weights.js";
import type { ProgramCache } from "./program-cache.js";

export interface Head {
  config: ModelConfig;
  weights: PassWeights;
  /** Tensor of the head. */
  name: string;
  programs: ProgramCache;
}

export interface Softmax {
  /** log Σ exp(logit) of every position [P], float64. */
  total: Float64Array;
  /** Σ_v p(v)·W[v] of every position [P, D]; with a soft-cap, times the cap's slope. */
  expected: Float32Array;
}

/** @param normed hidden states after the final norm [P, D] */
export async function runningSoftmax(
  normed: Float32Array,
  rows: number,
  { config, weights, name, programs }: Head,
  signal: AbortSignal | undefined,
): Promise<Softmax> {
  const D = config.hiddenSize;
  // The first maximum is far below any logit, yet finite: e^(m − m') is then 0, not NaN.
  let m = new Float32Array(rows).fill(-1e30);
  let s = new Float32Array(rows);
  let r = new Float32Array(rows * D);
  for (const { start, end } of headChunks(config)) {
    signal?.throwIfAborted();
    const size = { positionCount: rows, chunkSize: end - start };
    const program = await programs.get(`softmax ${rows} ${end - start}`, () =>
      headLossGraph(config, size, weights.weightType),
    );
    const results = await program.run({ x: normed, weight: weights.rows(name, start, end), m, s, r });
    m = results.m2 as Float32Array<ArrayBuffer>;
    s = results.s2 as Float32Array<ArrayBuffer>;
    r = results.r2 as Float32Array<ArrayBuffer>;
  }
  for (let row = 0; row < rows; row++) {
    const scale = 1 / (s[row] as number);
    for (let i = row * D; i < (row + 1) * D; i++) r[i] = (r[i] as number) * scale;
  }
  return { total: Float64Array.from(m, (largest, row) => largest + Math.log(s[row] as number)), expected: r };
}

const meanRows = new WeakMap<PassWeights, Float32Array>();

/**
 * (1/V) Σ_v W[v], the head's mean row [D]: x · mean is the mean logit, which is all that smoothing needs besides the
 * target's own. A soft-capped head has no such row.
 * @param isFixed the head does not train, so that its mean is computed once
 * @throws {UnsupportedModelError}
 */
export function meanHeadRow({ config, weights, name }: Head, isFixed: boolean): Float32Array {
  if (config.logitSoftcap !== undefined) {
    throw new UnsupportedModelError("label smoothing is not there for models that cap their logits", {
      hint: "leave it out",
    });
  }
  const known = isFixed ? meanRows.get(weights) : undefined;
  if (known !== undefined) return known;
  const { hiddenSize: D, vocabSize } = config;
  const sum = new Float64Array(D);
  for (const { start, end } of headChunks(config)) {
    const rows = weights.gather(
      name,
      Int32Array.from({ length: end - start }, (_, i) => start + i),
    );
    for (let i = 0; i < rows.length; i++) sum[i % D] = (sum[i % D] as number) + (rows[i] as number);
  }
  const mean = Float32Array.from(sum, (value) => value / vocabSize);
  if (isFixed) meanRows.set(weights, mean);
  return mean;
}
