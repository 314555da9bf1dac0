/** @file Family: a robot finds its way through rooms with unknown crates; its workflow is called at every control step. */
import type { Random } from "../../../core/random.js";
import type { Family } from "../family.js";
import { makeWorld } from "./make-world.js";
import { RobotRun } from "./robot-run.js";
import { solveView, viewText } from "./robot-view.js";

/** Slips kept of a control step, as in the other families. */
const MAX_DISTRACTORS = 4;

/** The texts and the answer of an item are those of its first control step. */
export const robotRooms: Family = {
  name: "robot-rooms",
  title: "Robot in rooms (generated)",
  kind: "robot",
  metric: "robot",
  description:
    "A robot is to reach a goal through rooms with crates that are not on its map, with noisy range sensors and a battery. The workflow is called at every control step; it answers with the next command, such as east 3. Unsafe commands are stopped and cost points.",
  version: 1,
  generate(random: Random, difficulty: number) {
    const world = makeWorld(random, difficulty);
    const run = new RobotRun(world);
    const { answer, steps, distractors, findings, misfindings } = solveView(run);
    return {
      ...viewText(run),
      answer,
      steps,
      distractors: distractors.slice(0, MAX_DISTRACTORS),
      meta: { findings, misfindings, world },
    };
  },
};
