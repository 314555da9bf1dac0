/** @file How far two judges agree beyond chance, and what position-swapped comparisons come to. */

import { type Interval, mean, wilsonInterval } from "../core/statistics.js";
import type { Comparison } from "./model-judge.js";

export type KappaWeights = "none" | "linear" | "quadratic";

/**
 * Cohen's kappa of two lists of labels on the same items: 1 = always equal, 0 = as often as by chance.
 * @param options.categories - all labels, in their order where weights are used. Default: those that occur, sorted
 * @param options.weights - how much a near miss counts on an ordered scale; "none" for names. Default "none"
 * @returns undefined where it is not defined: no items, or both give one and the same label throughout
 * @throws {RangeError} when the lists differ in length or a label is no category
 */
export function cohenKappa<T extends string | number>(
  first: readonly T[],
  second: readonly T[],
  options: { categories?: readonly T[]; weights?: KappaWeights } = {},
): number | undefined {
  if (first.length !== second.length) throw new RangeError(`${first.length} and ${second.length} labels`);
  const found = [...new Set([...first, ...second])].sort((a, b) => (a < b ? -1 : 1));
  const categories = options.categories ?? found;
  const { weights = "none" } = options;
  const index = (label: T): number => {
    const at = categories.indexOf(label);
    if (at < 0) throw new RangeError(`label ${JSON.stringify(label)} is no category`);
    return at;
  };
  const cost = (i: number, j: number): number => {
    if (weights === "none") return i === j ? 0 : 1;
    return weights === "linear" ? Math.abs(i - j) : (i - j) ** 2;
  };
  const [rows, columns] = [first.map(index), second.map(index)];
  let observed = 0;
  let expected = 0;
  for (const [item, i] of rows.entries()) {
    observed += cost(i, columns[item] as number);
    for (const j of columns) expected += cost(i, j) / rows.length;
  }
  return expected === 0 ? undefined : 1 - observed / expected;
}

export interface ComparisonSummary {
  n: number;
  wins: number;
  losses: number;
  ties: number;
  /** The two orders disagreed: counted as neither. */
  undecided: number;
  /** Share of comparisons whose verdict did not depend on the order. */
  consistency: number;
  /** Kappa between the verdicts of the two orders; undefined where all are alike. */
  kappa: number | undefined;
  /** Wins over wins and losses, with its 95 % Wilson interval; undefined without either. */
  winRate: { value: number; interval: Interval } | undefined;
}

/**
 * Wins, losses and ties of one writer's texts against another's, and how much the order of showing them decided.
 * @param comparisons - of the same two writers, the first one's texts given first
 */
export function summarizeComparisons(comparisons: readonly Comparison[]): ComparisonSummary {
  const count = (verdict: Comparison["verdict"]) =>
    comparisons.filter((one) => one.verdict === verdict).length;
  const [wins, losses, undecided] = [count("first"), count("second"), count("order")];
  const decided = wins + losses;
  const kappa = cohenKappa(
    comparisons.map(({ asA }) => asA),
    comparisons.map(({ asB }) => asB),
  );
  return {
    n: comparisons.length,
    wins,
    losses,
    ties: count("tie"),
    undecided,
    consistency: mean(comparisons.map(({ verdict }) => (verdict === "order" ? 0 : 1))),
    kappa,
    winRate:
      decided === 0
        ? undefined
        : { value: wins / decided, interval: wilsonInterval(wins / decided, decided) },
  };
}
