/** @file Draws worlds: rooms in a grid, a door between neighbours, crates that leave a way, a battery that suffices. */
import type { Random } from "../../../core/random.js";
import { scaled } from "../family.js";
import { nextLeg } from "./next-leg.js";
import { RobotRun } from "./robot-run.js";
import { pathLength, shortestPath } from "./shortest-path.js";
import { type Cell, isSame, type World } from "./world.js";

const START_GOAL_DRAWS = 40;

/** Solvable by construction: rooms are joined by doors, and a crate that would cut the way off is not placed. */
export function makeWorld(random: Random, difficulty: number): World {
  const columns = scaled(difficulty, 2, 3);
  const rows = difficulty < 0.4 ? 1 : 2;
  const roomWidth = scaled(difficulty, 4, 5);
  const roomHeight = scaled(difficulty, 5, 4);
  const grid = drawRooms(random, { columns, rows, roomWidth, roomHeight });
  const free = cellsOf(grid).filter(({ x, y }) => grid[y]![x] === ".");
  const [start, goal] = drawEnds(random, grid, free);
  placeCrates(random, grid, { start, goal, count: Math.round(free.length * (0.06 + 0.12 * difficulty)) });
  grid[start.y]![start.x] = "S";
  grid[goal.y]![goal.x] = "G";
  const open: World = {
    map: grid.map((row) => row.join("")),
    battery: 1000,
    reserve: 0,
    steps: 200,
    noise: Math.round(100 * (0.05 + 0.25 * difficulty)) / 100,
    seed: random.integer(0, 0x7fffffff),
  };
  const { travelled, steps } = playedRightly(open);
  const reserve = random.integer(2, 6);
  return {
    ...open,
    // Room for half as many cells and twice as many control steps as reading everything rightly takes.
    battery: reserve + Math.ceil(travelled * 1.5) + 2,
    reserve,
    steps: Math.ceil(steps * 1.6) + 2,
  };
}

function playedRightly(world: World): { travelled: number; steps: number } {
  const run = new RobotRun(world);
  while (run.end === undefined) run.act([nextLeg(run)]);
  if (run.end !== "goal") throw new RangeError("a drawn world cannot be solved");
  return { travelled: run.travelled, steps: run.trace.length };
}

interface Rooms {
  columns: number;
  rows: number;
  roomWidth: number;
  roomHeight: number;
}

function drawRooms(random: Random, { columns, rows, roomWidth, roomHeight }: Rooms): string[][] {
  const grid = Array.from({ length: rows * (roomHeight + 1) + 1 }, (_, y) =>
    Array.from({ length: columns * (roomWidth + 1) + 1 }, (_, x) =>
      x % (roomWidth + 1) === 0 || y % (roomHeight + 1) === 0 ? "#" : ".",
    ),
  );
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [left, top] = [column * (roomWidth + 1) + 1, row * (roomHeight + 1) + 1];
      if (column > 0) grid[top + random.integer(0, roomHeight - 1)]![left - 1] = ".";
      if (row > 0) grid[top - 1]![left + random.integer(0, roomWidth - 1)] = ".";
    }
  }
  return grid;
}

/** The two of some draws that are farthest apart: a way through several rooms, mostly. */
function drawEnds(random: Random, grid: readonly string[][], free: readonly Cell[]): [Cell, Cell] {
  const isFree = isFreeIn(grid);
  let best: { ends: [Cell, Cell]; length: number } | undefined;
  for (let draw = 0; draw < START_GOAL_DRAWS; draw++) {
    const ends: [Cell, Cell] = [random.pick(free), random.pick(free)];
    const length = pathLength(shortestPath(...ends, isFree) ?? []);
    if (!best || length > best.length) best = { ends, length };
  }
  return best!.ends;
}

function placeCrates(
  random: Random,
  grid: string[][],
  { start, goal, count }: { start: Cell; goal: Cell; count: number },
): void {
  const places = random.shuffle(cellsOf(grid).filter(({ x, y }) => grid[y]![x] === "."));
  const isFree = isFreeIn(grid);
  let placed = 0;
  for (const place of places) {
    if (placed === count) return;
    if (isSame(place, start) || isSame(place, goal)) continue;
    grid[place.y]![place.x] = "o";
    if (shortestPath(start, goal, isFree)) placed++;
    else grid[place.y]![place.x] = ".";
  }
}

function isFreeIn(grid: readonly string[][]): (cell: Cell) => boolean {
  return ({ x, y }) => grid[y]?.[x] === ".";
}

function cellsOf(grid: readonly string[][]): Cell[] {
  return grid.flatMap((row, y) => row.map((_, x) => ({ x, y })));
}
