/** @file A found workflow inside someone's own program: one input in, one answer out. */
import { Budget, type BudgetLimits } from "../core/budget.js";
import { seedFrom } from "../core/hash.js";
import type { ProgramRunner } from "../core/program-runner.js";
import { CallStore } from "../llm/call-store.js";
import type { ChatModel } from "../llm/chat-model.js";
import { MeteredModel } from "../llm/metered-model.js";
import { FREE, type Price } from "../llm/prices.js";
import type { Sample, Scorer, VisibleTask } from "../tasks/task.js";
import { visibleTask } from "../tasks/visible-task.js";
import { QuickJsSandbox } from "../workflow/sandbox/quickjs-sandbox.js";
import { type Tool, type ToolSet, toolSet } from "../workflow/tool.js";
import type { SandboxLimits, WorkflowRun } from "../workflow/workflow-run.js";
import type { Rules } from "./rules.js";
import { runSample, type SampleRun } from "./run-sample.js";
import { ToolBox, type ToolUse } from "./tool-box.js";
import { type UsageByRole, WorkflowAgent, type WorkflowModels } from "./workflow-agent.js";

export interface WorkflowRunnerOptions {
  executor: ChatModel;
  /** Further executors by the alias workflows use in the `model` option. */
  aliases?: Record<string, ChatModel>;
  /** The cheap local model behind `agent.weak`: costs nothing and is not limited by the budget. */
  weak?: ChatModel;
  /** File of the reply cache; default: kept in memory for the lifetime of the runner. */
  cachePath?: string;
  /** Shared by all runs of this runner. */
  budget?: BudgetLimits;
  /** Price of the executor; without it dollars are reported as null. */
  price?: Price;
  /** Prices of the aliases. */
  aliasPrices?: Record<string, Price>;
  limits?: Partial<SandboxLimits>;
  /** Offers `agent.runPython`, and `agent.test` for inputs that name a function; the caller closes it. */
  programs?: ProgramRunner;
  /** Offers `agent.tool`: own tools as objects, or a module that loadTools() has read. */
  tools?: readonly Tool[] | ToolSet;
  /** Stops calls that it forbids. Its limits of a run are not used here: give `budget` and `limits`. */
  rules?: Rules | undefined;
  /** Limit of a reply in tokens. Default 1 024. */
  maxTokens?: number;
  /** Default 0. */
  seed?: number;
}

/** One run with what it used. */
export type WorkflowAnswer = WorkflowRun & {
  usage: Record<string, UsageByRole>;
  /** Calls of own tools, in order. */
  tools: ToolUse[];
};

/**
 * Runs workflows on inputs; keep one for the lifetime of a service, it holds a warm sandbox.
 * @example
 * await using runner = new WorkflowRunner({ executor });
 * const { status, answer } = await runner.run(source, { question: "How much is 3 × 4?" });
 */
export class WorkflowRunner {
  readonly #sandbox: QuickJsSandbox;
  readonly #store: CallStore;
  readonly #models: WorkflowModels;
  readonly #options: WorkflowRunnerOptions;
  readonly #tools: ToolBox | undefined;

  /** @throws {ConfigError} when a tool is no tool */
  constructor(options: WorkflowRunnerOptions) {
    this.#options = options;
    const { seed = 0, cachePath = ":memory:" } = options;
    const tools = options.tools && toolSet(options.tools);
    this.#store = CallStore.open(cachePath);
    this.#tools = tools && new ToolBox(tools, this.#store);
    const budget = new Budget(options.budget);
    const common = { store: this.#store, seed };
    const meter = (model: ChatModel, role: string, price?: Price) =>
      new MeteredModel({ ...common, model, role, budget, ...(price ? { price } : {}) });
    const { aliases = {}, aliasPrices = {} } = options;
    this.#models = {
      executor: meter(options.executor, "executor", options.price),
      aliases: new Map(
        Object.entries(aliases).map(([name, model]) => [name, meter(model, name, aliasPrices[name])]),
      ),
      ...(options.weak
        ? {
            weak: new MeteredModel({
              ...common,
              model: options.weak,
              role: "weak",
              budget: new Budget(),
              price: FREE,
            }),
          }
        : {}),
    };
    this.#sandbox = new QuickJsSandbox({ ...(options.limits ? { limits: options.limits } : {}) });
  }

  /**
   * @param source - workflow source, as in best-workflow.js
   * @param input - what the workflow sees as `task`
   * @returns the tagged result; a failing workflow does not throw
   * @throws {ModelCallError | BudgetExceededError} when the executor is unusable or the budget spent
   */
  async run(
    source: string,
    input: Omit<VisibleTask, "id"> & { id?: string },
    { signal, epoch = 0 }: { signal?: AbortSignal; epoch?: number } = {},
  ): Promise<WorkflowAnswer> {
    const { seed = 0 } = this.#options;
    const task = { id: "input", ...input };
    const agent = this.#agentFor(task, epoch);
    const run = await this.#sandbox.run(source, task, agent, {
      seed: seedFrom(seed, task.id, epoch),
      ...(signal ? { signal } : {}),
    });
    return { ...run, usage: Object.fromEntries(agent.usage), tools: agent.toolUses };
  }

  /**
   * Runs a workflow on an item of a dataset and scores it; a robot task is played to its end, one run for every view.
   * @param options.onSample - called before every run with what it is about
   * @throws as run()
   */
  async play(
    source: string,
    sample: Sample,
    scorer: Scorer,
    options: { signal?: AbortSignal; epoch?: number; onSample?: (sample: Sample) => void } = {},
  ): Promise<SampleRun & Pick<WorkflowAnswer, "usage" | "tools">> {
    const { epoch = 0, signal, onSample } = options;
    const agent = this.#agentFor(visibleTask(sample), epoch);
    const run = await runSample(source, sample, {
      sandbox: this.#sandbox,
      scorer,
      agent,
      seed: seedFrom(this.#options.seed ?? 0, sample.id, epoch),
      ...(signal ? { signal } : {}),
      ...(onSample ? { onSample } : {}),
    });
    return { ...run, usage: Object.fromEntries(agent.usage), tools: agent.toolUses };
  }

  #agentFor(task: VisibleTask, epoch: number): WorkflowAgent {
    const { maxTokens = 1024, programs } = this.#options;
    return new WorkflowAgent(this.#models, {
      maxTokens,
      epoch,
      programs: programs && { runner: programs, task },
      tools: this.#tools,
      rules: this.#options.rules,
    });
  }

  async close(): Promise<void> {
    await this.#sandbox.close();
    this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
