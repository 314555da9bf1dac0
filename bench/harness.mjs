/** @file Shared by the benchmarks: medians with spread, a table, the machine's description, a JSON file. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";

/**
 * @typedef {{ name: string, value: number, unit: string, low?: number, high?: number, n?: number,
 *   limit?: string, isOk?: boolean, note?: string }} Row  One line of a table; low and high are quartiles.
 */

/** Median and quartiles of measured values. @param {number[]} values */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { value: at(0.5), low: at(0.25), high: at(0.75), n: sorted.length };
}

/** What the figures were taken on. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
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

/** Prints a table and, with `--json FILE`, merges the rows into that file under `name`. @param {string} name @param {Row[]} rows */
export function report(name, rows) {
  const table = new Table({
    head: [name, "median", "unit", "quartiles", "n", "limit", ""],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    const quartiles = row.low === undefined ? "" : `${figure(row.low)} – ${figure(row.high)}`;
    const verdict = row.limit === undefined ? "" : row.isOk ? "ok" : "MISSED";
    table.push([row.name, figure(row.value), row.unit, quartiles, row.n ?? "", row.limit ?? "", verdict]);
  }
  process.stdout.write(`${table.toString()}\n`);
  for (const row of rows) if (row.note) process.stdout.write(`  ${row.name}: ${row.note}\n`);
  const { values } = parseArgs({ options: { json: { type: "string" } }, strict: false });
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

/** @param {number} value */
function figure(value) {
  return value === 0 ? "0" : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
