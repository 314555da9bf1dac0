/** @file Four range sensors: free cells to the north, east, south and west, measured quickly and therefore noisily. */
import { Random } from "../../../core/random.js";
import { at, type Cell, DIRECTIONS, type Direction, moved, type World } from "./world.js";

/** Farther than this a sensor sees nothing, in cells. */
export const MAX_RANGE = 6;
const READINGS = 3;

/** Free cells from `cell` on in a direction, at most MAX_RANGE. */
export function trueRange(world: Pick<World, "map">, cell: Cell, direction: Direction): number {
  let free = 0;
  while (free < MAX_RANGE && at(world, moved(cell, direction, free + 1)) === "free") free++;
  return free;
}

/**
 * Three readings of each sensor, in cells. Each is off with probability `world.noise`: by one cell, rarely by two. The
 * same world, control step and cell give the same readings.
 */
export function readSensors(
  world: Pick<World, "map" | "noise" | "seed">,
  cell: Cell,
  step: number,
): Record<Direction, number[]> {
  const random = new Random(world.seed).derive("range", step);
  const read = (direction: Direction) =>
    Array.from({ length: READINGS }, () => {
      const isOff = random.chance(world.noise);
      const error = random.pick([-1, 1]) * (random.chance(0.2) ? 2 : 1);
      const value = trueRange(world, cell, direction) + (isOff ? error : 0);
      return Math.max(0, Math.min(MAX_RANGE, value));
    });
  return Object.fromEntries(DIRECTIONS.map((direction) => [direction, read(direction)])) as Record<
    Direction,
    number[]
  >;
}
