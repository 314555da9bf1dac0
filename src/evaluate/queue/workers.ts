/** @file The workers of a run, as a bench sees them: a JobRunner for each task. */
import type { ToolSet } from "../../workflow/tool.js";
import type { Rules } from "../rules.js";
import { makePlan, type PlanParts } from "./make-plan.js";
import { QueueJobRunner } from "./queue-job-runner.js";
import { RunQueue, type RunQueueOptions } from "./run-queue.js";
import type { TaskWorkers } from "./task-workers.js";

export class Workers implements TaskWorkers {
  readonly #queue: RunQueue;
  readonly #parts: Pick<PlanParts, "run" | "rules" | "tools">;

  private constructor(queue: RunQueue, parts: Pick<PlanParts, "run" | "rules" | "tools">) {
    this.#queue = queue;
    this.#parts = parts;
  }

  /** @throws as RunQueue.open() */
  static async open(
    url: string,
    { rules, tools, ...options }: RunQueueOptions & { rules: Rules | undefined; tools: ToolSet | undefined },
  ): Promise<Workers> {
    return new Workers(await RunQueue.open(url, options), { run: options.run, rules, tools });
  }

  runner(...[parts, hooks]: Parameters<TaskWorkers["runner"]>): QueueJobRunner {
    return new QueueJobRunner({
      ...{ ...hooks, ...makePlan({ ...parts, ...this.#parts }) },
      queue: this.#queue,
    });
  }

  /** Takes in what workers have found, and takes the run's work back. */
  async close(): Promise<void> {
    await this.#queue.close();
  }
}
