/** @file The score of a robot run: parts between 0 and 1, one formula, and everything needed to check it by hand. */
import type { Score } from "../../task.js";
import type { RobotEnd, RobotRun, RobotStep } from "./robot-run.js";
import { pathLength, shortestPath } from "./shortest-path.js";
import { at, findMark } from "./world.js";

/** Shares of a run that reached its goal; one that did not scores 0. */
export const ROBOT_WEIGHTS = { success: 0.5, path: 0.25, safety: 0.15, calls: 0.1 } as const;

/** So many model calls in a run leave nothing of the calls part. */
export const FULL_CALLS = 100;

/** Record stored with a result: parts of the score, counts, and the whole run for a replay. */
export interface RobotRecord {
  kind: "robot";
  end: RobotEnd | "unfinished";
  /** Cells moved, and the least that would have done (A* on the true map). */
  travelled: number;
  shortest: number;
  /** Commands that the rule layer stopped, and answers it could read no command from. */
  stopped: number;
  refused: number;
  controlSteps: number;
  calls: number;
  parts: { success: number; path: number; safety: number; calls: number };
  charge: number;
  map: string[];
  battery: number;
  reserve: number;
  trace: RobotStep[];
}

/**
 * value = success × (0.5 + 0.25 × shortest / travelled + 0.15 / (1 + stopped) + 0.1 × max(0, 1 − calls / 100)).
 * @param calls - model calls of the whole run
 */
export function scoreRobotRun(run: RobotRun, calls: number): Score {
  const { world, trace, travelled } = run;
  const isFree = (cell: { x: number; y: number }) => at(world, cell) === "free";
  const shortest = pathLength(shortestPath(findMark(world, "S"), run.goal, isFree) ?? []);
  const stopped = trace.filter((step) => step.stopped).length;
  const refused = trace.filter((step) => step.refused !== undefined).length;
  const success = run.end === "goal" ? 1 : 0;
  const parts = {
    success,
    path: travelled === 0 ? 0 : Math.min(1, shortest / travelled),
    safety: 1 / (1 + stopped),
    calls: Math.max(0, 1 - calls / FULL_CALLS),
  };
  const sum = (Object.keys(parts) as (keyof typeof parts)[]).reduce(
    (total, part) => total + ROBOT_WEIGHTS[part] * parts[part],
    0,
  );
  const record: RobotRecord = {
    kind: "robot",
    end: run.end ?? "unfinished",
    travelled,
    shortest,
    stopped,
    refused,
    controlSteps: trace.length,
    calls,
    parts,
    charge: run.charge,
    map: [...world.map],
    battery: world.battery,
    reserve: world.reserve,
    trace,
  };
  return {
    value: success * Math.min(1, sum),
    isCorrect: success === 1,
    extracted: describe(record),
    details: { ...record },
  };
}

const ENDS: Readonly<Record<RobotRecord["end"], string>> = {
  goal: "reached the goal",
  battery: "battery at its reserve before the goal",
  steps: "control steps used up before the goal",
  unfinished: "ended before the goal",
};

/** One line for feedback and tables. */
function describe({ end, travelled, shortest, stopped, refused, calls, trace }: RobotRecord): string {
  const dangers = trace.flatMap((step) =>
    step.stopped ? [`${step.stopped.direction} ${step.stopped.danger}`] : [],
  );
  const unread = trace.flatMap((step) => (step.refused === undefined ? [] : [step.refused]));
  return [
    ENDS[end],
    `${travelled} cells (shortest ${shortest})`,
    `${stopped} stopped${dangers.length > 0 ? ` (${[...new Set(dangers)].slice(0, 3).join("; ")})` : ""}`,
    ...(refused > 0 ? [`${refused} answers unreadable (${unread[0]})`] : []),
    `${calls} calls`,
  ].join(", ");
}
