/**
 * @file The rule layer: the last word on every single cell the robot would move. It stands between the commands and the
 * wheels, knows the true world, and has no switch: nothing that a workflow returns reaches the robot another way.
 */
import { at, type Cell, type Direction, moved, type World } from "./world.js";

export type Danger = "off the map" | "into a wall" | "into a crate" | "below the battery reserve";

/** Danger of one cell in this direction; undefined when it is safe. */
export function dangerOf(
  world: Pick<World, "map" | "reserve">,
  robot: { cell: Cell; charge: number },
  direction: Direction,
): Danger | undefined {
  const target = at(world, moved(robot.cell, direction));
  if (target === "outside") return "off the map";
  if (target === "wall") return "into a wall";
  if (target === "crate") return "into a crate";
  return robot.charge - 1 < world.reserve ? "below the battery reserve" : undefined;
}
