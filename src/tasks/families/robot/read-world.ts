/** @file The world of an item, checked: one that cannot be solved is no item. */

import { z } from "zod";
import { InputError } from "../../../core/errors.js";
import { issueLine } from "../../../core/issue-line.js";
import type { Sample } from "../../task.js";
import { shortestPath } from "./shortest-path.js";
import { at, findMark, type World, worldSchema } from "./world.js";

const metaSchema = z.object({ world: worldSchema });

/** The world in `meta.world`, or what is wrong with it. */
export function worldProblem(meta: Sample["meta"] = {}): { world: World } | { problem: string } {
  const parsed = metaSchema.safeParse(meta);
  if (!parsed.success) return { problem: `meta.${issueLine(parsed.error)}` };
  const { world } = parsed.data;
  if (world.reserve >= world.battery) return { problem: "meta.world.reserve is not below the battery" };
  const isFree = (cell: { x: number; y: number }) => at(world, cell) === "free";
  if (!shortestPath(findMark(world, "S"), findMark(world, "G"), isFree)) {
    return { problem: "meta.world.map: no way leads from S to G" };
  }
  return { world };
}

/** @throws {InputError} when the item has no world or one that cannot be solved. */
export function readWorld({ id, meta }: Pick<Sample, "id" | "meta">): World {
  const found = worldProblem(meta);
  if ("world" in found) return found.world;
  throw new InputError(`${id}: ${found.problem}`, { hint: "docs/robot.md has the fields of meta.world" });
}
