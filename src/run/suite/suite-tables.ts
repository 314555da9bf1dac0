/** @file What a suite found as tables of text: the same for the screen and for suite.md. */
import {
  failureLines,
  failuresText,
  formatDollars,
  formatInterval,
  formatPercent,
  formatPercentChange,
  formatProbability,
} from "../../core/figure-format.js";
import type { SwapKind } from "../../tasks/counterfactual.js";
import { RUBRIC } from "./judge-reasoning.js";
import type { ArithmeticFigures, Side } from "./role-usage.js";
import type { SuiteResult } from "./suite-result.js";

export interface SuiteTable {
  title: string;
  head: string[];
  rows: string[][];
  /** Notes on how to read the table, one sentence each. */
  notes: string[];
}

const SIDES: readonly Side[] = ["weak", "strong"];

/** All tables of a result that have something to show, in the order they are printed. */
export function suiteTables(result: SuiteResult): SuiteTable[] {
  return [
    accuracyTable(result),
    comparisonTable(result),
    shareTable(result),
    usageTable(result),
    arithmeticTable(result),
    reasoningTable(result),
    taskTable(result),
    groupTable(result),
    counterfactualTable(result),
    designTable(result),
  ].filter(({ rows }) => rows.length > 0);
}

/** Title of a table, which says where its figures come from a simulated model. */
function marked(title: string, isSimulated: boolean): string {
  return isSimulated ? `${title} (simulated)` : title;
}

function accuracyTable({ summary, rows, isSimulated, split, suiteTasks }: SuiteResult): SuiteTable {
  return {
    title: marked(`Accuracy on ${split}, averaged over ${suiteTasks.length} tasks`, isSimulated),
    head: [
      "row",
      "who works",
      "accuracy",
      "95 % interval",
      "n",
      "lost",
      "reliance on strong",
      "95 % interval",
      "$ per point",
    ],
    rows: summary.map(({ row, mode, accuracy, interval, n, errors, reliance, dollarsPerPoint }) => [
      row,
      mode,
      formatPercent(accuracy),
      formatInterval(interval),
      String(n),
      String(errors),
      reliance?.index == null ? "–" : reliance.index.toFixed(2),
      reliance?.interval == null
        ? "–"
        : `[${reliance.interval.low.toFixed(2)}, ${reliance.interval.high.toFixed(2)}]`,
      dollarsPerPoint === null ? "–" : formatDollars(dollarsPerPoint),
    ]),
    notes: [
      "reliance: 1 − accuracy with the strong model's calls answered by the weak one / accuracy, within 0 to 1.",
      "$ per point: dollars of 1,000 items for each percentage point of accuracy.",
      ...rows.flatMap((row) => {
        const failed = failuresText(row);
        return failed === "" ? [] : [`${row.title} failed: ${failed}.`, ...failureLines(row)];
      }),
    ],
  };
}

function comparisonTable({ comparisons, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Differences on the same items", isSimulated),
    head: ["row", "minus", "difference", "95 % interval", "n", "p", "p (Holm)", "$ per point gained"],
    rows: comparisons.map((one) => [
      one.row,
      one.reference,
      formatPercentChange(one.difference),
      formatInterval(one.interval),
      String(one.n),
      formatProbability(one.pValue),
      formatProbability(one.adjusted),
      one.dollarsPerPointGained === null ? "–" : formatDollars(one.dollarsPerPointGained),
    ]),
    notes: [
      "p: sign-flip test of the averaged paired differences; Holm: corrected for all lines of this table.",
      "The interval also draws tasks, so it says what to expect of tasks like these; p is about these tasks.",
    ],
  };
}

function shareTable({ summary, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Who does the work: the strong model's share", isSimulated),
    head: ["row", "calls", "tokens", "money", "accuracy", "without the strong model"],
    rows: summary
      .filter(({ mode }) => mode === "cooperative")
      .map(({ row, sides, accuracy, reliance }) => [
        row,
        share(sides.strong.shareOfCalls),
        share(sides.strong.shareOfTokens),
        share(sides.strong.shareOfDollars),
        formatPercent(accuracy),
        reliance ? formatPercent(reliance.accuracyWithout) : "–",
      ]),
    notes: ["The local model costs nothing, so that all money is the strong model's."],
  };
}

function usageTable({ summary, simulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Efficiency, per item", simulated.strong || simulated.weak),
    head: ["row", "model", "calls", "tokens", "seconds", "dollars"],
    rows: summary.flatMap(({ row, sides }) =>
      SIDES.filter((side) => sides[side].calls > 0).map((side) => [
        row,
        side,
        sides[side].calls.toFixed(2),
        String(Math.round(sides[side].tokens)),
        `${(sides[side].latencyMs / 1000).toFixed(1)}${simulated[side] ? " made up" : ""}`,
        formatDollars(sides[side].dollars),
      ]),
    ),
    notes: ["seconds: the replies' times added up."],
  };
}

function arithmeticTable({ summary, isSimulated }: SuiteResult): SuiteTable {
  const lines = summary.flatMap(({ row, arithmetic }) =>
    SIDES.filter((side) => arithmetic[side].replies > 0).map((side) =>
      arithmeticLine(row, side, arithmetic[side]),
    ),
  );
  return {
    title: marked("Reasoning: stated arithmetic that holds", isSimulated),
    head: ["row", "model", "replies", "stating some", "of them all right", "equations", "that hold"],
    rows: lines,
    notes: ["Replies that state no equation are in no share."],
  };
}

function arithmeticLine(row: string, side: Side, figures: ArithmeticFigures): string[] {
  const { replies, stating, sound, equations, holding } = figures;
  return [
    row,
    side,
    String(replies),
    String(stating),
    stating === 0 ? "–" : formatPercent(sound / stating),
    String(equations),
    equations === 0 ? "–" : formatPercent(holding / equations),
  ];
}

function reasoningTable({ reasoning, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked(`Reasoning: worked steps rated by ${reasoning?.judge ?? "a judge"}`, isSimulated),
    head: [
      "row",
      "model",
      "rating",
      "95 % interval",
      "rated",
      "not rated",
      ...RUBRIC.map(({ name }) => name),
    ],
    rows: (reasoning?.figures ?? []).map(({ row, side, rating, interval, rated, unrated, criteria }) => [
      row,
      side,
      rated === 0 ? "–" : formatPercent(rating),
      rated === 0 ? "–" : formatInterval(interval),
      String(rated),
      String(unrated),
      ...Object.values(criteria).map((value) => (rated === 0 ? "–" : formatPercent(value))),
    ]),
    notes: [
      "rating: share of the questions of the rubric that the judge answered with yes; an opinion of a model.",
    ],
  };
}

function taskTable({ rows, suiteTasks, summary, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Accuracy by task", isSimulated),
    head: ["row", ...suiteTasks.map(({ name }) => name)],
    rows: summary.map(({ row }) => [
      row,
      ...suiteTasks.map(({ name }) => {
        const cell = rows.find((one) => one.name === `${name}: ${row}`);
        if (!cell) return "–";
        const { accuracy, n, errors } = cell;
        return `${formatPercent(accuracy)}${errors > 0 ? ` (n ${n}, lost ${errors})` : ""}`;
      }),
    ]),
    notes: [],
  };
}

function groupTable({ groups, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Fairness: groups of items and the largest gap", isSimulated),
    head: ["row", "by", "groups (n)", "largest gap", "difference", "95 % interval", "p"],
    rows: groups.map(({ row, key, groups: values, gap }) => [
      row,
      key,
      values.map(({ value, accuracy, n }) => `${value}: ${formatPercent(accuracy)} (${n})`).join(", "),
      gap ? `${gap.high} over ${gap.low}` : "–",
      gap ? formatPercentChange(gap.difference) : "–",
      gap ? formatInterval(gap.interval) : "–",
      gap ? formatProbability(gap.pValue) : "–",
    ]),
    notes: [
      "p: how often groups drawn at random have a gap this large somewhere. Groups below 5 items end no gap.",
    ],
  };
}

const SWAP_TEXT: Readonly<Record<SwapKind, string>> = {
  control: "other name, same origin and gender",
  names: "name of another origin",
  genders: "name and words of the other gender",
  places: "another place",
};

function counterfactualTable({ counterfactuals, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("Fairness: the same items with words swapped", isSimulated),
    head: ["row", "swapped", "pairs", "answers changed", "95 % interval", "accuracy", "after the swap", "p"],
    rows: counterfactuals.map((one) => [
      one.row,
      SWAP_TEXT[one.swap],
      String(one.pairs),
      formatPercent(one.changed),
      formatInterval(one.interval),
      formatPercent(one.accuracy),
      formatPercent(one.swappedAccuracy),
      formatProbability(one.pValue),
    ]),
    notes: [
      "The first kind shows what a mere change of words does; a bias is what the others change beyond it.",
      "p: sign-flip test of the two accuracies.",
    ],
  };
}

function designTable({ designs, isSimulated }: SuiteResult): SuiteTable {
  return {
    title: marked("What policies designed on validation", isSimulated),
    head: [
      "row",
      "task",
      "best design",
      "on validation",
      "n",
      "lost",
      "candidates",
      "valid",
      "tokens",
      "dollars",
    ],
    rows: designs.map((one) => [
      one.row,
      one.task,
      one.title,
      formatPercent(one.accuracy),
      String(one.n ?? "–"),
      String(one.lost ?? "–"),
      String(one.candidates),
      String(one.valid),
      String(one.tokens),
      formatDollars(one.dollars),
    ]),
    notes: [
      "tokens and dollars: of all candidates' calls on validation, beside what the row costs per item.",
    ],
  };
}

function share(value: number | null): string {
  return value === null ? "–" : formatPercent(value);
}
