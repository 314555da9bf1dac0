/** @file Opens tasks as all commands want them: with programs, embeddings, and a judge that is bound once models are open. */
import type { RunConfig } from "../config/run-config.js";
import { checkJudge, type JudgeContext, LateJudge } from "../evaluate/judge-model.js";
import type { ResolveModelFile } from "../evaluate/local-models.js";
import { openEmbedder } from "../evaluate/open-embedder.js";
import { isLocalExecutor, planThreads } from "../llm/local/plan-threads.js";
import { type LoadTaskOptions, loadTask } from "../tasks/load-task.js";
import type { Task } from "../tasks/task.js";
import { PythonSandbox } from "../workflow/python/python-sandbox.js";

/**
 * Python in WebAssembly takes about three times as long as CPython, for which benchmarks allow 5 s; and a busy machine must
 * not make a right program wrong.
 */
export const PROGRAM_LIMITS = { wallMs: 20_000, busyMs: 40_000 };

export type TaskConfig = Pick<
  RunConfig,
  "allowOverlap" | "skipBad" | "judge" | "threads" | "executor" | "executors"
>;

export class TaskOpener implements AsyncDisposable {
  /** Runs the programs of code tasks; it starts no process before the first. */
  readonly programs: PythonSandbox;
  readonly options: LoadTaskOptions;
  readonly #judge: LateJudge | undefined;

  /** @throws {ConfigError} on a judge that cannot be */
  constructor(config: TaskConfig, resolve: ResolveModelFile) {
    const { allowOverlap, skipBad, judge, threads } = config;
    if (judge !== undefined) checkJudge(judge, config);
    this.programs = new PythonSandbox({
      limits: PROGRAM_LIMITS,
      processes: isLocalExecutor(config.executor) ? planThreads(true, threads).programs : undefined,
    });
    this.#judge = judge === undefined ? undefined : new LateJudge();
    this.options = {
      allowOverlap,
      skipBad,
      programs: this.programs,
      openEmbedder: () => openEmbedder(resolve, threads),
      judge: this.#judge,
    };
  }

  /** @throws {InputError | ConfigError} when there is no such dataset, or its metric is not available */
  async load(nameOrDirectory: string): Promise<Task> {
    return await loadTask(nameOrDirectory, this.options);
  }

  /** Gives the judge its model. */
  bindJudge(context: JudgeContext): void {
    this.#judge?.bind(context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.programs.close();
  }
}
