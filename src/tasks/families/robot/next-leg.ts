/** @file What a robot that reads its sensors rightly does next: A* on all it knows, one straight leg of it. */
import { trueRange } from "./read-sensors.js";
import type { RobotRun } from "./robot-run.js";
import { type Leg, shortestPath } from "./shortest-path.js";
import { at, type Cell, cellKey } from "./world.js";

/** Free where neither the floor plan nor a known crate, nor one in sight now, says otherwise. */
export function isFreeAsKnown(run: RobotRun): (cell: Cell) => boolean {
  const seen = new Set([...run.knownCrates.keys(), ...run.cratesInSight().map(cellKey)]);
  return (cell) => {
    const there = at(run.world, cell);
    return there !== "outside" && there !== "wall" && !seen.has(cellKey(cell));
  };
}

/**
 * The next leg: it takes unknown cells for free and plans anew at every step, which reaches any goal that can be reached.
 * @source Koenig and Likhachev: D* Lite (2002), the free-space assumption.
 */
export function nextLeg(run: RobotRun): Leg {
  const [leg] = shortestPath(run.cell, run.goal, isFreeAsKnown(run)) ?? [];
  if (!leg) throw new RangeError("the goal cannot be reached");
  // Beyond the range of the sensor nothing is known.
  return {
    direction: leg.direction,
    cells: Math.min(leg.cells, Math.max(1, trueRange(run.world, run.cell, leg.direction))),
  };
}
