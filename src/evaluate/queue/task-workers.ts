/** @file What a bench needs of workers elsewhere: a JobRunner for its task. */
import type { CallStore } from "../../llm/call-store.js";
import type { Task } from "../../tasks/task.js";
import type { JobRunner } from "../evaluation.js";
import type { TaskExamples } from "../examples/task-examples.js";
import type { PlanParts } from "./make-plan.js";

/** The settings that plans are made of. */
export type WorkersConfig = PlanParts["config"];

/** Parts of a run that jobs meet on their way out and back. */
export interface WorkersHooks {
  store: Pick<CallStore, "getResult">;
  examples?: Pick<TaskExamples, "isOffered" | "shownTo"> | undefined;
  onViolation: (violation: { workflow: string; call: string; rule: string; sample: string }) => void;
  /** Hard stop: nothing in flight is waited for. */
  signal?: AbortSignal | undefined;
  /** As of LocalJobRunner. */
  stopSignal?: AbortSignal | undefined;
}

export interface TaskWorkers {
  /** @throws {ConfigError} on what cannot leave this process */
  runner(
    parts: Omit<PlanParts, "run" | "rules" | "tools" | "task"> & { task: Task },
    hooks: WorkersHooks,
  ): JobRunner;
}
