/** @file What the means of many candidates, each on some items, say of their true accuracies. */
import type { ObservedMean, Shrinkage } from "./shrinkage.js";

/** Largest standard deviation of true accuracies: scores lie in 0–1. */
const WIDEST = 0.5;
const GRID = 50;

/**
 * Variance of single scores within a candidate, pooled: Σ n p (1 − p) / Σ (n − 1), with one item of the common mean added,
 * so that single items say something too. Exact for scores of 0 and 1; of scores between them it is the most there can be.
 */
export function pooledItemNoise(observed: readonly ObservedMean[]): number {
  const total = observed.reduce((sum, { n }) => sum + n, 0);
  const centre = observed.reduce((sum, one) => sum + (one.n / total) * one.mean, 0);
  const variance = (p: number) => Math.max(0, p * (1 - p));
  const squares = observed.reduce((sum, one) => sum + one.n * variance(one.mean), variance(centre));
  return squares / (total - observed.length + 1);
}

/** Centre and spread that true accuracies may have, and how likely that is: the shares come to 1. */
interface SpreadFit extends Pick<Shrinkage, "centre" | "spread"> {
  share: number;
}

/**
 * What means say of how far true accuracies are spread, each deviation from 0.005 to 0.495 with its share of belief.
 * @param measured - means with their variances about the true accuracies, more than 0
 * @param scale - of the prior of the deviation: half of it lies below
 * @source Gelman 2006, Bayesian Analysis 1(3): a half-Cauchy prior on the standard deviation where there are few groups; centre
 *   integrated out as in Gelman et al. 2013, Bayesian Data Analysis, section 5.4.
 */
export function spreadPosterior(
  measured: readonly { mean: number; variance: number }[],
  scale: number,
): SpreadFit[] {
  // Plain loops: every step of a race asks for this.
  const weights = new Float64Array(measured.length);
  const fits = Array.from({ length: GRID }, (_, step) => {
    const deviation = (WIDEST * (step + 0.5)) / GRID;
    const spread = deviation ** 2;
    let [total, centre] = [0, 0];
    for (let i = 0; i < weights.length; i++) total += weights[i] = 1 / (spread + measured[i]!.variance);
    for (let i = 0; i < weights.length; i++) centre += (weights[i]! / total) * measured[i]!.mean;
    let logLikelihood = -Math.log(total) / 2;
    for (let i = 0; i < weights.length; i++)
      logLikelihood += (Math.log(weights[i]!) - weights[i]! * (measured[i]!.mean - centre) ** 2) / 2;
    return { centre, spread, logPosterior: logLikelihood - Math.log(1 + (deviation / scale) ** 2) };
  });
  const highest = Math.max(...fits.map(({ logPosterior }) => logPosterior));
  const odds = fits.map(({ logPosterior }) => Math.exp(logPosterior - highest));
  const total = odds.reduce((sum, one) => sum + one, 0);
  return fits.map(({ centre, spread }, i) => ({ centre, spread, share: (odds[i] as number) / total }));
}
