/** @file Standings: what is known of workflows that were run on different items, once the ease of the items and luck are taken off. */
import { type Interval, mean } from "../core/statistics.js";
import { isEligible } from "../evaluate/common-items.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import { spreadPosterior } from "./spread-posterior.js";

/** What is known of a workflow's true accuracy. */
export interface Standing {
  /** Expected true accuracy, 0–1. */
  level: number;
  /** Its standard deviation. */
  deviation: number;
}

/** Half of all searches have designs whose true accuracies lie less apart than this; when they lie further, it shows. */
const USUAL_SPREAD = 0.05;
/** Share of the variance of scores that items usually make, and pairs of scores that it counts as. */
const [USUAL_EASE, EASE_PAIRS] = [0.3, 40];
const [LEAST_EASE, MOST_EASE] = [0.02, 0.8];
/** Variance of a coin toss, counted as one score, so that equal scores do not look certain. */
const COIN = 0.25;
/** Rounds of fitting items and workflows in turn; levels change by less than 0.001 after. */
const ROUNDS = 6;

interface Row {
  /** Scores by number of the item. */
  scores: { item: number; score: number }[];
  level: number;
  deviation: number;
}

/**
 * Standings of workflows that were measured on any items of one pool; those that lost too many samples have none. A score is
 * taken for the workflow's true accuracy, plus how easy the item is, plus noise:
 *
 *     s = a + b + e,  a ~ N(centre, spread),  b ~ N(0, ease),  e ~ N(0, noise)
 *
 * The ease of an item is judged by all other workflows that met it, so that who met hard items is not taken for worse; levels
 * are shrunk towards the centre, the more the fewer items they rest on. All variances are judged from the scores themselves.
 * @source Henderson 1975, Biometrics 31: best linear unbiased prediction, by fitting both effects in turn; see spreadPosterior for the spread.
 */
export function standings<T extends { evaluation: Evaluation }>(list: readonly T[]): Map<T, Standing> {
  const measured = list.filter(({ evaluation }) => evaluation.n > 0 && isEligible(evaluation));
  const numbers = new Map<string, number>();
  const numberOf = (id: string) => numbers.get(id) ?? numbers.set(id, numbers.size).size - 1;
  const rows: Row[] = measured.map(({ evaluation: { results } }) => ({
    scores: results
      .filter(({ status }) => status !== "error")
      .map(({ sampleId, score }) => ({ item: numberOf(sampleId), score })),
    level: 0,
    deviation: 0,
  }));
  const scores = rows.flatMap((row) => row.scores.map(({ score }) => score));
  const centre = mean(scores);
  const variance =
    scores.reduce((sum, score) => sum + (score - centre) ** 2, COIN) / Math.max(1, scores.length + 1);
  for (const row of rows) row.level = centre;
  for (let round = 0; round < ROUNDS && rows.length > 0; round++) fitRound(rows, numbers.size, variance);
  return new Map(measured.map((one, i) => [one, { level: rows[i]!.level, deviation: rows[i]!.deviation }]));
}

/** One round: items by the levels so far, then levels by the items. */
function fitRound(rows: readonly Row[], itemCount: number, variance: number): void {
  const counts = new Float64Array(itemCount);
  const sums = new Float64Array(itemCount);
  const squares = new Float64Array(itemCount);
  for (const { scores, level } of rows)
    for (const { item, score } of scores) {
      counts[item]! += 1;
      sums[item]! += score - level;
      squares[item]! += (score - level) ** 2;
    }
  // Two workflows on one item differ from what is expected of them together only by its ease.
  let products = EASE_PAIRS * USUAL_EASE * variance;
  let pairs = EASE_PAIRS;
  for (let item = 0; item < itemCount; item++) {
    products += sums[item]! ** 2 - squares[item]!;
    pairs += counts[item]! * (counts[item]! - 1);
  }
  const share = Math.min(MOST_EASE, Math.max(LEAST_EASE, products / pairs / variance));
  const noise = (1 - share) * variance;
  const others = noise / (share * variance) - 1;
  const measured = rows.map(({ scores, level }) => {
    let [sum, total] = [0, 0];
    for (const { item, score } of scores) {
      const known = counts[item]! + others;
      const weight = 1 / (noise + noise / known);
      total += weight;
      sum += weight * (score - (sums[item]! - (score - level)) / known);
    }
    return { mean: sum / total, variance: 1 / total };
  });
  let [centre, spread] = [0, 0];
  for (const one of spreadPosterior(measured, USUAL_SPREAD)) {
    centre += one.share * one.centre;
    spread += one.share * one.spread;
  }
  for (const [i, row] of rows.entries()) {
    const own = measured[i]!;
    const kept = spread / (spread + own.variance);
    row.level = centre + kept * (own.mean - centre);
    row.deviation = Math.sqrt(kept * own.variance);
  }
}

/** The 95 % interval of a level, within 0–1. */
export function standingInterval({ level, deviation }: Standing): Interval {
  return { low: Math.max(0, level - 1.96 * deviation), high: Math.min(1, level + 1.96 * deviation) };
}
