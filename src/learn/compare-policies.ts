/** @file Two policies compared on the episodes that both played: better, worse, or not told apart. */

import { groupBy, mean, studentQuantile } from "../core/statistics.js";
import type { EpisodeScore, PolicyDifference } from "../records/round-record.js";

/** With fewer values of equal sign no test of signs is below 5 %, two-sided: 2 / 2^5 = 0.0625. */
const FEWEST_VALUES = 6;

/** Differences of scores lie between −1 and 1: the interval where nothing is known. */
const NOTHING_KNOWN = { low: -1, high: 1 };

interface Pair {
  one: EpisodeScore;
  other: EpisodeScore;
}

/** A difference, and its share of the mean. Shares add up to 1. */
interface Term {
  value: number;
  share: number;
}

/**
 * Mean differences a − b over episodes that both played from the same seeds, tasks counting alike, with 95 % t
 * intervals. Episodes and validation items both are samples: an interval says what other episodes on other items of
 * these tasks would show. Its square half-width is t²·s²/n over episodes plus t²·s²/n over items, each with the degrees of
 * freedom of its own, which covers at least 95 % of normal effects however their variances relate (Banerjee, "Approximate
 * confidence interval for linear functions of means of k populations when the population variances are not equal",
 * Sankhyā 1960); that the two sums bound the variance of crossed effects from above is in Owen, "The pigeonhole
 * bootstrap", 2007. Differences of equal policies are symmetric about 0, for which the t test errs to the safe side where
 * tails are long (Efron 1969; Benjamini 1983).
 *
 * Episodes of older records hold no items: only their episodes are counted then, and fewer than six tell nothing apart.
 * The difference of the best candidates always counts episodes alone.
 */
export function comparePolicies(a: readonly EpisodeScore[], b: readonly EpisodeScore[]): PolicyDifference {
  const nameOf = ({ task, seed, episode }: EpisodeScore) => JSON.stringify([task, seed, episode]);
  const others = new Map(b.map((episode) => [nameOf(episode), episode]));
  const pairs = a.flatMap((one) => {
    const other = others.get(nameOf(one));
    return other === undefined ? [] : [{ one, other }];
  });
  const tasks = [...groupBy(pairs, ({ one }) => one.task).values()];
  const episodes = (key: "meanReward" | "best") =>
    tasks.flatMap((own) =>
      own.map(({ one, other }) => ({ value: one[key] - other[key], share: 1 / own.length / tasks.length })),
    );
  const meanReward = crossedInterval(episodes("meanReward"), itemTerms(tasks));
  const { low, high } = meanReward.interval;
  return {
    pairs: pairs.length,
    meanReward,
    best: crossedInterval(episodes("best"), []),
    each: pairs.map(({ one, other }) => rounded(one.meanReward - other.meanReward)),
    verdict: low > 0 ? "better" : high < 0 ? "worse" : "not told apart",
  };
}

/** Differences by validation item, means over the episodes; empty where an episode does not have them. */
function itemTerms(tasks: readonly (readonly Pair[])[]): Term[] {
  const terms: Term[] = [];
  for (const task of tasks) {
    // Another seed draws other items.
    for (const pairs of groupBy(task, ({ one }) => one.seed).values()) {
      const count = pairs[0]?.one.items?.length ?? 0;
      if (count === 0) return [];
      if (pairs.some(({ one, other }) => one.items?.length !== count || other.items?.length !== count))
        return [];
      const share = pairs.length / task.length / count / tasks.length;
      for (let i = 0; i < count; i++) {
        const at = ({ items }: EpisodeScore) => (items as number[])[i] as number;
        terms.push({ value: mean(pairs.map(({ one, other }) => at(one) - at(other))), share });
      }
    }
  }
  return terms;
}

function crossedInterval(
  episodes: readonly Term[],
  items: readonly Term[],
): { mean: number; interval: { low: number; high: number } } {
  const centre = weightedMean(episodes);
  const half = Math.sqrt(squareMargin(episodes) + squareMargin(items));
  const isKnown = episodes.length > 1 && Math.max(episodes.length, items.length) >= FEWEST_VALUES;
  if (!isKnown) return { mean: centre, interval: NOTHING_KNOWN };
  return { mean: centre, interval: { low: Math.max(-1, centre - half), high: Math.min(1, centre + half) } };
}

/** Square of the half-width of the t interval of a weighted mean: shares are exact, the values vary alike. */
function squareMargin(terms: readonly Term[]): number {
  if (terms.length < 2) return 0;
  const centre = weightedMean(terms);
  let squares = 0;
  let sum = 0;
  for (const { value, share } of terms) {
    squares += share * share;
    sum += (share * (value - centre)) ** 2;
  }
  // Kish's effective number: that of the values where all count alike.
  const count = 1 / squares;
  return (studentQuantile(count - 1) ** 2 * sum * count) / (count - 1);
}

function weightedMean(terms: readonly Term[]): number {
  return terms.reduce((sum, { value, share }) => sum + value * share, 0);
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
