/** @file Where a table is too wide for the screen: what it says in a narrower form, and nothing of it left out. */
import { columnsOf, joinedWithin, wrapWords } from "./wrap-words.js";

/** Texts of a table; every row has as many cells as the head. */
export interface TableTexts {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Columns whose widest cell is no wider hold figures or single words: such cells are not broken. */
const WIDEST_FIGURE = 16;
/** Between the columns of a table without lines. */
export const GAP = 2;

/**
 * Columns that say the same in every row, taken out of the table.
 * @returns the table without them, and what they say: "split validation; lost 0"; the first column stays
 */
export function withoutEqualColumns({ head, rows }: TableTexts): { table: TableTexts; said: string } {
  const isEqual = head.map(
    (_, at) => at > 0 && rows.length > 1 && rows.every((row) => row[at] === rows[0]?.[at]),
  );
  const kept = <T>(cells: readonly T[]) => cells.filter((_, at) => !isEqual[at]);
  const said = head.flatMap((name, at) => (isEqual[at] ? [`${name} ${rows[0]?.[at]}`.trim()] : []));
  return { table: { head: kept(head), rows: rows.map(kept) }, said: said.join("; ") };
}

/** Width of each column, without gaps, for a table of at most so many columns; undefined where words would have to break. */
export function columnWidths({ head, rows }: TableTexts, width: number): number[] | undefined {
  const cells = head.map((name, at) => [name, ...rows.map((row) => row[at] ?? "")]);
  const widths = cells.map((column) => Math.max(...column.map(columnsOf)));
  const least = cells.map(([name = "", ...column], at) => {
    const isFigures = Math.max(0, ...column.map(columnsOf)) <= WIDEST_FIGURE;
    const whole = isFigures ? column : column.flatMap((cell) => cell.split(" "));
    return Math.min(widths[at] ?? 0, Math.max(...[...whole, ...name.split(" ")].map(columnsOf)));
  });
  const room = width - GAP * (head.length - 1);
  if (sum(least) > room) return undefined;
  // The widest gives way first, so that as few cells as possible break.
  while (sum(widths) > room) {
    const spare = widths.map((own, at) => (own > (least[at] ?? 0) ? own : -1));
    const widest = spare.indexOf(Math.max(...spare));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** Every row as a paragraph: its first cell, and below it the others with their names. */
export function stackedRows({ head, rows }: TableTexts, width: number): string {
  const paragraphs = rows.map(([name = "", ...cells]) => {
    const named = cells.flatMap((cell, at) => (cell === "" ? [] : [`${head[at + 1]} ${cell}`]));
    const lines = joinedWithin(named, "; ", width - 2).flatMap((line) =>
      wrapWords(line, width - 4).map(deeper),
    );
    return [...wrapWords(name, width), ...lines].join("\n");
  });
  return paragraphs.join("\n");
}

/** The first line of an entry by two blanks, what goes on by four. */
function deeper(line: string, at: number): string {
  return `${at === 0 ? "  " : "    "}${line}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
