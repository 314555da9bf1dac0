/** @file Pairs with ranks and alphas of their own as one adapter, which has one of each. */
import type { LoraPair } from "./lora-adapter.js";

/** A pair that stands for (alpha / rank) · B·A. */
export interface OwnPair extends LoraPair {
  rank: number;
  alpha: number;
}

/**
 * The same adapter with the largest rank: smaller pairs get rows and columns of zeros, which stay zero in training, and
 * B takes up what differs in scale. Pairs that are alike already stay as they are.
 * @param usual rank and alpha whose scale is kept where a pair has it
 */
export function evenPairs(
  pairs: ReadonlyMap<string, OwnPair>,
  usual: Pick<OwnPair, "rank" | "alpha">,
): { rank: number; alpha: number; pairs: Map<string, LoraPair> } {
  const all = [...pairs.values()];
  const scaleOf = ({ rank, alpha }: Pick<OwnPair, "rank" | "alpha">) => alpha / rank;
  const kept = all.find((pair) => scaleOf(pair) === scaleOf(usual)) ?? (all[0] as OwnPair);
  const rank = Math.max(...all.map((pair) => pair.rank));
  const alpha = kept.rank === rank ? kept.alpha : scaleOf(kept) * rank;
  const even = [...pairs].map(([name, pair]) => {
    const { inSize, outSize, a, b } = pair;
    const factor = scaleOf(pair) / scaleOf(kept);
    if (pair.rank === rank && factor === 1) return [name, { inSize, outSize, a, b }] as const;
    const wideA = new Float32Array(rank * inSize);
    wideA.set(a);
    const wideB = new Float32Array(outSize * rank);
    for (let row = 0; row < outSize; row++)
      for (let i = 0; i < pair.rank; i++) wideB[row * rank + i] = factor * (b[row * pair.rank + i] as number);
    return [name, { inSize, outSize, a: wideA, b: wideB }] as const;
  });
  return { rank, alpha, pairs: new Map(even) };
}
