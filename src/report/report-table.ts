/** @file A table of a report, the same for the page, the terminal and tests. */

/** A mean and its interval on a scale of 0 to 1, drawn beside the text on the page. */
export interface CellBar {
  value: number;
  low?: number | undefined;
  high?: number | undefined;
}

export interface RichCell {
  text: string;
  bar?: CellBar | undefined;
  /** Id of a candidate that the cell leads to. */
  candidate?: string | undefined;
  /** Says the same as the text, by colour. */
  tone?: "good" | "bad" | undefined;
}

export type Cell = string | number | RichCell;

export interface ReportTable {
  /** Unique in a report; letters and dashes. */
  id: string;
  title: string;
  /** Note that a reader needs for the numbers. */
  note?: string | undefined;
  head: string[];
  /** The first cell of a row names it. */
  rows: Cell[][];
}

export function cellText(cell: Cell): string {
  return typeof cell === "object" ? cell.text : String(cell);
}
