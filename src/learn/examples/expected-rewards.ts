/** @file What the mean rewards of many candidates, each over some items, say of their true ones: candidates that share techniques share luck's correction. */
import type { ObservedMean } from "../../design/shrinkage.js";

/** Mean reward of a workflow over n items, and what it uses. */
export interface MeasuredWorkflow extends ObservedMean {
  techniques: readonly string[];
}

/** Largest standard deviation of effects: rewards lie in 0–1. */
const WIDEST = 0.5;
/** Scale of both priors, somewhat above what is usual for workflows: a third of a logit is 0.08. */
const PRIOR_SCALE = 0.1;
/** Variance of the centre before anything is seen, about the mean of all: rewards lie in 0–1, so that it says nothing. */
const CENTRE_VARIANCE = 1;
const GRID = 30;
const DEVIATIONS = Array.from({ length: GRID }, (_, step) => (WIDEST * (step + 0.5)) / GRID);

/**
 * The expected true reward behind each mean, of workflows for one task:
 *
 *     mean = c + Σ effects of its techniques + own effect + luck,   luck ~ N(0, noise / n)
 *
 * Effects of techniques have a standard deviation τ, own effects σ; every pair of both on a grid counts by how well it
 * explains the means seen, with half-Cauchy priors. A workflow that was lucky on few items is so drawn towards what its
 * techniques give elsewhere, the more the fewer its items; where techniques say nothing, towards the centre.
 * @param noise - variance of single scores within a workflow; 0 = means are taken as they are
 * @returns in the order given
 * @source Fay & Herriot 1979, J. Am. Stat. Assoc. 74: means of small areas shrunk towards a regression. Priors on deviations:
 *   Gelman 2006, Bayesian Analysis 1(3).
 */
export function expectedRewards(measured: readonly MeasuredWorkflow[], noise: number): number[] {
  if (!(noise > 0)) return measured.map((one) => one.mean);
  const names = [...new Set(measured.flatMap(({ techniques }) => techniques))].sort();
  const items = measured.reduce((sum, { n }) => sum + n, 0);
  const level = measured.reduce((sum, one) => sum + (one.n / items) * one.mean, 0);
  const rows = measured.map((one) => ({
    ...one,
    mean: one.mean - level,
    used: [0, ...one.techniques.map((name) => names.indexOf(name) + 1)],
  }));
  const pairs = (names.length > 0 ? DEVIATIONS : [0]).flatMap((technique) =>
    DEVIATIONS.map((own) => ({ technique, own })),
  );
  const fits = pairs.map((pair) => fitWith(rows, names.length, pair, noise));
  const highest = Math.max(...fits.map(({ logPosterior }) => logPosterior));
  const odds = fits.map(({ logPosterior }) => Math.exp(logPosterior - highest));
  const total = odds.reduce((sum, one) => sum + one, 0);
  return measured.map((_, index) =>
    fits.reduce((sum, { expected }, i) => sum + (odds[i]! / total) * expected[index]!, level),
  );
}

/** Means less that of all, with the numbers of their coefficients: 0 is the centre. */
type Row = ObservedMean & { used: readonly number[] };

/** Takes rows in one by one (recursive least squares): each error of prediction is a factor of the likelihood. */
function fitWith(
  rows: readonly Row[],
  techniques: number,
  { technique, own }: { technique: number; own: number },
  noise: number,
) {
  const size = techniques + 1;
  const effects = new Float64Array(size);
  const covariance = new Float64Array(size * size);
  for (let i = 0; i < size; i++) covariance[i * size + i] = i === 0 ? CENTRE_VARIANCE : technique ** 2;
  const gain = new Float64Array(size);
  let logPosterior = -Math.log1p((technique / PRIOR_SCALE) ** 2) - Math.log1p((own / PRIOR_SCALE) ** 2);
  for (const { mean, n, used } of rows) {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (const j of used) sum += covariance[i * size + j]!;
      gain[i] = sum;
    }
    let variance = own ** 2 + noise / n;
    let error = mean;
    for (const j of used) {
      variance += gain[j]!;
      error -= effects[j]!;
    }
    logPosterior -= (Math.log(variance) + error ** 2 / variance) / 2;
    for (let i = 0; i < size; i++) {
      const share = gain[i]! / variance;
      effects[i]! += share * error;
      for (let j = 0; j < size; j++) covariance[i * size + j]! -= share * gain[j]!;
    }
  }
  const expected = rows.map(({ mean, n, used }) => {
    const predicted = used.reduce((sum, j) => sum + effects[j]!, 0);
    return predicted + (own ** 2 / (own ** 2 + noise / n)) * (mean - predicted);
  });
  return { expected, logPosterior };
}
