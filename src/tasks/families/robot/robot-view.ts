/** @file What the workflow is shown at a control step, with the right answer and typical slips for simulated models. */
import { hashJson } from "../../../core/hash.js";
import type { Sample } from "../../task.js";
import { drawKnownMap } from "./draw-map.js";
import { isFreeAsKnown, nextLeg } from "./next-leg.js";
import { MAX_RANGE, readSensors, trueRange } from "./read-sensors.js";
import type { RobotRun, RobotStep } from "./robot-run.js";
import { type Leg, shortestPath } from "./shortest-path.js";
import { at, type Cell, DIRECTIONS, type Direction, isSame, moved, type World } from "./world.js";

export function legText({ direction, cells }: Leg): string {
  return `${direction} ${cells}`;
}

/** Short name of a world; different worlds have different ones but for rare accidents. */
function worldName(world: World): string {
  return hashJson(world).slice(0, 8);
}

/** The task text: where it stands, the readings, what happened last; the map is the context. */
export function viewText(run: RobotRun): { question: string; context: string } {
  const { world, cell, goal, charge, trace } = run;
  const step = trace.length + 1;
  const readings = readSensors(world, cell, step);
  const told = DIRECTIONS.map((direction) => `${direction} ${readings[direction].join(" ")}`).join("; ");
  const question = [
    `World ${worldName(world)}, control step ${step} of ${world.steps}.`,
    `The robot R stands at ${place(cell)}, the goal G is at ${place(goal)}.`,
    `Charge ${charge}, of which ${world.reserve} must be left; each cell costs 1.`,
    `Range readings, three of each sensor, in free cells up to ${MAX_RANGE}, some of them off: ${told}.`,
    `${lastText(trace.at(-1))}`,
    'Which command comes next? Commands are a direction and a number of cells, such as "east 3".',
  ].join(" ");
  const context = `Map, north is up, row 0 on top, column 0 on the left (# wall, o crate found so far, . not known to be blocked):\n${drawKnownMap(run)}`;
  return { question, context };
}

function place({ x, y }: Cell): string {
  return `column ${x}, row ${y}`;
}

function lastText(last: RobotStep | undefined): string {
  if (!last) return "It has not moved yet.";
  if (last.refused !== undefined) return "The last answer was no command and moved nothing.";
  const done = `The last answer moved it ${last.moves.length} cells`;
  if (!last.stopped) return `${done}.`;
  const { direction, danger } = last.stopped;
  return `${done}; then it was stopped: ${direction} would have gone ${danger}.`;
}

/** A control step as a sample of its own. `answers` and `meta` never reach a workflow or a real model. */
export function viewSample(run: RobotRun, whole: Pick<Sample, "id" | "meta" | "instruction">): Sample {
  const { difficulty } = whole.meta;
  return {
    id: `${whole.id}#${run.trace.length + 1}`,
    ...viewText(run),
    instruction: whole.instruction,
    ...(typeof difficulty === "number" ? solvedView(run, difficulty) : { answers: [], meta: {} }),
  };
}

function solvedView(run: RobotRun, difficulty: number): Pick<Sample, "answers" | "meta"> {
  const { answer, steps, distractors, findings, misfindings } = solveView(run);
  return { answers: [answer], meta: { difficulty, distractors, steps, findings, misfindings } };
}

/** The right next command, the working, and the slips of those who misread the sensors or the map. */
export function solveView(run: RobotRun) {
  const leg = nextLeg(run);
  const ranges = Object.fromEntries(
    DIRECTIONS.map((direction) => [direction, trueRange(run.world, run.cell, direction)]),
  ) as Record<Direction, number>;
  return {
    answer: legText(leg),
    steps: [findingsText(ranges), `A* on the map so far, next straight leg = ${legText(leg)}`],
    distractors: slipsOf(run, leg).map(legText),
    findings: findingsText(ranges),
    misfindings: misreadings(ranges, leg).map(findingsText),
  };
}

function findingsText(ranges: Record<Direction, number>): string {
  return `Free cells: ${DIRECTIONS.map((direction) => `${direction} ${ranges[direction]}`).join(", ")}`;
}

/** The sensor that matters taken for one cell more (or less at its end), or another for one less. */
function misreadings(ranges: Record<Direction, number>, { direction }: Leg): Record<Direction, number>[] {
  const other = DIRECTIONS.find((name) => name !== direction && ranges[name] > 0);
  return [
    { ...ranges, [direction]: ranges[direction] + (ranges[direction] < MAX_RANGE ? 1 : -1) },
    ...(other ? [{ ...ranges, [other]: ranges[other] - 1 }] : []),
  ];
}

/** Too far, straight towards the goal whatever stands there, the way without the crates, the next direction round. */
function slipsOf(run: RobotRun, leg: Leg): Leg[] {
  const { cell, goal, world } = run;
  const [dx, dy] = [goal.x - cell.x, goal.y - cell.y];
  const isSideways = Math.abs(dx) >= Math.abs(dy);
  const isFree = isFreeAsKnown(run);
  const isFreeOnPlan = (there: Cell) => ["free", "crate"].includes(at(world, there));
  const turned = DIRECTIONS[(DIRECTIONS.indexOf(leg.direction) + 1) % 4] as Direction;
  const greedy: Leg = isSideways
    ? { direction: dx > 0 ? "east" : "west", cells: Math.abs(dx) }
    : { direction: dy > 0 ? "south" : "north", cells: Math.abs(dy) };
  const [onPlan] = shortestPath(cell, goal, isFreeOnPlan) ?? [];
  const back = DIRECTIONS.find(
    (direction) =>
      direction !== leg.direction && direction !== greedy.direction && isFree(moved(cell, direction)),
  );
  const slips: Leg[] = [
    { ...leg, cells: leg.cells + 1 + (leg.cells % 2) },
    greedy,
    { direction: turned, cells: leg.cells },
    ...(back ? [{ direction: back, cells: 2 }] : []),
    ...(onPlan && !isSame(moved(cell, onPlan.direction), moved(cell, leg.direction)) ? [onPlan] : []),
  ];
  const texts = new Set([legText(leg)]);
  return slips.filter((slip) => !texts.has(legText(slip)) && texts.add(legText(slip)));
}
