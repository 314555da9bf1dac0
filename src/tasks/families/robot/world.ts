/** @file The world of a robot run as plain data: a map, a start, a goal, a battery and the noise of its sensors. */
import { z } from "zod";

/** Column and row; row 0 is the north edge. */
export interface Cell {
  x: number;
  y: number;
}

export const DIRECTIONS = ["north", "east", "south", "west"] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const STEP: Readonly<Record<Direction, Cell>> = {
  north: { x: 0, y: -1 },
  east: { x: 1, y: 0 },
  south: { x: 0, y: 1 },
  west: { x: -1, y: 0 },
};

/** Most cells of one side: a run stays small enough to be stored with each result. */
const MAX_SIDE = 64;

/** World as it stands in `meta.world` of an item (docs/robot.md). */
export const worldSchema = z.strictObject({
  /** Rows from north to south: `#` wall, `.` free, `o` crate, one `S` start, one `G` goal. */
  map: z
    .array(z.string().regex(/^[#.oSG]+$/, "expected a row of # . o S G"))
    .min(1)
    .max(MAX_SIDE)
    .refine(
      (rows) => rows.every((row) => row.length === rows[0]!.length && row.length <= MAX_SIDE),
      `expected rows of one length, at most ${MAX_SIDE}`,
    )
    .refine(
      (rows) => ["S", "G"].every((mark) => rows.join("").split(mark).length === 2),
      "expected one S and one G",
    ),
  /** Charge at the start; a moved cell costs 1. */
  battery: z.int().min(1).max(100_000),
  /** Charge that no command may go below. */
  reserve: z.int().min(0).max(100_000),
  /** Control steps: how often the workflow is called at most. */
  steps: z.int().min(1).max(200),
  /** Probability that one range reading is off, 0–1. */
  noise: z.number().min(0).max(1),
  /** Draws the noise of the sensors. */
  seed: z.int().min(0),
});
export type World = z.infer<typeof worldSchema>;

export function findMark({ map }: Pick<World, "map">, mark: "S" | "G"): Cell {
  const y = map.findIndex((row) => row.includes(mark));
  return { x: map[y]!.indexOf(mark), y };
}

/** Content of a cell; outside of the map there is nothing at all. */
export function at({ map }: Pick<World, "map">, { x, y }: Cell): "wall" | "crate" | "free" | "outside" {
  const mark = map[y]?.[x];
  if (mark === undefined) return "outside";
  return mark === "#" ? "wall" : mark === "o" ? "crate" : "free";
}

export function moved({ x, y }: Cell, direction: Direction, cells = 1): Cell {
  return { x: x + STEP[direction].x * cells, y: y + STEP[direction].y * cells };
}

export function isSame(a: Cell, b: Cell): boolean {
  return a.x === b.x && a.y === b.y;
}

export function cellKey({ x, y }: Cell): string {
  return `${x},${y}`;
}
