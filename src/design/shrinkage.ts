/** @file Shrinkage: what the mean of one candidate among many says once luck is taken off. */
import { mean } from "../core/statistics.js";

/** Mean score of a candidate over n items. */
export interface ObservedMean {
  mean: number;
  /** Items behind it, 1 or more. */
  n: number;
}

export interface Shrinkage {
  /** Mean of the true accuracies. */
  centre: number;
  /** Variance of the true accuracies, 0 or more. */
  spread: number;
  /** Variance of the scores of one candidate over items. */
  noise: number;
}

/** Halvings of the interval that holds the spread: 2⁻⁴⁰ of it is left. */
const HALVINGS = 40;

/**
 * Centre and spread of true accuracies, from the observed ones and the variance of single scores.
 * The spread is the one at which the weighted squares about the weighted mean come to what they should, k − 1; where
 * they are fewer already without any, it is 0.
 * @param noise - variance of single scores within a candidate, pooled over candidates; more than 0
 * @source Paule & Mandel 1982, J. Res. Natl. Bur. Stand. 87: consensus values and weighting factors.
 */
export function estimateShrinkage(observed: readonly ObservedMean[], noise: number): Shrinkage {
  const centred = (spread: number) => {
    const weights = observed.map(({ n }) => 1 / (spread + noise / n));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const centre = observed.reduce((sum, one, index) => sum + weights[index]! * one.mean, 0) / total;
    const squares = observed.reduce((sum, one, index) => sum + weights[index]! * (one.mean - centre) ** 2, 0);
    return { centre, squares };
  };
  if (observed.length < 2) return { centre: mean(observed.map((one) => one.mean)), spread: 0, noise };
  const wanted = observed.length - 1;
  // Scores lie in 0–1: no variance of means is larger.
  let [low, high] = [0, 1];
  if (centred(0).squares <= wanted) high = 0;
  for (let step = 0; step < HALVINGS && high > 0; step++) {
    const middle = (low + high) / 2;
    if (centred(middle).squares > wanted) low = middle;
    else high = middle;
  }
  return { centre: centred(high).centre, spread: high, noise };
}

/**
 * The expected true accuracy behind an observed mean: centre + ρ (mean − centre), ρ = spread / (spread + noise / n).
 * @source Efron & Morris 1975, J. Am. Stat. Assoc. 70: data analysis using Stein's estimator.
 */
export function shrunk({ mean: observed, n }: ObservedMean, { centre, spread, noise }: Shrinkage): number {
  const share = spread === 0 ? 0 : spread / (spread + noise / n);
  return centre + share * (observed - centre);
}
