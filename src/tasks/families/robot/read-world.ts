/** @file The world of an item, checked: one that cannot be solved is no item. */
import { InputError } from "../../../core/errors.js";
import type { Sample } from "../../task.js";
import { shortestPath } from "./shortest-path.js";
import { at, findMark, type World, worldSchema } from "./world.js";

/** The world in `meta.world`, or what is wrong with it. */
export function worldProblem(value: unknown): { world: World } | { problem: string } {
  const parsed = worldSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      problem: `meta.world${issue!.path.length > 0 ? `.${issue!.path.join(".")}` : ""}: ${issue!.message}`,
    };
  }
  const world = parsed.data;
  if (world.reserve >= world.battery) return { problem: "meta.world.reserve is not below the battery" };
  const isFree = (cell: { x: number; y: number }) => at(world, cell) === "free";
  if (!shortestPath(findMark(world, "S"), findMark(world, "G"), isFree)) {
    return { problem: "meta.world.map: no way leads from S to G" };
  }
  return { world };
}

/** @throws {InputError} when the item has no world or one that cannot be solved. */
export function readWorld({ id, meta }: Pick<Sample, "id" | "meta">): World {
  const found = worldProblem(meta.world);
  if ("world" in found) return found.world;
  throw new InputError(`${id}: ${found.problem}`, { hint: "docs/robot.md has the fields of meta.world" });
}
