/** @file What the means of many candidates, each on some items, say of their true accuracies. */
import { type ObservedMean, type Shrinkage, shrunk } from "./shrinkage.js";

/** Largest standard deviation of true accuracies: scores lie in 0–1. */
const WIDEST = 0.5;
/** Scale of the prior, somewhat above what is usual: designs a third of a logit apart have a deviation of 0.08. */
const PRIOR_SCALE = 0.1;
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

/**
 * The expected true accuracy behind each observed mean: shrunk towards the centre, averaged over how far true accuracies
 * may be spread. One estimate of the spread would often be 0, and then nothing tells good candidates from bad ones.
 * @param noise - variance of single scores within a candidate; 0 = means are taken as they are
 * @returns in the order given
 * @source Gelman 2006, Bayesian Analysis 1(3): a half-Cauchy prior on the standard deviation where there are few groups; centre
 *   integrated out as in Gelman et al. 2013, Bayesian Data Analysis, section 5.4.
 */
export function posteriorMeans(observed: readonly ObservedMean[], noise: number): number[] {
  if (!(noise > 0)) return observed.map((one) => one.mean);
  const deviations = Array.from({ length: GRID }, (_, step) => (WIDEST * (step + 0.5)) / GRID);
  const fits = deviations.map((deviation) => fitted(observed, deviation ** 2, noise));
  const highest = Math.max(...fits.map(({ logLikelihood }) => logLikelihood));
  const shares = fits.map(
    ({ logLikelihood }, step) =>
      Math.exp(logLikelihood - highest) / (1 + ((deviations[step] as number) / PRIOR_SCALE) ** 2),
  );
  const total = shares.reduce((sum, share) => sum + share, 0);
  return observed.map(
    (one) => fits.reduce((sum, fit, step) => sum + (shares[step] as number) * shrunk(one, fit), 0) / total,
  );
}

/** Centre and likelihood of the observed means where true ones have this variance. */
function fitted(
  observed: readonly ObservedMean[],
  spread: number,
  noise: number,
): Shrinkage & { logLikelihood: number } {
  const weights = observed.map(({ n }) => 1 / (spread + noise / n));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const centre = observed.reduce((sum, one, i) => sum + ((weights[i] as number) / total) * one.mean, 0);
  const logLikelihood = observed.reduce((sum, one, i) => {
    const weight = weights[i] as number;
    return sum + (Math.log(weight) - weight * (one.mean - centre) ** 2) / 2;
  }, -Math.log(total) / 2);
  return { centre, spread, noise, logLikelihood };
}
