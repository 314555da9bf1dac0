/** @file All tables of a report, from the figures: what the page shows and --text prints is the same. */

import {
  formatDollars as dollars,
  failuresOf,
  failuresText,
  formatPercent as percent,
  words,
} from "../core/figure-format.js";
import type { ResultRow } from "../records/result-row.js";
import { confirmationTable } from "./confirmation-table.js";
import { pathTable } from "./design-path.js";
import { differenceCells } from "./difference-cells.js";
import { count, decimal, interval, shortHash } from "./figure-format.js";
import { outcomeTables } from "./outcome-tables.js";
import { paretoTable } from "./pareto-chart.js";
import type { ReportFigures, Stat } from "./report-figures.js";
import { reportPareto } from "./report-pareto.js";
import type { Cell, ReportTable, RichCell } from "./report-table.js";
import { roundTables } from "./round-tables.js";
import type { RunReport } from "./run-report.js";

/** Sections in the order of the page. */
export type SectionId = "results" | "path" | "progress" | "rounds" | "outcomes" | "cost" | "lineage";

export type ReportTables = Record<SectionId, ReportTable[]>;

export function reportTables(report: RunReport, figures: ReportFigures): ReportTables {
  const filled = (tables: readonly (ReportTable | null)[]) =>
    tables.filter((table): table is ReportTable => table !== null && table.rows.length > 0);
  return {
    results: filled([
      resultTable(report),
      comparisonTable(report),
      differenceTable(report),
      confirmationTable(report),
    ]),
    path: filled([pathTable(report)]),
    progress: filled([judgedTable(figures), seriesTable(figures)]),
    rounds: filled(roundTables(report)),
    outcomes: filled([...outcomeTables(figures), failureTable(report)]),
    cost: filled([
      ...reportPareto(report).map((view) => paretoTable(view, report.isSimulated)),
      ledgerTable(report),
      breakEvenTable(report),
    ]),
    lineage: filled([lineageTable(report)]),
  };
}

/** @param isSaid - the head of the column says what is simulated */
export function accuracyCell(
  row: Pick<ResultRow, "accuracy" | "interval" | "isSimulated">,
  isSaid = false,
): RichCell {
  return {
    text: `${percent(row.accuracy)}${row.isSimulated && !isSaid ? " simulated" : ""}`,
    bar: { value: row.accuracy, ...row.interval },
  };
}

function resultTable({ rows }: RunReport): ReportTable {
  const executors = new Set(rows.map((row) => row.executor));
  const hasFailures = rows.some((row) => failuresText(row) !== "");
  const hasPrograms = rows.some((row) => row.byCode !== undefined);
  const areSimulated = rows.every((row) => row.isSimulated);
  return {
    id: "results-table",
    title: "Workflows and baselines",
    note: "Accuracy is the mean score; intervals are 95 % bootstrap intervals over samples. What was chosen on validation looks better there than it is: the test split tells.",
    head: [
      "workflow",
      ...(executors.size > 1 ? ["executor"] : []),
      "split",
      areSimulated ? "accuracy, simulated" : "accuracy",
      "95 % interval",
      "n",
      "lost",
      "calls a sample",
      "tokens a sample",
      "dollars a sample",
      ...(hasPrograms ? ["by code"] : []),
      ...(hasFailures ? ["failed"] : []),
    ],
    rows: rows.map((row) => [
      row.title,
      ...(executors.size > 1 ? [row.executor] : []),
      row.split,
      accuracyCell(row, areSimulated),
      interval(row.interval),
      count(row.n),
      count(row.errors),
      decimal(row.callsPerSample, 1),
      count(row.tokensPerSample),
      dollars(row.dollarsPerSample),
      ...(hasPrograms ? [row.byCode === undefined ? "–" : percent(row.byCode)] : []),
      ...(hasFailures ? [failuresText(row)] : []),
    ]),
  };
}

function comparisonTable({ comparisons }: RunReport): ReportTable {
  return {
    id: "comparison-table",
    title: "Best workflow against the best baseline",
    note: "Both chosen on validation, where the lead is therefore too large; in points, on samples that both have, with paired 95 % bootstrap intervals and the sign-flip test.",
    head: ["minus", "split", "difference", "95 % interval", "p", "pairs"],
    rows: comparisons.map(({ against, split, ...one }) => [against, split, ...differenceCells(one)]),
  };
}

function differenceTable({ differences }: RunReport): ReportTable {
  return {
    id: "differences-table",
    title: "Differences on the same samples",
    note: "Each workflow minus the first one of the list above, in points, with paired 95 % bootstrap intervals.",
    head: ["workflow", "executor", "difference", "95 % interval", "p", "pairs"],
    rows: differences.map(({ name, executor, ...one }) => [name, executor, ...differenceCells(one)]),
  };
}

function failureTable({ rows }: RunReport): ReportTable {
  return {
    id: "failure-table",
    title: "Runs on samples that gave no answer",
    note: "A failure of the workflow scores 0. A lost sample is the executor's fault and is in no score.",
    head: ["workflow", "split", "failure", "runs", "first message"],
    rows: rows.flatMap((row) =>
      failuresOf(row).map(({ what, fault, count: number, message }) => [
        row.title,
        row.split,
        `${words(what)}${fault ? ` (${words(fault)})` : ""}`,
        count(number),
        message ?? "not recorded",
      ]),
    ),
  };
}

function statCell(stat: Stat | null): string {
  if (stat === null) return "none scored";
  const { mean, interval } = stat;
  return interval === null
    ? decimal(mean)
    : `${decimal(mean)} [${decimal(interval.low)}, ${decimal(interval.high)}]`;
}

function seriesTable({ series, seriesOver }: ReportFigures): ReportTable {
  return {
    id: "series-table",
    title: `By ${seriesOver}`,
    note: "Means over all candidates, with 95 % bootstrap intervals that draw episodes first. Accuracy counts only candidates that were scored on the whole validation set; best so far is the mean over episodes, the workflows they started from included.",
    head: [seriesOver, "candidates", "mean reward", "mean accuracy", "best so far", "valid", "distinct"],
    rows: series.map((point) => [
      point.at,
      count(point.candidates),
      statCell(point.reward),
      statCell(point.accuracy),
      statCell(point.best),
      percent(point.validShare),
      percent(point.distinctShare),
    ]),
  };
}

function judgedTable({ judged }: ReportFigures): ReportTable {
  return {
    id: "judged-table",
    title: "Judged designs",
    note: "Means over judged episodes, with 95 % bootstrap intervals over tasks and episodes; round 0 is the base. Whether two rounds differ is told by the paired differences under Rounds, not by these intervals.",
    head: ["round", "mean accuracy of its candidates", "best of an episode", "episodes"],
    rows: judged.map(({ round, reward, best }) => [round, statCell(reward), statCell(best), reward.n]),
  };
}

function ledgerTable({ ledger }: RunReport): ReportTable {
  const hasEstimates = ledger.some((row) => row.estimatedCalls > 0);
  return {
    id: "ledger-table",
    title: "Calls",
    note: "Stored replies are not paid again. The local model costs no money.",
    head: [
      "role",
      "model",
      "paid calls",
      "stored replies used",
      "prompt tokens",
      "reply tokens",
      "dollars",
      ...(hasEstimates ? ["calls with estimated tokens"] : []),
    ],
    rows: ledger.map((row) => [
      row.role,
      row.model,
      count(row.calls),
      count(row.cachedCalls),
      count(row.promptTokens),
      count(row.completionTokens),
      row.role === "weak" ? "local" : dollars(row.dollars),
      ...(hasEstimates ? [count(row.estimatedCalls)] : []),
    ]),
  };
}

function breakEvenTable({ breakEven }: RunReport): ReportTable {
  return {
    id: "break-even-table",
    title: "Break-even",
    note: "Samples after which the search has paid for itself: what it cost, divided by what the best workflow saves a sample against the baseline (money where a price is known, else tokens). Nothing is saved where the best baseline is more accurate.",
    head: ["against", "pays off after"],
    rows: Object.entries(breakEven).map(([name, samples]) => [
      name,
      samples === null ? "never: it is no better, or costs no less" : `${count(samples)} samples`,
    ]),
  };
}

function lineageTable(report: RunReport): ReportTable {
  const rows: Cell[][] = [];
  const add = (name: string, value: unknown) => {
    if (value !== undefined && value !== null && value !== "") rows.push([name, String(value)]);
  };
  const [source] = report.sources;
  add("weak model", report.policy);
  add("weak model, hash of the file", source?.policy.modelHash ?? report.identity.modelHash);
  add("tokenizer hash", source?.policy.tokenizerHash);
  add("chat template hash", source?.policy.templateHash);
  add("adapter the run started with", source ? (source.policy.adapterHash ?? "none") : undefined);
  add("ran on", report.device);
  add("executor", `${report.executor}${report.isSimulated ? " (simulated)" : ""}`);
  for (const { task, hash } of tasksOf(report)) add(`task ${task}, hash`, hash);
  add("seed", report.config.seed);
  if (report.best) add("best workflow, hash", report.best.hash);
  for (const { record } of report.rounds) {
    if (!record) continue;
    const parent = record.parentHash === null ? "the base" : `adapter ${shortHash(record.parentHash)}`;
    add(
      `adapter of round ${record.round}`,
      `${shortHash(record.adapterHash)}, trained on from ${parent}, ${record.isAccepted ? "accepted" : "refused"}: ${record.adapter}`,
    );
  }
  return { id: "lineage-table", title: "Where it comes from", head: ["what", "value"], rows };
}

function tasksOf({ sources }: RunReport): { task: string; hash: string }[] {
  const tasks = new Map(
    sources.map(({ task, taskHash }) => [`${task} ${taskHash}`, { task, hash: taskHash }]),
  );
  return [...tasks.values()];
}
