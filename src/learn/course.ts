/** @file What the rounds of a learning run share: the run, its tasks with their baselines, the team and its trainer. */

import type { Collaboration } from "../config/policies-schema.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { Bench } from "../run/bench.js";
import type { Run } from "../run/run.js";
import type { RunHooks } from "../run/run-hooks.js";
import type { Task } from "../tasks/task.js";
import type { LearnEvent, OnLearnEvent } from "./learn-event.js";
import type { Member } from "./member.js";
import type { Team } from "./team.js";
import type { trainExamples } from "./train-adapter.js";

/** Trains one adapter on weighted examples, in a process of its own. */
export type Trainer = typeof trainExamples;

export interface LearnHooks extends Omit<RunHooks, "policy" | "onEvent"> {
  onEvent?: OnLearnEvent | undefined;
  /** Meta-agents of one's own instead of the local models. */
  team?: Team | undefined;
  /** Default: this project's own trainer. */
  trainer?: Trainer | undefined;
}

/** A task with its baselines evaluated. */
export interface CourseTask {
  /** As the configuration names it. */
  name: string;
  bench: Bench;
  baselines: readonly ScoredWorkflow[];
}

export interface Course {
  run: Run;
  collaboration: Collaboration;
  /** In the order of their roles; one where `collaboration` is single. */
  members: readonly Member[];
  team: Team;
  trainer: Trainer;
  threads: number;
  /** Trained on. */
  tasks: readonly CourseTask[];
  /** Adapters are judged on these; the training tasks themselves where `isHeldBack` is false. */
  judgeTasks: readonly CourseTask[];
  isHeldBack: boolean;
  emit(event: LearnEvent): void;
  /** Seconds that policies have been writing in this session. */
  writingSeconds(): number;
}

/** Names in a comma-separated list. */
export function taskList(text: string): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(`task ${twice} is named twice`, { hint: "name it once" });
  return names;
}

/** Which tasks are trained on, and which judge: the last one named, unless others are held back explicitly. */
export function splitTasks({ task, learn }: Pick<RunConfig, "task" | "learn">): {
  train: string[];
  judge: string[];
  isHeldBack: boolean;
} {
  const train = taskList(task);
  const heldBack = taskList(learn.heldBack ?? "");
  const both = heldBack.find((name) => train.includes(name));
  if (both !== undefined) {
    throw new ConfigError(`task ${both} is both trained on and held back`, {
      hint: "name it in --task or in --held-back, not in both",
    });
  }
  if (heldBack.length > 0) return { train, judge: heldBack, isHeldBack: true };
  if (train.length < 2) return { train, judge: train, isHeldBack: false };
  return { train: train.slice(0, -1), judge: train.slice(-1), isHeldBack: true };
}

/** Benches of all tasks of the run, by the names the configuration has for them. */
export async function openBenches(
  run: Run,
  tasks: ReadonlyMap<string, Task>,
): Promise<ReadonlyMap<string, Bench>> {
  const opened = new Map<string, Bench>();
  for (const [name, task] of tasks) opened.set(name, await run.bench(task));
  return opened;
}

/**
 * The tasks of the run by name, with their baselines evaluated and announced.
 * @param onScored - called with each baseline
 */
export async function scoreBaselines(
  run: Run,
  benches: ReadonlyMap<string, Bench>,
  onScored: (evaluation: Evaluation) => void,
): Promise<Map<string, CourseTask>> {
  const scored = new Map<string, CourseTask>();
  for (const [name, bench] of benches) {
    const baselines = await bench.baselines(({ title, evaluation }) => {
      const { accuracy, interval, n, errors: lost } = evaluation;
      const said = `${bench.task.name}, ${title}`;
      run.emit({ type: "baseline-scored", name: said, accuracy, interval, n, lost });
      onScored(evaluation);
    });
    scored.set(name, { name, bench, baselines });
  }
  return scored;
}
