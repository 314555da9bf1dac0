/** @file Family: a table as the passage, and questions that need one cell, a filter, or a sum over it. */
import { type FamilyDefinition, scaled, scaledSize } from "./family.js";

const PLACES = "Arlen Bost Corvale Dunmar Elgin Farrow Garth Holm Ivybridge Jarrow Kelso Linton".split(" ");
const COLUMNS = ["visitors", "boats", "shops", "trees", "bridges"] as const;
const COLOURS = ["red", "blue", "green"] as const;

interface Row {
  place: string;
  zone: string;
  /** Values in the order of the table's columns. */
  values: number[];
}

interface TableProblem {
  columns: string[];
  rows: Row[];
  ask:
    | { type: "cell"; row: number; column: number }
    | { type: "largest" | "smallest"; column: number; zone: string | undefined }
    | { type: "sum"; column: number; zone: string }
    | { type: "difference"; column: number; rows: [number, number] };
}

function inZone({ rows }: TableProblem, zone: string | undefined): Row[] {
  return rows.filter((row) => zone === undefined || row.zone === zone);
}

function sorted(rows: readonly Row[], column: number): Row[] {
  return [...rows].sort((a, b) => a.values[column]! - b.values[column]!);
}

export const tableLookup: FamilyDefinition<TableProblem> = {
  name: "table-lookup",
  title: "Table look-up (generated)",
  kind: "qa",
  metric: "f1",
  description:
    "A small table and a question about it. The answer is a place name or a number from the table.",
  version: 1,

  make(random, difficulty) {
    const columns = random.shuffle(COLUMNS).slice(0, scaled(difficulty, 2, 4));
    const zones = random.shuffle(COLOURS).slice(0, 2);
    const high = scaledSize(difficulty, 40, 900);
    const rows = random
      .shuffle(PLACES)
      .slice(0, scaled(difficulty, 4, 7))
      .map((place, index) => ({
        place,
        zone: zones[index < 4 ? index % 2 : random.integer(0, 1)]!,
        values: [] as number[],
      }));
    for (let column = 0; column < columns.length; column++) {
      // Different values in a column, so that "largest" has one answer.
      const used = new Set<number>();
      while (used.size < rows.length) used.add(random.integer(2, high));
      for (const [index, value] of random.shuffle([...used]).entries()) rows[index]!.values.push(value);
    }
    const column = random.integer(0, columns.length - 1);
    const [first, second] = random.shuffle(rows.map((_, index) => index)) as [number, number];
    const zone = random.pick(zones);
    const easy: TableProblem["ask"][] = [
      { type: "cell", row: first, column },
      { type: random.pick(["largest", "smallest"] as const), column, zone: undefined },
      { type: "difference", column, rows: [first, second] },
    ];
    const hard: TableProblem["ask"][] = [
      { type: random.pick(["largest", "smallest"] as const), column, zone },
      { type: "sum", column, zone },
      { type: "difference", column, rows: [first, second] },
    ];
    return { columns, rows, ask: random.pick(random.chance(difficulty) ? hard : easy) };
  },

  solve(problem) {
    const { rows, ask, columns } = problem;
    const name = columns[ask.column]!;
    switch (ask.type) {
      case "cell": {
        const row = rows[ask.row]!;
        return {
          answer: String(row.values[ask.column]),
          steps: [`row ${row.place}, column ${name} = ${row.values[ask.column]}`],
        };
      }
      case "largest":
      case "smallest": {
        const order = sorted(inZone(problem, ask.zone), ask.column);
        const row = (ask.type === "largest" ? order.at(-1) : order[0])!;
        return {
          answer: row.place,
          steps: [
            `${name}: ${order.map(({ place, values }) => `${place} ${values[ask.column]}`).join(", ")}`,
            `${ask.type} = ${row.place}`,
          ],
        };
      }
      case "sum": {
        const values = inZone(problem, ask.zone).map((row) => row.values[ask.column]!);
        const total = values.reduce((sum, value) => sum + value, 0);
        return { answer: String(total), steps: [`${ask.zone} rows: ${values.join(" + ")} = ${total}`] };
      }
      case "difference": {
        const [a, b] = ask.rows.map((index) => rows[index]!.values[ask.column]!) as [number, number];
        return {
          answer: String(Math.abs(a - b)),
          steps: [`${Math.max(a, b)} - ${Math.min(a, b)} = ${Math.abs(a - b)}`],
        };
      }
    }
  },

  slips(problem) {
    const { rows, ask, columns } = problem;
    const other = (ask.column + 1) % columns.length;
    switch (ask.type) {
      case "cell": {
        // The neighbour's row or column.
        const near = rows[(ask.row + 1) % rows.length]!;
        const before = rows[(ask.row + rows.length - 1) % rows.length]!;
        return [rows[ask.row]!.values[other]!, near.values[ask.column]!, before.values[ask.column]!].map(
          String,
        );
      }
      case "largest":
      case "smallest": {
        const all = sorted(rows, ask.column);
        const order = sorted(inZone(problem, ask.zone), ask.column);
        const [end, near, far] = ask.type === "largest" ? [-1, -2, 0] : [0, 1, -1];
        return [all.at(end), order.at(near), sorted(rows, other).at(end), order.at(far)].flatMap((row) =>
          row ? [row.place] : [],
        );
      }
      case "sum": {
        const values = inZone(problem, ask.zone).map((row) => row.values[ask.column]!);
        const total = values.reduce((sum, value) => sum + value, 0);
        const all = rows.reduce((sum, row) => sum + row.values[ask.column]!, 0);
        return [all, total - values.at(-1)!, total + 10, total - 10].map(String);
      }
      case "difference": {
        const [a, b] = ask.rows.map((index) => rows[index]!) as [Row, Row];
        const off = Math.abs(a.values[other]! - b.values[other]!);
        const value = Math.abs(a.values[ask.column]! - b.values[ask.column]!);
        return [off, a.values[ask.column]! + b.values[ask.column]!, value + 10, Math.abs(value - 10)].map(
          String,
        );
      }
    }
  },

  render({ columns, rows, ask }) {
    const head = ["place", "zone", ...columns];
    const lines = [head, ...rows.map((row) => [row.place, row.zone, ...row.values.map(String)])];
    const context = lines.map((cells) => cells.join(" | ")).join("\n");
    const name = columns[ask.column]!;
    switch (ask.type) {
      case "cell":
        return { context, question: `How many ${name} does ${rows[ask.row]!.place} have?` };
      case "largest":
      case "smallest": {
        const among = ask.zone === undefined ? "of all places" : `of the places in the ${ask.zone} zone`;
        return {
          context,
          question: `Which place has the ${ask.type === "largest" ? "most" : "fewest"} ${name} ${among}?`,
        };
      }
      case "sum":
        return { context, question: `How many ${name} do the places in the ${ask.zone} zone have together?` };
      case "difference": {
        const [a, b] = ask.rows.map((index) => rows[index]!.place);
        return { context, question: `By how much do the numbers of ${name} of ${a} and ${b} differ?` };
      }
    }
  },
};
