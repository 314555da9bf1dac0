/** @file The targets' own part of loss and gradient: P·D work in plain loops, in float64 where it is summed. */
import type { ModelConfig } from "../../transformer/model-config.js";
import type { TokenTrie } from "../data/token-trie.js";
import type { Softmax } from "./head-softmax.js";

export interface TargetHead extends Softmax {
  /** The head's rows of all targets, in their order. */
  targetRows: Float32Array;
  config: ModelConfig;
  labelSmoothing: number;
  /** The head's mean row [D]; zeros without smoothing. */
  meanRow: Float32Array;
}

/**
 * The logit of every target, in their order.
 * @param rowOf row of `normed` by source token
 * @param normed hidden states after the final norm [P, D]
 */
export function logitsOfTargets(
  { targets }: TokenTrie,
  rowOf: ReadonlyMap<number, number>,
  normed: Float32Array,
  { config, targetRows }: Pick<TargetHead, "config" | "targetRows">,
): Float64Array {
  const { hiddenSize: D, logitSoftcap: cap } = config;
  return Float64Array.from(targets, ({ source }, target) => {
    const row = rowOf.get(source) as number;
    let product = 0;
    for (let i = 0; i < D; i++)
      product += (normed[row * D + i] as number) * (targetRows[target * D + i] as number);
    return cap === undefined ? product : cap * Math.tanh(product / cap);
  });
}

/**
 * @param logits of logitsOfTargets()
 * @param rowOf row of `normed` by source token
 * @param normed hidden states after the final norm [P, D]
 */
export function lossOfTargets(
  trie: TokenTrie,
  logits: Float64Array,
  rowOf: ReadonlyMap<number, number>,
  normed: Float32Array,
  head: TargetHead,
): { loss: number; dNormed: Float32Array } {
  const { hiddenSize: D, logitSoftcap: cap } = head.config;
  const { labelSmoothing: smoothing, meanRow } = head;
  const dNormed = new Float32Array(normed.length);
  let loss = 0;
  for (const [target, { source, weight }] of trie.targets.entries()) {
    const row = rowOf.get(source) as number;
    let meanLogit = 0;
    for (let i = 0; i < D; i++) meanLogit += (normed[row * D + i] as number) * (meanRow[i] as number);
    const logit = logits[target] as number;
    const slope = capSlope(logit, cap);
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

/** Derivative of c·tanh(z/c), by its own value. */
function capSlope(logit: number, cap: number | undefined): number {
  return cap === undefined ? 1 : 1 - (logit / cap) ** 2;
}
