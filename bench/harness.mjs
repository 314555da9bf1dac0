/** @file Shared by the benchmarks: mean and spread, a table, the machine's description, a JSON file. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { table } from "../dist/cli/print/tables.js";
import { formatMeasured as figure } from "../dist/core/figure-format.js";

/**
 * @typedef {import("../dist/cli/bench-file.js").BenchRow} Row  One line of a table. `value` is the median where there are
 *   repetitions: limits are held against it, since single runs on a shared machine can be far off. `sd` is the standard
 *   deviation of a single run; low and high are quartiles.
 */

/** Median, mean, standard deviation and quartiles of measured values. @param {number[]} values */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  const n = sorted.length;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / n;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const middle = (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
  return {
    value: middle,
    mean,
    sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0,
    low: at(0.25),
    high: at(0.75),
    n,
  };
}

/** What the figures were taken on. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}/${process.arch}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Milliseconds that an async function takes. @param {() => Promise<unknown>} work */
export async function timeMs(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Prints a table and, with `--json FILE`, merges the rows into that file under its name; `--table NAME-MORE` renames it, where
 * one script makes several tables with other arguments.
 * @param {string} ownName @param {Row[]} rows
 */
export function report(ownName, rows) {
  const { values } = parseArgs({
    options: { json: { type: "string" }, table: { type: "string" } },
    strict: false,
  });
  const name =
    typeof values.table === "string" && values.table.startsWith(`${ownName}-`) ? values.table : ownName;
  const cells = rows.map((row) => {
    const verdict = row.limit === undefined ? "" : row.isOk ? "ok" : "MISSED";
    const repeated = row.mean !== undefined && (row.n ?? 0) > 1;
    const mean = repeated ? `${figure(row.mean)} ± ${figure(row.sd ?? 0)}` : "";
    return [row.name, mean, figure(row.value), row.unit, row.n ?? "", row.limit ?? "", verdict];
  });
  const head = [name, "mean ± sd", "median", "unit", "n", "limit", ""];
  process.stdout.write(`${table(head, cells, ["mean ± sd", "median", "n"])}\n`);
  for (const row of rows) if (row.note) process.stdout.write(`  ${row.name}: ${row.note}\n`);
  if (typeof values.json !== "string") return;
  mkdirSync(dirname(values.json), { recursive: true });
  let all = { machine: machine(), tables: {} };
  try {
    all = JSON.parse(readFileSync(values.json, "utf8"));
  } catch {
    // The first table of a run creates the file.
  }
  all.machine = machine();
  all.tables[name] = rows;
  writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
}
