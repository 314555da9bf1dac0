/** @file Metric robot: a run through the item's world, answer by answer, behind the rule layer. */
import { readWorld } from "../families/robot/read-world.js";
import { RobotRun } from "../families/robot/robot-run.js";
import { viewSample } from "../families/robot/robot-view.js";
import { scoreRobotRun } from "../families/robot/score-robot-run.js";
import type { InstantScorer, Play } from "../task.js";

/** `score` takes the answer for the only one of the run: a whole plan, carried out without looking again. */
export const robotScorer: InstantScorer & { play: NonNullable<InstantScorer["play"]> } = {
  metric: "robot",
  score(answer, sample) {
    const run = new RobotRun(readWorld(sample));
    run.act(answer);
    return scoreRobotRun(run, 0);
  },
  play(sample): Play {
    const run = new RobotRun(readWorld(sample));
    return {
      maxViews: run.world.steps,
      view: () => (run.end === undefined ? viewSample(run, sample) : undefined),
      act: (answer) => run.act(answer),
      score: (calls) => scoreRobotRun(run, calls),
    };
  },
};
