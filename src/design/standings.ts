/** @file Standings: what is known of workflows that were run on different items, once luck is taken off. */
import { type Interval, mean } from "../core/statistics.js";
import { isEligible } from "../evaluate/common-items.js";
import type { Evaluation, Figures } from "../evaluate/evaluation.js";
import { type ObservedMean, type Shrinkage, shrunk } from "./shrinkage.js";

/** What is known of a workflow's true accuracy once luck is taken off. */
export interface Standing {
  /** Shrunk mean, 0–1. */
  level: number;
  /** Its standard deviation. */
  deviation: number;
}

/** Variance of a coin toss, counted as one observation, so that equal scores do not look certain. */
const COIN = 0.25;

/** Standings of workflows that were measured on any items of one pool; those that lost too many samples have none. */
export function standings<T extends { evaluation: Evaluation }>(list: readonly T[]): Map<T, Standing> {
  const measured = list.filter(({ evaluation }) => evaluation.n > 0 && isEligible(evaluation));
  const shrinkage = shrinkageOf(measured.map(({ evaluation }) => evaluation));
  return new Map(measured.map((one) => [one, standingOf(one.evaluation, shrinkage)]));
}

/** Shrinkage towards the mean of these workflows. */
export function shrinkageOf(figures: readonly Pick<Figures, "accuracy" | "n" | "scores">[]): Shrinkage {
  let squares = COIN;
  let freedom = 1;
  for (const { accuracy, scores } of figures) {
    squares += scores.reduce((sum, score) => sum + (score - accuracy) ** 2, 0);
    freedom += Math.max(0, scores.length - 1);
  }
  return posteriorShrinkage(
    figures.map(({ accuracy, n }) => ({ mean: accuracy, n })),
    squares / freedom,
  );
}

export function standingOf({ accuracy, n }: Pick<Figures, "accuracy" | "n">, shrinkage: Shrinkage): Standing {
  const { spread, noise } = shrinkage;
  const variance = spread === 0 ? 0 : (spread * noise) / n / (spread + noise / n);
  return { level: shrunk({ mean: accuracy, n }, shrinkage), deviation: Math.sqrt(variance) };
}

/** The 95 % interval of a shrunk mean, within 0–1. */
export function standingInterval({ level, deviation }: Standing): Interval {
  return { low: Math.max(0, level - 1.96 * deviation), high: Math.min(1, level + 1.96 * deviation) };
}

/** Standard deviations of true accuracies that are weighed: 0.01, 0.02 … 0.3. */
const SPREADS = Array.from({ length: 30 }, (_, index) => (index + 1) / 100);
/** Scale of the half-Cauchy prior over them: designs for one task seldom lie far apart, and when they do it shows. */
const USUAL_SPREAD = 0.03;

/**
 * Centre and spread of true accuracies, from the observed ones and the variance of single scores: the means of their
 * posterior, with a flat prior for the centre and a half-Cauchy one for the standard deviation. A single best value would be
 * 0 in half of all small searches, and would call all candidates equal.
 * @param noise - variance of single scores within a candidate, pooled over candidates; more than 0
 * @source Gelman 2006, Bayesian Analysis 1: prior distributions for variance parameters in hierarchical models.
 */
function posteriorShrinkage(observed: readonly ObservedMean[], noise: number): Shrinkage {
  if (observed.length < 2) return { centre: mean(observed.map((one) => one.mean)), spread: 0, noise };
  const fits = SPREADS.map((deviation) => {
    const variances = observed.map(({ n }) => deviation ** 2 + noise / n);
    const total = variances.reduce((sum, variance) => sum + 1 / variance, 0);
    const centre = observed.reduce((sum, one, index) => sum + one.mean / variances[index]!, 0) / total;
    const squares = observed.reduce(
      (sum, one, index) => sum + (one.mean - centre) ** 2 / variances[index]!,
      0,
    );
    const logs = variances.reduce((sum, variance) => sum + Math.log(variance), 0);
    const logPosterior =
      -(logs + Math.log(total) + squares) / 2 - Math.log(1 + (deviation / USUAL_SPREAD) ** 2);
    return { centre, spread: deviation ** 2, logPosterior };
  });
  const highest = Math.max(...fits.map(({ logPosterior }) => logPosterior));
  const weights = fits.map(({ logPosterior }) => Math.exp(logPosterior - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const expected = (key: "centre" | "spread") =>
    fits.reduce((total, fit, index) => total + (weights[index]! / sum) * fit[key], 0);
  return { centre: expected("centre"), spread: expected("spread"), noise };
}
