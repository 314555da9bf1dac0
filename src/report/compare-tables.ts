/** @file Runs beside each other, with what makes them comparable and what does not. */
import { cut, formatDollars as dollars, formatPercent as percent } from "../core/figure-format.js";
import type { ResultRow } from "../records/result-row.js";
import { count, decimal, points, tone } from "./figure-format.js";
import type { ReportFigures } from "./report-figures.js";
import type { Cell, ReportTable } from "./report-table.js";
import { accuracyCell } from "./report-tables.js";
import type { RunReport } from "./run-report.js";

export interface ComparedRun {
  report: RunReport;
  figures: ReportFigures;
}

/** Settings that name places or speed and decide nothing. */
const UNTOLD = new Set([
  "run",
  "runsRoot",
  "cache",
  "concurrency",
  "threads",
  "fresh",
  "forceUnlock",
  "dryRun",
]);

export function compareTables(one: ComparedRun, others: readonly ComparedRun[]): ReportTable[] {
  const runs = [one, ...others];
  const tables = [rowsTable(runs), candidatesTable(runs), settingsTable(runs)];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** Reasons against comparing a run with others, one sentence each; with several it begins with the name of the other run. */
export function compareWarnings(one: ComparedRun, others: readonly ComparedRun[]): string[] {
  return others.flatMap((other) =>
    warningsOf(one.report, other.report).map((text) =>
      others.length > 1 ? `${other.report.name}: ${text}` : text,
    ),
  );
}

function warningsOf(one: RunReport, other: RunReport): string[] {
  const warnings: string[] = [];
  if (one.task !== other.task)
    warnings.push(`The runs are on different tasks: ${one.task} and ${other.task}.`);
  else if (taskHashes(one) !== taskHashes(other))
    warnings.push("The task has the same name in both runs, but other data.");
  if (one.isSimulated !== other.isSimulated)
    warnings.push("One executor is simulated and the other is not: their figures cannot be compared.");
  else if (one.executor !== other.executor)
    warnings.push(`The executors differ: ${one.executor} and ${other.executor}.`);
  for (const key of ["seed", "validationLimit", "testLimit"]) {
    if (JSON.stringify(one.config[key]) !== JSON.stringify(other.config[key]))
      warnings.push(`${key} differs, so the samples differ.`);
  }
  return warnings;
}

function taskHashes({ identity, sources }: RunReport): string {
  return JSON.stringify([
    identity.taskHash ?? identity.taskHashes ?? [...new Set(sources.map((source) => source.taskHash))],
  ]);
}

function rowsTable(runs: readonly ComparedRun[]): ReportTable {
  const [first, ...rest] = runs.map(({ report }) => report);
  const key = (row: ResultRow) => `${row.split} ${row.name === "best" ? "best" : row.title}`;
  const twins = rest.map(({ rows }) => new Map(rows.map((row) => [key(row), row])));
  const [own = "", ...names] = namesOf(runs);
  return {
    id: "compare-rows",
    title: "Accuracy",
    note: `${own} against ${names.join(", ")}. Differences in points; their 95 % intervals are put together from those of the two means (Newcombe's square-and-add), as if the runs had drawn different samples, so they are wider than paired ones.`,
    head: ["workflow", "split", own, ...names.flatMap((name) => [name, "difference", "95 % interval"])],
    rows: (first?.rows ?? [])
      .filter((row) => twins.some((known) => known.has(key(row))))
      .map((row) => [
        row.name === "best" ? "best workflow" : row.title,
        row.split,
        accuracyCell(row),
        ...twins.flatMap((known) => twinCells(row, known.get(key(row)))),
      ]),
  };
}

/** A row of another run, and by how much the first run's is above it. */
function twinCells(row: ResultRow, twin: ResultRow | undefined): Cell[] {
  if (twin === undefined) return ["none", "–", "–"];
  const difference = row.accuracy - twin.accuracy;
  const low = difference - Math.hypot(row.accuracy - row.interval.low, twin.interval.high - twin.accuracy);
  const high = difference + Math.hypot(row.interval.high - row.accuracy, twin.accuracy - twin.interval.low);
  return [
    accuracyCell(twin),
    { text: points(difference), ...tone(low, high) },
    `${points(low)} to ${points(high)}`,
  ];
}

/** Names of the runs; equal ones are numbered. */
function namesOf(runs: readonly ComparedRun[]): string[] {
  return runs.map(({ report: { name } }, index) => {
    const before = runs.slice(0, index).filter(({ report }) => report.name === name).length;
    return before === 0 ? name : `${name} (${before + 1})`;
  });
}

function candidatesTable(runs: readonly ComparedRun[]): ReportTable {
  const lines: [string, (run: ComparedRun) => string][] = [
    ["command", ({ report }) => report.command],
    ["weak model", ({ report }) => report.policy ?? "none"],
    ["adapter", ({ report }) => report.sources[0]?.policy.adapterHash?.slice(0, 12) ?? "none"],
    ["candidates", ({ figures }) => count(figures.candidates.count)],
    ["valid", ({ figures: { candidates } }) => share(candidates.valid, candidates.count)],
    ["distinct", ({ figures: { candidates } }) => share(candidates.distinct, candidates.count)],
    [
      "mean reward",
      ({ figures: { candidates } }) => (candidates.count ? decimal(candidates.meanReward) : "none"),
    ],
    ["paid calls", ({ report }) => (report.spent ? count(report.spent.calls) : "unknown")],
    ["tokens", ({ report }) => (report.spent ? count(report.spent.tokens) : "unknown")],
    ["dollars", ({ report }) => dollars(report.spent?.dollars ?? null)],
  ];
  return {
    id: "compare-candidates",
    title: "Search",
    head: ["figure", ...namesOf(runs)],
    rows: lines.map(([name, value]) => [name, ...runs.map(value)]),
  };
}

function share(part: number, whole: number): string {
  return whole === 0 ? "none" : percent(part / whole);
}

function settingsTable(runs: readonly ComparedRun[]): ReportTable {
  const configs = runs.map(({ report }) => report.config);
  const keys = new Set(configs.flatMap(Object.keys));
  const told = (value: unknown) => (value === undefined ? "not set" : cut(JSON.stringify(value), 200));
  return {
    id: "compare-settings",
    title: "Settings that differ",
    head: ["setting", ...namesOf(runs)],
    rows: [...keys]
      .filter((name) => !UNTOLD.has(name) && new Set(configs.map((config) => told(config[name]))).size > 1)
      .sort()
      .map((name) => [name, ...configs.map((config) => told(config[name]))]),
  };
}
