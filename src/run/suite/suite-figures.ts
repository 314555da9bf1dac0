/** @file From finished cells (a row on a task) to what a suite says: averages, comparisons, reliance, fairness. */

import { seedFrom } from "../../core/hash.js";
import { groupedInterval, holmAdjusted, macroMean, signFlipTest } from "../../core/paired-test.js";
import {
  groupBy,
  hierarchicalInterval,
  type Interval,
  mean,
  sumOrNull,
  wilsonInterval,
} from "../../core/statistics.js";
import type { Evaluation, JobResult } from "../../evaluate/evaluation.js";
import type { SwapKind } from "../../tasks/counterfactual.js";
import type { Sample } from "../../tasks/task.js";
import { type GroupFigures, groupFigures, groupsOf } from "./group-figures.js";
import {
  type ArithmeticFigures,
  arithmeticFigures,
  type RowMode,
  rowMode,
  type Side,
  type SideUsage,
  sideUsage,
} from "./role-usage.js";
import type { Suite } from "./suite-schema.js";

/** A row on a task, with all that was run for it. */
export interface SuiteCell {
  row: string;
  task: string;
  evaluation: Evaluation;
  /** Figures of the same workflow with the strong model's calls answered by the weak one. */
  withoutStrong?: Evaluation | undefined;
  counterfactuals: { swap: SwapKind; evaluation: Evaluation }[];
}

/** The items of a task, as far as figures need them. */
export interface SuiteItems {
  task: string;
  samples: readonly Sample[];
  groups: readonly string[];
}

export interface RelianceFigures {
  /** 1 − score without the strong model / score, clipped to 0–1; null where the score is 0. */
  index: number | null;
  interval: Interval | null;
  /** Macro average with the strong model's calls answered by the weak one. */
  accuracyWithout: number;
}

export interface RowFigures {
  row: string;
  mode: RowMode;
  tasks: number;
  n: number;
  errors: number;
  /** Macro average over tasks. */
  accuracy: number;
  interval: Interval;
  sides: Record<Side, SideUsage>;
  /** Per item, both sides; null when a price is unknown. */
  dollars: number | null;
  tokens: number;
  /** Cost of 1 000 items, for each percentage point of accuracy; null where the accuracy is 0 or a price unknown. */
  dollarsPerPoint: number | null;
  arithmetic: Record<Side, ArithmeticFigures>;
  reliance: RelianceFigures | null;
}

export interface Comparison {
  row: string;
  reference: string;
  tasks: number;
  n: number;
  /** Macro average of the paired differences, row − reference. */
  difference: number;
  interval: Interval;
  /** Sign-flip test. */
  pValue: number;
  /** By Holm over all comparisons of the suite. */
  adjusted: number;
  /** Dollars more per 1 000 items, for each point gained; null where nothing is gained or a price is unknown. */
  dollarsPerPointGained: number | null;
}

export interface CounterfactualFigures {
  row: string;
  swap: SwapKind;
  pairs: number;
  /** Share of pairs whose answer is another one after the swap, 0–1. */
  changed: number;
  interval: Interval;
  accuracy: number;
  swappedAccuracy: number;
  /** Sign-flip test of the difference of the two accuracies. */
  pValue: number;
}

export interface SuiteFigures {
  rows: RowFigures[];
  comparisons: Comparison[];
  groups: GroupFigures[];
  counterfactuals: CounterfactualFigures[];
}

interface FigureSettings {
  seed: number;
  resamples: number;
}

export function suiteFigures(
  suite: Pick<Suite, "reference" | "comparisons">,
  cells: readonly SuiteCell[],
  items: readonly SuiteItems[],
  settings: FigureSettings,
): SuiteFigures {
  const names = [...new Set(cells.map(({ row }) => row))];
  const cellsOf = (row: string) => cells.filter((cell) => cell.row === row);
  const rows = names.map((row) => rowFigures(row, cellsOf(row), settings));
  return {
    rows,
    comparisons: comparisons(suite, rows, cellsOf, settings),
    groups: names.flatMap((row) => groupTables(row, cellsOf(row), items, settings)),
    counterfactuals: names.flatMap((row) => counterfactualTables(row, cellsOf(row), settings)),
  };
}

function scored(evaluation: Evaluation): JobResult[] {
  return evaluation.results.filter(({ status }) => status !== "error");
}

function rowFigures(row: string, cells: readonly SuiteCell[], settings: FigureSettings): RowFigures {
  const { seed, resamples } = settings;
  const groups = cells.map(({ evaluation }) => evaluation.scores);
  const all = groups.flat();
  const accuracy = macroMean(groups);
  const results = cells.flatMap(({ evaluation }) => scored(evaluation));
  const sides = sideUsage(results);
  const dollars = dollarsOf(results);
  const isConstant = all.every((value) => value === all[0]);
  return {
    row,
    mode: rowMode(results),
    tasks: groups.filter((group) => group.length > 0).length,
    n: all.length,
    errors: cells.reduce((sum, { evaluation }) => sum + evaluation.errors, 0),
    accuracy,
    interval: (isConstant
      ? all.length > 0 && wilsonInterval(accuracy, all.length)
      : groupedInterval(groups, macroMean, seedFrom(seed, "row"), resamples)) || { low: 0, high: 1 },
    sides,
    dollars,
    tokens: sides.weak.tokens + sides.strong.tokens,
    dollarsPerPoint: dollars === null || accuracy === 0 ? null : (1000 * dollars) / (100 * accuracy),
    arithmetic: arithmeticFigures(results),
    reliance: reliance(cells, settings),
  };
}

/** Per item, both sides; null when a price is unknown. */
function dollarsOf(results: readonly JobResult[]): number | null {
  const { weak, strong } = sideUsage(results);
  return sumOrNull([weak.dollars, strong.dollars]);
}

/** Scores of two evaluations on the items that both have, in the order of the first. */
function pairs(a: Evaluation, b: Evaluation, nameOf = (id: string) => id): [JobResult, JobResult][] {
  const others = new Map(scored(b).map((result) => [nameOf(result.sampleId), result]));
  return scored(a).flatMap((result) => {
    const other = others.get(result.sampleId);
    return other === undefined ? [] : [[result, other] as [JobResult, JobResult]];
  });
}

function reliance(cells: readonly SuiteCell[], { seed, resamples }: FigureSettings): RelianceFigures | null {
  const groups = cells.flatMap(({ evaluation, withoutStrong }) =>
    withoutStrong ? [pairs(evaluation, withoutStrong).map(([a, b]) => [a.score, b.score] as const)] : [],
  );
  if (groups.flat().length === 0) return null;
  const averages = (drawn: readonly (readonly (readonly [number, number])[])[]) => ({
    whole: macroMean(drawn.map((group) => group.map(([score]) => score))),
    without: macroMean(drawn.map((group) => group.map(([, score]) => score))),
  });
  const indexOf = (drawn: Parameters<typeof averages>[0]) => {
    const { whole, without } = averages(drawn);
    return relianceIndex(whole, without) ?? Number.NaN;
  };
  const { whole, without } = averages(groups);
  return {
    index: relianceIndex(whole, without),
    interval: groupedInterval(groups, indexOf, seedFrom(seed, "reliance"), resamples),
    accuracyWithout: without,
  };
}

/**
 * How much of a score is the strong model's: 1 − without / whole, clipped to 0–1.
 * @param whole - score with both models, 0–1
 * @param without - score with the strong model's calls answered by the weak one
 * @returns null where `whole` is 0
 */
export function relianceIndex(whole: number, without: number): number | null {
  return whole === 0 ? null : Math.min(1, Math.max(0, 1 - without / whole));
}

function comparisons(
  { reference, comparisons: kind }: Pick<Suite, "reference" | "comparisons">,
  rows: readonly RowFigures[],
  cellsOf: (row: string) => readonly SuiteCell[],
  { seed, resamples }: FigureSettings,
): Comparison[] {
  const first = rows.find(({ row }) => row === reference) ?? rows[0];
  const wanted =
    kind === "all"
      ? rows.flatMap((a, i) => rows.slice(0, i).map((b) => [a, b] as const))
      : rows.flatMap((a) => (first === undefined || a === first ? [] : [[a, first] as const]));
  const found = wanted.flatMap(([a, b]) => {
    const others = new Map(cellsOf(b.row).map((cell) => [cell.task, cell.evaluation]));
    const paired = cellsOf(a.row).flatMap(({ task, evaluation }) => {
      const other = others.get(task);
      return other ? [pairs(evaluation, other)] : [];
    });
    const groups = paired.map((group) => group.map(([one, two]) => one.score - two.score));
    const n = groups.flat().length;
    if (n === 0) return [];
    const name = seedFrom(seed, "comparison", a.row, b.row);
    const { mean: difference, interval } = hierarchicalInterval(groups, name, resamples);
    const dear = dollarsOf(paired.flat().map(([one]) => one));
    const cheap = dollarsOf(paired.flat().map(([, two]) => two));
    const extra = dear === null || cheap === null ? null : dear - cheap;
    return [
      {
        row: a.row,
        reference: b.row,
        tasks: groups.filter((group) => group.length > 0).length,
        n,
        difference,
        interval,
        pValue: signFlipTest(groups, name),
        dollarsPerPointGained: extra === null || difference <= 0 ? null : (1000 * extra) / (100 * difference),
      },
    ];
  });
  const adjusted = holmAdjusted(found.map(({ pValue }) => pValue));
  return found.map((comparison, index) => ({ ...comparison, adjusted: adjusted[index] as number }));
}

function groupTables(
  row: string,
  cells: readonly SuiteCell[],
  items: readonly SuiteItems[],
  { seed, resamples }: FigureSettings,
): GroupFigures[] {
  return [...new Set(items.flatMap(({ groups }) => groups))].flatMap((key) => {
    const samples = items.filter(({ groups }) => groups.includes(key)).flatMap((one) => one.samples);
    const groups = groupsOf(samples, key);
    if (groups.size === 0) return [];
    // Epochs of one item count as one score of it.
    const results = cells.flatMap(({ evaluation }) => scored(evaluation));
    const byItem = groupBy(
      results.filter(({ sampleId }) => groups.has(sampleId)),
      ({ sampleId }) => sampleId,
    );
    if (byItem.size === 0) return [];
    const means = new Map([...byItem].map(([id, list]) => [id, mean(list.map(({ score }) => score))]));
    return [groupFigures({ row, key }, means, groups, seedFrom(seed, "groups", row, key), resamples)];
  });
}

function counterfactualTables(
  row: string,
  cells: readonly SuiteCell[],
  { seed }: FigureSettings,
): CounterfactualFigures[] {
  const swaps = [...new Set(cells.flatMap((cell) => cell.counterfactuals.map(({ swap }) => swap)))];
  return swaps.flatMap((swap) => {
    const groups = cells.map(({ evaluation, counterfactuals }) => {
      const swapped = counterfactuals.find((one) => one.swap === swap)?.evaluation;
      return swapped ? pairs(evaluation, swapped, (id) => id.slice(0, -swap.length - 1)) : [];
    });
    const all = groups.flat();
    if (all.length === 0) return [];
    const changed = mean(all.map(([one, two]) => (isSameAnswer(one, two) ? 0 : 1)));
    return [
      {
        row,
        swap,
        pairs: all.length,
        changed,
        interval: wilsonInterval(changed, all.length),
        accuracy: mean(all.map(([one]) => one.score)),
        swappedAccuracy: mean(all.map(([, two]) => two.score)),
        pValue: signFlipTest(
          [all.map(([one, two]) => two.score - one.score)],
          seedFrom(seed, "counterfactual", row, swap),
        ),
      },
    ];
  });
}

/** As the scorer read it; two runs that both gave no answer agree. */
function isSameAnswer(one: JobResult, two: JobResult): boolean {
  if (one.status !== "ok" || two.status !== "ok") return one.status === two.status;
  return one.extracted === two.extracted;
}
