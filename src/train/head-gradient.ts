/** @file The loss at the action positions and its gradient with respect to the last layer's output. */
import { UnsupportedModelError } from "../core/errors.js";
import type { Backend, Program } from "../graph/backend.js";
import type { Graph } from "../graph/graph.js";
import { finalNormGraph } from "../transformer/head-graph.js";
import type { ModelConfig } from "../transformer/model-config.js";
import type { ModelDescription } from "../transformer/read-model.js";
import type { WeightStore } from "../transformer/weight-store.js";
import { finalNormGradientGraph } from "./final-norm-gradient.js";
import { headLossGraph } from "./head-loss.js";
import type { TokenTrie } from "./token-trie.js";

/** Vocabulary rows per product: [P, 8192] logits at a time. */
const HEAD_CHUNK = 8192;

export interface HeadOptions {
  model: ModelDescription;
  weights: WeightStore;
  backend: Backend;
  /** Share ε of every target's probability that is spread over the whole vocabulary, 0 to below 1. Default 0. */
  labelSmoothing?: number;
  signal?: AbortSignal;
}

export interface HeadResult {
  /** Σ weight · cross-entropy over the trie's targets; with smoothing, against (1 − ε)·target + ε / vocabulary. */
  loss: number;
  /** [T, D]; zero in rows that predict nothing. */
  dHidden: Float32Array;
}

/**
 * Loss of a trie's targets, and its gradient, without ever holding all logits.
 * For row x of the normed hidden states, target token w and softmax p: d/dx of −log p(w) is Σ_v p(v)·W[v] − W[w];
 * the first term comes from the running softmax of headLossGraph(), the second from single rows of the head.
 * T tokens, D hidden size, P tokens that predict something.
 */
export async function headGradient(
  trie: TokenTrie,
  hidden: Float32Array,
  options: HeadOptions,
): Promise<HeadResult> {
  const { backend, weights } = options;
  const { config } = options.model;
  const D = config.hiddenSize;
  // Several targets may hang on one token, where a trie branches.
  const sources = [...new Set(trie.targets.map(({ source }) => source))].sort((a, b) => a - b);
  const x = new Float32Array(sources.length * D);
  for (const [row, source] of sources.entries())
    x.set(hidden.subarray(source * D, (source + 1) * D), row * D);
  const normWeight = weights.vector("output_norm.weight") as Float32Array;
  const norm = { x, "output_norm.weight": normWeight };
  const normed = (await runOnce(backend, finalNormGraph(config, sources.length), norm)).y as Float32Array;
  const softmax = await runningSoftmax(normed, sources.length, options);
  const { labelSmoothing = 0 } = options;
  const { loss, dNormed } = lossOfTargets(
    trie,
    new Map(sources.map((source, row) => [source, row])),
    normed,
    {
      ...softmax,
      targetRows: weights.gather(
        headName(config),
        trie.targets.map(({ token }) => trie.tokens[token] as number),
      ),
      config,
      labelSmoothing,
      meanRow: labelSmoothing > 0 ? meanHeadRow(options) : new Float32Array(D),
    },
  );
  const { dx } = await runOnce(backend, finalNormGradientGraph(config, sources.length), {
    ...norm,
    dy: dNormed,
  });
  const dHidden = new Float32Array(hidden.length);
  for (const [row, source] of sources.entries())
    dHidden.set((dx as Float32Array).subarray(row * D, (row + 1) * D), source * D);
  return { loss, dHidden };
}

interface Softmax {
  /** log Σ exp(logit) per row [P]. */
  total: Float64Array;
  /** Σ_v p(v)·W[v] per row [P, D]. */
  expected: Float32Array;
}

const meanRows = new WeakMap<WeightStore, Float32Array>();

/**
 * (1/V) Σ_v W[v], the head's mean row [D]: x · mean is the mean logit, which is all that smoothing needs besides the
 * target's own. A soft-capped head has no such row.
 * @throws {UnsupportedModelError}
 */
function meanHeadRow({ model: { config }, weights }: HeadOptions): Float32Array {
  if (config.logitSoftcap !== undefined) {
    throw new UnsupportedModelError("label smoothing is not there for models that cap their logits", {
      hint: "leave it out",
    });
  }
  let mean = meanRows.get(weights);
  if (mean !== undefined) return mean;
  const { hiddenSize: D, vocabSize } = config;
  const sum = new Float64Array(D);
  for (let start = 0; start < vocabSize; start += HEAD_CHUNK) {
    const ids = Int32Array.from({ length: Math.min(HEAD_CHUNK, vocabSize - start) }, (_, i) => start + i);
    const rows = weights.gather(headName(config), ids);
    for (let i = 0; i < rows.length; i++) sum[i % D] = (sum[i % D] as number) + (rows[i] as number);
  }
  mean = Float32Array.from(sum, (value) => value / vocabSize);
  meanRows.set(weights, mean);
  return mean;
}

/** Everything about targets is P·D work: plain loops, in float64 where it is summed. */
function lossOfTargets(
  trie: TokenTrie,
  rowOf: ReadonlyMap<number, number>,
  normed: Float32Array,
  head: Softmax & {
    targetRows: Float32Array;
    config: ModelConfig;
    labelSmoothing: number;
    meanRow: Float32Array;
  },
): { loss: number; dNormed: Float32Array } {
  const { hiddenSize: D, logitSoftcap: cap } = head.config;
  const { labelSmoothing: smoothing, meanRow } = head;
  const dNormed = new Float32Array(normed.length);
  let loss = 0;
  for (const [target, { source, weight }] of trie.targets.entries()) {
    const row = rowOf.get(source) as number;
    let product = 0;
    let meanLogit = 0;
    for (let i = 0; i < D; i++) {
      product += (normed[row * D + i] as number) * (head.targetRows[target * D + i] as number);
      meanLogit += (normed[row * D + i] as number) * (meanRow[i] as number);
    }
    const logit = cap === undefined ? product : cap * Math.tanh(product / cap);
    const slope = cap === undefined ? 1 : 1 - (logit / cap) ** 2;
    loss += weight * ((head.total[row] as number) - (1 - smoothing) * logit - smoothing * meanLogit);
    for (let i = 0; i < D; i++) {
      const pull =
        (head.expected[row * D + i] as number) -
        (1 - smoothing) * slope * (head.targetRows[target * D + i] as number) -
        smoothing * (meanRow[i] as number);
      dNormed[row * D + i] = (dNormed[row * D + i] as number) + weight * pull;
    }
  }
  return { loss, dNormed };
}

async function runningSoftmax(normed: Float32Array, rows: number, options: HeadOptions): Promise<Softmax> {
  const { backend, model, weights, signal } = options;
  const { config } = model;
  const D = config.hiddenSize;
  // The first maximum is far below any logit, yet finite: e^(m − m') is then 0, not NaN.
  let m = new Float32Array(rows).fill(-1e30);
  let s = new Float32Array(rows);
  let r = new Float32Array(rows * D);
  const programs = new Map<number, Program>();
  try {
    for (let start = 0; start < config.vocabSize; start += HEAD_CHUNK) {
      signal?.throwIfAborted();
      const end = Math.min(start + HEAD_CHUNK, config.vocabSize);
      let program = programs.get(end - start);
      if (program === undefined) {
        const size = { positionCount: rows, chunkSize: end - start };
        program = await backend.compile(headLossGraph(config, size, weights.weightType));
        programs.set(end - start, program);
      }
      const weight = weights.rows(headName(config), start, end);
      const results = await program.run({ x: normed, weight, m, s, r });
      m = results.m2 as Float32Array<ArrayBuffer>;
      s = results.s2 as Float32Array<ArrayBuffer>;
      r = results.r2 as Float32Array<ArrayBuffer>;
    }
  } finally {
    for (const program of programs.values()) await program.dispose();
  }
  for (let row = 0; row < rows; row++) {
    const scale = 1 / (s[row] as number);
    for (let i = row * D; i < (row + 1) * D; i++) r[i] = (r[i] as number) * scale;
  }
  return { total: Float64Array.from(m, (largest, row) => largest + Math.log(s[row] as number)), expected: r };
}

function headName(config: ModelConfig): string {
  return config.isHeadTied ? "token_embd.weight" : "output.weight";
}

async function runOnce(
  backend: Backend,
  graph: Graph,
  feeds: Record<string, Float32Array>,
): Promise<Record<string, Float32Array | Float64Array>> {
  const program = await backend.compile(graph);
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}
