/** @file Means with bootstrap intervals, for one list of scores and for paired differences. */
import { Random } from "./random.js";

export interface Interval {
  low: number;
  high: number;
}

/** The mean, or 0 of an empty list. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sum, or null where a part of it is unknown: dollars with one call of unknown price are unknown. */
export function sumOrNull(values: Iterable<number | null>): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return sum;
}

/**
 * 95 % percentile bootstrap interval of the mean, resampling whole values.
 * With fewer than two values, or where all are equal, a percentile bootstrap has no width; the Wilson interval of a
 * proportion is returned instead, so that 10 of 10 is not printed as certain.
 * @param values - scores in 0–1, n of them
 * @param resamples - 1 000 by default, enough for two digits
 */
export function bootstrapInterval(values: readonly number[], seed: number, resamples = 1000): Interval {
  const n = values.length;
  if (n === 0) return { low: 0, high: 1 };
  if (values.every((value) => value === values[0])) return wilsonInterval(mean(values), n);
  const [low, high] = resampledQuantiles(values, seed, resamples);
  return { low: low as number, high: high as number };
}

/** Wilson score interval of a proportion p over n trials, z = 1.96. */
export function wilsonInterval(p: number, n: number): Interval {
  const z = 1.96;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Half-width of a 95 % t interval in standard errors: the 0.975 quantile of Student's distribution.
 * With t = √df · tan θ its density over θ is proportional to cos^(df − 1) θ, which is summed by the midpoint rule; three
 * digits are right.
 * @param df - degrees of freedom, 1 or more; need not be whole
 */
export function studentQuantile(df: number): number {
  const steps = 200;
  // Nothing is left beyond eight standard deviations.
  const step = Math.min(Math.PI / 2, 8 / Math.sqrt(df)) / steps;
  const density = new Float64Array(steps);
  let left = 0;
  for (let i = 0; i < steps; i++) {
    const value = Math.cos((i + 0.5) * step) ** (df - 1);
    density[i] = value;
    left += 0.95 * value;
  }
  let passed = 0;
  while ((density[passed] as number) < left) left -= density[passed++] as number;
  return Math.sqrt(df) * Math.tan((passed + left / (density[passed] as number)) * step);
}

/**
 * 95 % bootstrap interval of mean(a − b) over pairs of the same items.
 * @throws {RangeError} when the lists differ in length.
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  seed: number,
  resamples = 1000,
): { difference: number; interval: Interval } {
  if (a.length !== b.length) throw new RangeError(`paired lists differ: ${a.length} and ${b.length}`);
  const differences = a.map((value, index) => value - (b[index] as number));
  if (differences.length === 0) return { difference: 0, interval: { low: -1, high: 1 } };
  const [low, high] = resampledQuantiles(differences, seed, resamples);
  return { difference: mean(differences), interval: { low: low as number, high: high as number } };
}

/**
 * 95 % hierarchical bootstrap interval of a mean over groups of values: groups are drawn first, then values within
 * each drawn group, so that a result on two task families is not taken for one on many.
 * Every group counts alike. With one group only its values are drawn. Fewer than two values give −1 to 1, the whole
 * range of differences of scores.
 * @param groups - such as differences of paired episodes by task family; empty groups are left out
 */
export function hierarchicalInterval(
  groups: readonly (readonly number[])[],
  seed: number,
  resamples = 1000,
): { mean: number; interval: Interval } {
  const filled = groups.filter((group) => group.length > 0);
  const count = filled.reduce((sum, group) => sum + group.length, 0);
  // One value says nothing about how far others lie apart.
  if (count < 2) return { mean: mean(filled.map(mean)), interval: { low: -1, high: 1 } };
  const random = new Random(seed);
  const pick = <T>(values: readonly T[]): T => values[random.integer(0, values.length - 1)] as T;
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let g = 0; g < filled.length; g++) {
      const group = pick(filled);
      let total = 0;
      for (let i = 0; i < group.length; i++) total += pick(group);
      sum += total / group.length;
    }
    means[r] = sum / filled.length;
  }
  const [low, high] = quantiles(means);
  return {
    mean: mean(filled.map(mean)),
    interval: { low: low as number, high: high as number },
  };
}

function resampledQuantiles(values: readonly number[], seed: number, resamples: number): number[] {
  const random = new Random(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(0, values.length - 1)] as number;
    means[r] = sum / values.length;
  }
  return quantiles(means);
}

function quantiles(means: Float64Array): number[] {
  means.sort();
  const last = means.length - 1;
  return [0.025, 0.975].map((q) => means[Math.min(last, Math.floor(q * means.length))] as number);
}

/** The values by a key of theirs; keys in the order of their first value, values of one key in the order given. */
export function groupBy<K, V>(values: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/** Density of the standard normal distribution. */
export function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * Share of the standard normal distribution below x, to 8 · 10⁻⁸.
 * @source Abramowitz & Stegun 1964, Handbook of Mathematical Functions, 26.2.17.
 */
export function normalShare(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const above = normalDensity(x) * series;
  return x < 0 ? above : 1 - above;
}
