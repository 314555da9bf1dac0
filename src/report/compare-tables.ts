/** @file Two runs beside each other, with what makes them comparable and what does not. */
import { cut, formatDollars as dollars, formatPercent as percent } from "../core/figure-format.js";
import type { ResultRow } from "../records/result-row.js";
import { count, decimal, points } from "./figure-format.js";
import type { ReportFigures } from "./report-figures.js";
import type { Cell, ReportTable } from "./report-table.js";
import { accuracyCell, tone } from "./report-tables.js";
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

export function compareTables(one: ComparedRun, other: ComparedRun): ReportTable[] {
  const tables = [
    rowsTable(one.report, other.report),
    candidatesTable(one, other),
    settingsTable(one.report, other.report),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** Reasons against comparing two runs, one sentence each. */
export function compareWarnings({ report: one }: ComparedRun, { report: other }: ComparedRun): string[] {
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

function rowsTable(one: RunReport, other: RunReport): ReportTable {
  const key = (row: ResultRow) => `${row.split} ${row.name === "best" ? "best" : row.title}`;
  const others = new Map(other.rows.map((row) => [key(row), row]));
  return {
    id: "compare-rows",
    title: "Accuracy",
    note: `${one.name} against ${other.name}. Differences in points; their 95 % intervals are put together from those of the two means (Newcombe's square-and-add), as if the runs had drawn different samples, so they are wider than paired ones.`,
    head: ["workflow", "split", one.name, other.name, "difference", "95 % interval"],
    rows: one.rows.flatMap((row): Cell[][] => {
      const twin = others.get(key(row));
      if (!twin) return [];
      const difference = row.accuracy - twin.accuracy;
      const low =
        difference - Math.hypot(row.accuracy - row.interval.low, twin.interval.high - twin.accuracy);
      const high =
        difference + Math.hypot(row.interval.high - row.accuracy, twin.accuracy - twin.interval.low);
      return [
        [
          row.name === "best" ? "best workflow" : row.title,
          row.split,
          accuracyCell(row),
          accuracyCell(twin),
          { text: points(difference), ...tone(low, high) },
          `${points(low)} to ${points(high)}`,
        ],
      ];
    }),
  };
}

function candidatesTable(one: ComparedRun, other: ComparedRun): ReportTable {
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
    head: ["figure", one.report.name, other.report.name],
    rows: lines.map(([name, value]) => [name, value(one), value(other)]),
  };
}

function share(part: number, whole: number): string {
  return whole === 0 ? "none" : percent(part / whole);
}

function settingsTable(one: RunReport, other: RunReport): ReportTable {
  const keys = new Set([...Object.keys(one.config), ...Object.keys(other.config)]);
  const told = (value: unknown) => (value === undefined ? "not set" : cut(JSON.stringify(value), 200));
  return {
    id: "compare-settings",
    title: "Settings that differ",
    head: ["setting", one.name, other.name],
    rows: [...keys]
      .filter((name) => !UNTOLD.has(name) && told(one.config[name]) !== told(other.config[name]))
      .sort()
      .map((name) => [name, told(one.config[name]), told(other.config[name])]),
  };
}
