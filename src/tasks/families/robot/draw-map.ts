/** @file The map in letters: as the robot knows it, and as it was with the way that was taken. */
import type { RobotRun, RobotStep } from "./robot-run.js";
import { at, type Cell, cellKey, DIRECTIONS, findMark, isSame, moved, type World } from "./world.js";

/** Map of what is known: walls and doors from the floor plan, crates found so far; `R` robot, `G` goal. */
export function drawKnownMap(run: RobotRun): string {
  return drawRows(run.world, (cell) => {
    if (isSame(cell, run.cell)) return "R";
    if (isSame(cell, run.goal)) return "G";
    if (at(run.world, cell) === "wall") return "#";
    return run.knownCrates.has(cellKey(cell)) ? "o" : ".";
  });
}

/**
 * The true map with a finished way: `*` visited, `S` start, `G` goal, `R` where the robot ended, `o` all crates.
 * @param details - of a score; undefined is given back where they are not those of a robot run
 */
export function drawRobotRun(details: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (details?.kind !== "robot") return undefined;
  const { trace, ...world } = details as unknown as { map: string[]; trace: Pick<RobotStep, "moves">[] };
  const start = findMark(world, "S");
  const way = wayOf(start, trace);
  const visited = new Set(way.map(cellKey));
  const end = way.at(-1) as Cell;
  return drawRows(world, (cell) => {
    const mark = world.map[cell.y]![cell.x]!;
    if (isSame(cell, end) && mark === ".") return "R";
    return mark === "." && visited.has(cellKey(cell)) ? "*" : mark;
  });
}

/** All cells of a recorded way in order, the start first. */
function wayOf(start: Cell, trace: readonly Pick<RobotStep, "moves">[]): Cell[] {
  const cells = [start];
  for (const letter of trace.map(({ moves }) => moves).join("")) {
    const direction = DIRECTIONS.find((name) => name[0] === letter);
    if (direction) cells.push(moved(cells.at(-1) as Cell, direction));
  }
  return cells;
}

function drawRows({ map }: Pick<World, "map">, draw: (cell: Cell) => string): string {
  return map.map((row, y) => [...row].map((_, x) => draw({ x, y })).join("")).join("\n");
}
