/** @file The loss at the action positions and its gradient with respect to the last layer's output. */
import type { Backend } from "../../graph/backend.js";
import { finalNormGraph, finalNormName, headName } from "../../transformer/head-graph.js";
import type { ModelDescription } from "../../transformer/read-model.js";
import type { TokenTrie } from "../data/token-trie.js";
import { finalNormGradientGraph } from "./final-norm-gradient-graph.js";
import { meanHeadRow, runningSoftmax } from "./head-softmax.js";
import { logitsOfTargets, lossOfTargets } from "./head-targets.js";
import { addHeadWeightGradient } from "./head-weight-gradient.js";
import { klToBase } from "./kl-to-base.js";
import { accumulate } from "./model-parameters.js";
import type { PassWeights } from "./pass-weights.js";
import { ProgramCache } from "./program-cache.js";

/** Loss of a trie's targets and its slope in each log-probability, both in the order of targets. */
export type TargetObjective = (logProbs: Float64Array) => { loss: number; slopes: Float64Array };

export interface HeadOptions {
  model: ModelDescription;
  weights: PassWeights;
  backend: Backend;
  /** Share ε of every target's probability that is spread over the whole vocabulary, 0 to below 1. Default 0. */
  labelSmoothing?: number | undefined;
  /** Adds penalty · Σ even weight · KL(π‖base) to the loss. */
  anchor?:
    | {
        penalty: number;
        /** The last layer's output without the adapter [T, D]. */
        hidden: Float32Array;
      }
    | undefined;
  /** Loss of the targets' log-probabilities, in place of the trie's weighted cross-entropy; not with label smoothing. */
  objective?: TargetObjective | undefined;
  /** Sums that the gradients of head and final norm are added to, by tensor name, where these train. */
  gradients?: ReadonlyMap<string, Float32Array> | undefined;
  /** Programs kept between calls. Default: made anew for every call. */
  programs?: ProgramCache | undefined;
  /** Positions are padded to a multiple of this, so that kept programs are met again. Default 1. */
  rowStep?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface HeadResult {
  /**
   * Σ weight · cross-entropy over the trie's targets; with smoothing, against (1 − ε)·target + ε / vocabulary. With an
   * anchor, its penalty is in it. With an objective, what that says instead.
   */
  loss: number;
  /** log π of every target, in nats. */
  logProbs: Float64Array;
  /** Σ even weight · KL(π‖base); 0 without an anchor. */
  divergence: number;
  /** [T, D]; zero in rows that predict nothing. */
  dHidden: Float32Array;
}

/** Norm, its gradient, and two sizes of chunk for each of softmax, divergence and weight gradient. */
const PROGRAMS_OF_A_CALL = 8;

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
  const programs = options.programs ?? new ProgramCache(options.backend, PROGRAMS_OF_A_CALL);
  try {
    return await compute(trie, hidden, options, programs);
  } finally {
    if (options.programs === undefined) await programs.close();
  }
}

async function compute(
  given: TokenTrie,
  hidden: Float32Array,
  options: HeadOptions,
  programs: ProgramCache,
): Promise<HeadResult> {
  const { weights, labelSmoothing = 0, anchor, gradients, rowStep = 1 } = options;
  const { config } = options.model;
  const D = config.hiddenSize;
  // Several targets may hang on one token, where a trie branches.
  const sources = [...new Set(given.targets.map(({ source }) => source))].sort((a, b) => a - b);
  const rowOf = new Map(sources.map((source, row) => [source, row]));
  const P = Math.ceil(sources.length / rowStep) * rowStep;
  const normWeight = weights.vector(finalNormName(config)) as Float32Array;
  const normProgram = await programs.get(`norm ${P}`, () => finalNormGraph(config, P, config.logitScale));
  /** The sources' rows of hidden states, before and after the norm. */
  const normedRows = async (all: Float32Array) => {
    const x = new Float32Array(P * D);
    for (const [row, source] of sources.entries()) x.set(all.subarray(source * D, (source + 1) * D), row * D);
    const { y } = await normProgram.run({ x, "output_norm.weight": normWeight });
    return { x, normed: y as Float32Array };
  };
  const { x, normed } = await normedRows(hidden);
  const head = { config, weights, name: headName(config), programs };
  const softmax = await runningSoftmax(normed, P, head, options.signal);
  const hasMean = labelSmoothing > 0;
  const targetIds = given.targets.map(({ token }) => given.tokens[token] as number);
  const targetHead = {
    ...softmax,
    targetRows: weights.gather(head.name, targetIds),
    config,
    labelSmoothing,
    meanRow: hasMean ? meanHeadRow(head, gradients === undefined) : new Float32Array(D),
  };
  const logits = logitsOfTargets(given, rowOf, normed, targetHead);
  const logProbs = logits.map(
    (logit, target) =>
      logit - (softmax.total[rowOf.get(given.targets[target]?.source as number) as number] as number),
  );
  const compared = options.objective?.(logProbs);
  const trie = compared === undefined ? given : withWeights(given, compared.slopes);
  const summed = lossOfTargets(trie, logits, rowOf, normed, targetHead);
  const { dNormed } = summed;
  let divergence = 0;
  if (anchor !== undefined) {
    const base = (await normedRows(anchor.hidden)).normed;
    const kl = await klToBase(normed, base, P, head, options.signal);
    const rowWeights = new Float64Array(P);
    for (const { source, evenWeight = 0 } of trie.targets) {
      const row = rowOf.get(source) as number;
      rowWeights[row] = (rowWeights[row] as number) + evenWeight;
    }
    for (const [row, weight] of rowWeights.entries()) {
      divergence += weight * (kl.divergence[row] as number);
      const factor = anchor.penalty * weight;
      for (let i = row * D; i < (row + 1) * D; i++)
        dNormed[i] = (dNormed[i] as number) + factor * (kl.dNormed[i] as number);
    }
  }
  const loss = (compared?.loss ?? summed.loss) + (anchor?.penalty ?? 0) * divergence;
  const dHead = gradients?.get(head.name);
  if (dHead !== undefined) {
    const parts = { trie, rowOf, normed, total: softmax.total, labelSmoothing, head };
    await addHeadWeightGradient(dHead, parts, options.signal);
  }
  const normGradient = await programs.get(`norm gradient ${P}`, () => finalNormGradientGraph(config, P));
  const derived = await normGradient.run({ x, "output_norm.weight": normWeight, dy: dNormed });
  const dx = derived.dx as Float32Array;
  accumulate(gradients?.get(finalNormName(config)), derived["d.output_norm.weight"] as Float32Array);
  const dHidden = new Float32Array(hidden.length);
  for (const [row, source] of sources.entries()) dHidden.set(dx.subarray(row * D, (row + 1) * D), source * D);
  return { loss, logProbs, divergence, dHidden };
}

/** A target's weight is what its cross-entropy counts, so minus the slope in its log-probability. */
function withWeights(trie: TokenTrie, slopes: Float64Array): TokenTrie {
  return {
    ...trie,
    targets: trie.targets.map((target, i) => ({ ...target, weight: -(slopes[i] as number) })),
  };
}
