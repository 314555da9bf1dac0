/** @file Plain tables on stdout, without colour, so that they paste and diff well. */
import Table from "cli-table3";
import type { ResultRow } from "../../commands.js";
import {
  failureLines,
  failuresText,
  formatDollars,
  formatInterval,
  formatPercent,
} from "../../core/figure-format.js";
import { visibleLine } from "./output.js";

/** A table with a head; cells are shown on one line, in columns that are named in `right` at its right edge. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  right: readonly string[] = [],
): string {
  const colAligns = head.map((name): "left" | "right" => (right.includes(name) ? "right" : "left"));
  const out = new Table({ head: [...head], colAligns, style: { head: [], border: [], compact: true } });
  for (const row of rows) out.push(row.map((cell) => visibleLine(String(cell))));
  return out.toString();
}

/** Name and value pairs without a head. */
export function pairs(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${visibleLine(String(value))}`).join("\n");
}

/**
 * Accuracy with interval, n, lost samples and cost of each workflow, and the first message of each kind of failure;
 * simulated figures carry the word.
 */
export function resultTable(rows: readonly ResultRow[], { hasExecutor = false } = {}): string {
  const hasFailures = rows.some((row) => failuresText(row) !== "");
  const head = ["workflow", "split", "accuracy", "95 % interval", "n", "lost", "calls", "tokens", "dollars"];
  if (hasExecutor) head.splice(1, 0, "executor");
  const hasPrograms = rows.some((row) => row.byCode !== undefined);
  if (hasPrograms) head.push("by code");
  if (hasFailures) head.push("failed");
  const lines = rows.map((row) => {
    const cells = [
      row.title,
      row.split,
      `${formatPercent(row.accuracy)}${row.isSimulated ? " simulated" : ""}`,
      formatInterval(row.interval),
      row.n,
      row.errors,
      row.callsPerSample.toFixed(1),
      Math.round(row.tokensPerSample),
      formatDollars(row.dollarsPerSample),
    ];
    if (hasExecutor) cells.splice(1, 0, row.executor);
    if (hasPrograms) cells.push(row.byCode === undefined ? "–" : formatPercent(row.byCode));
    if (hasFailures) cells.push(failuresText(row));
    return cells;
  });
  const messages = rows.flatMap((row) =>
    failureLines({ ...row, split: hasExecutor ? `${row.split} with ${row.executor}` : row.split }).map(
      (line) => visibleLine(line),
    ),
  );
  return [table(head, lines), ...messages].join("\n");
}
