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

/** What is asked of a table: the place or number, the way to it, and what one gets who reads another row or column. */
interface Asked {
  question: string;
  answer: string;
  steps: string[];
  slips: (string | number)[];
}

interface Table {
  columns: string[];
  rows: Row[];
}

/** A column of the table; the one beside it is what one may read instead. */
interface Column extends Table {
  name: string;
  column: number;
  other: number;
}

function inZone(rows: readonly Row[], zone: string | undefined): Row[] {
  return rows.filter((row) => zone === undefined || row.zone === zone);
}

function sorted(rows: readonly Row[], column: number): Row[] {
  return [...rows].sort((a, b) => a.values[column]! - b.values[column]!);
}

function askCell({ rows, name, column, other }: Column, at: number): Asked {
  const { place, values } = rows[at]!;
  const [near, before] = [rows[(at + 1) % rows.length]!, rows[(at + rows.length - 1) % rows.length]!];
  return {
    question: `How many ${name} does ${place} have?`,
    answer: String(values[column]),
    steps: [`row ${place}, column ${name} = ${values[column]}`],
    slips: [values[other]!, near.values[column]!, before.values[column]!],
  };
}

function askEnd(
  { rows, name, column, other }: Column,
  end: "largest" | "smallest",
  zone: string | undefined,
): Asked {
  const among = zone === undefined ? "of all places" : `of the places in the ${zone} zone`;
  const order = sorted(inZone(rows, zone), column);
  const [last, near, far] = end === "largest" ? [-1, -2, 0] : [0, 1, -1];
  const { place: answer } = order.at(last)!;
  const wrong = [sorted(rows, column).at(last), order.at(near), sorted(rows, other).at(last), order.at(far)];
  return {
    question: `Which place has the ${end === "largest" ? "most" : "fewest"} ${name} ${among}?`,
    answer,
    steps: [
      `${name}: ${order.map(({ place, values }) => `${place} ${values[column]}`).join(", ")}`,
      `${end} = ${answer}`,
    ],
    slips: wrong.flatMap((row) => (row ? [row.place] : [])),
  };
}

function askSum({ rows, name, column }: Column, zone: string): Asked {
  const sumOf = (list: readonly Row[]) => list.reduce((sum, row) => sum + row.values[column]!, 0);
  const inside = inZone(rows, zone);
  const values = inside.map((row) => row.values[column]!);
  const total = sumOf(inside);
  return {
    question: `How many ${name} do the places in the ${zone} zone have together?`,
    answer: String(total),
    steps: [`${zone} rows: ${values.join(" + ")} = ${total}`],
    slips: [sumOf(rows), total - values.at(-1)!, total + 10, total - 10],
  };
}

function askDifference({ rows, name, column, other }: Column, first: number, second: number): Asked {
  const [one, two] = [rows[first]!, rows[second]!];
  const [a, b] = [one.values[column]!, two.values[column]!];
  const value = Math.abs(a - b);
  const off = Math.abs(one.values[other]! - two.values[other]!);
  return {
    question: `By how much do the numbers of ${name} of ${one.place} and ${two.place} differ?`,
    answer: String(value),
    steps: [`${Math.max(a, b)} - ${Math.min(a, b)} = ${value}`],
    slips: [off, a + b, value + 10, Math.abs(value - 10)],
  };
}

export const tableLookup: FamilyDefinition<Table & { ask: Asked }> = {
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
    const end = () => random.pick(["largest", "smallest"] as const);
    const other = (column + 1) % columns.length;
    const asked: Column = { columns, rows, name: columns[column]!, column, other };
    const easy = [
      askCell(asked, first),
      askEnd(asked, end(), undefined),
      askDifference(asked, first, second),
    ];
    const hard = [askEnd(asked, end(), zone), askSum(asked, zone), askDifference(asked, first, second)];
    return { columns, rows, ask: random.pick(random.chance(difficulty) ? hard : easy) };
  },

  solve: ({ ask: { answer, steps } }) => ({ answer, steps }),
  slips: ({ ask }) => ask.slips.map(String),

  render({ columns, rows, ask }) {
    const lines = [
      ["place", "zone", ...columns],
      ...rows.map((row) => [row.place, row.zone, ...row.values.map(String)]),
    ];
    return { context: lines.map((cells) => cells.join(" | ")).join("\n"), question: ask.question };
  },
};
