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
import { outputWidth, visibleLine } from "./output.js";
import { columnWidths, GAP, stackedRows, type TableTexts, withoutEqualColumns } from "./table-layout.js";
import { columnsOf, wrapWords } from "./wrap-words.js";

/** Between columns only: no lines but the one below the head. */
const OPEN = {
  ...Object.fromEntries(
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"].map(
      (name) => [name, ""],
    ),
  ),
  ...{ left: "", "left-mid": "", right: "", "right-mid": "" },
  ...{ middle: " ".repeat(GAP), "mid-mid": " ".repeat(GAP) },
};

/**
 * A table with a head; cells are shown on one line, in columns that are named in `right` at its right edge.
 * Where it is wider than the screen, columns that are equal in all rows are said above it, its lines go, and cells go on
 * below themselves; where that is not enough, every row becomes a paragraph. Words never break.
 * @param width - columns of the screen. Default: those of the output, unbounded where no screen is known
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  right: readonly string[] = [],
  width: number = outputWidth(),
): string {
  const texts = { head, rows: rows.map((row) => row.map((cell) => visibleLine(String(cell)))) };
  const lined = drawn(texts, right);
  if (columnsOf(lined.split("\n", 1)[0] ?? "") <= width) return lined;
  const { table: narrow, said } = withoutEqualColumns(texts);
  const caption = said === "" ? [] : wrapWords(`in all rows: ${said}`, width);
  const widths = columnWidths(narrow, width);
  if (widths === undefined) return [...caption, stackedRows(narrow, width)].join("\n");
  return [...caption, drawn(narrow, right, widths).replace(/ +$/gm, "")].join("\n");
}

/** @param widths - of an open table, whose cells go on below themselves */
function drawn({ head, rows }: TableTexts, right: readonly string[], widths?: readonly number[]): string {
  const inLines = (cells: readonly string[]) =>
    cells.map((cell, at) => (widths ? wrapWords(cell, widths[at] ?? 0).join("\n") : cell));
  const out = new Table({
    head: inLines(head),
    colAligns: head.map((name): "left" | "right" => (right.includes(name) ? "right" : "left")),
    chars: widths ? OPEN : {},
    style: {
      head: [],
      border: [],
      compact: true,
      ...(widths ? { "padding-left": 0, "padding-right": 0 } : {}),
    },
  });
  for (const row of rows) out.push(inLines(row));
  return out.toString();
}

/** Columns that a value below its name stands in. */
const BELOW = 4;

/**
 * Name and value pairs without a head. Long values go on below themselves; the value of a name that takes more than a
 * third of the screen begins below it, and so does one with a word that does not fit beside its name.
 */
export function pairs(
  rows: readonly (readonly [string, string | number])[],
  width: number = outputWidth(),
): string {
  const longest = Math.max(0, ...rows.map(([name]) => name.length));
  const indent = (longest <= width / 3 ? longest : 2) + 2;
  return rows
    .flatMap(([name, value]) => {
      const text = visibleLine(String(value));
      const isTooLong = text.split(" ").some((word) => columnsOf(word) > width - indent);
      const margin = isTooLong ? BELOW : indent;
      const lines = wrapWords(text, width - margin).map((line) => `${" ".repeat(margin)}${line}`);
      if (indent > longest && !isTooLong)
        return [`${name}${lines[0]?.slice(name.length) ?? ""}`, ...lines.slice(1)];
      return [name, ...lines];
    })
    .join("\n");
}

/**
 * Accuracy with interval, n, lost samples and cost of each workflow, and the first message of each kind of failure;
 * simulated figures carry the word.
 */
export function resultTable(
  rows: readonly ResultRow[],
  { hasExecutor = false, width = outputWidth() } = {},
): string {
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
  return [table(head, lines, [], width), ...messages].join("\n");
}
