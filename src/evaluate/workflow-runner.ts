/** @file A found workflow inside someone's own program: one input in, one answer out. */
import { join } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { Budget, type BudgetLimits, type Spending } from "../core/budget.js";
import { CloseStack } from "../core/close-stack.js";
import { ConfigError } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import type { ProgramRunner } from "../core/program-runner.js";
import { failSpanAs, withSpan } from "../core/telemetry/spans.js";
import { CallStore } from "../llm/call-store.js";
import type { ChatModel } from "../llm/chat-model.js";
import { asSetupFault, isLoss } from "../llm/fault-class.js";
import { MeteredModel } from "../llm/metered-model.js";
import { FREE, type Price } from "../llm/prices.js";
import { checkParts, type WorkflowParts } from "../records/workflow-parts.js";
import type { Sample, Scorer, VisibleTask } from "../tasks/task.js";
import { visibleTask } from "../tasks/visible-task.js";
import { QuickJsSandbox } from "../workflow/sandbox/quickjs-sandbox.js";
import { type Tool, type ToolSet, toolSet } from "../workflow/tool.js";
import type { SandboxLimits, WorkflowRun } from "../workflow/workflow-run.js";
import { ExampleSet } from "./examples/example-set.js";
import { asksForExamples } from "./examples/task-examples.js";
import { LocalModels, type ResolveModelFile } from "./local-models.js";
import { openTools } from "./mcp/open-tools.js";
import { type ModelsConfig, OpenModels } from "./open-models.js";
import { Rules } from "./rules.js";
import { runSample, type SampleRun } from "./run-sample.js";
import { ToolBox, type ToolUse } from "./tool-box.js";
import {
  SHORT_PROMPT_ADVICE,
  type UsageByRole,
  WorkflowAgent,
  type WorkflowModels,
} from "./workflow-agent.js";

export interface WorkflowRunnerOptions {
  /** Strong model behind `agent.text` and `agent.json`; the caller closes it. */
  executor: ChatModel;
  /** Further executors by the alias workflows use in the `model` option. */
  aliases?: Record<string, ChatModel> | undefined;
  /** The cheap local model behind `agent.weak`: costs nothing and is not limited by the budget. */
  weak?: ChatModel | undefined;
  /** File of the reply cache; default: the last 1 000 replies are kept in memory for the lifetime of the runner. */
  cachePath?: string | undefined;
  /** Most runs at once, each in a process of about 60 MiB. Default: cores, at most 4. */
  processes?: number | undefined;
  /** Shared by all runs of this runner. */
  budget?: BudgetLimits | undefined;
  /** Price of the executor; without it dollars are reported as null. */
  price?: Price | undefined;
  /** Prices of the aliases. */
  aliasPrices?: Record<string, Price> | undefined;
  /** Limits of one run: time, memory, calls. Default: those of docs/writing-workflows.md. */
  limits?: Partial<SandboxLimits> | undefined;
  /** Offers `agent.runPython`, and `agent.test` for inputs that name a function; the caller closes it. */
  programs?: ProgramRunner | undefined;
  /** Offers `agent.tool`: own tools as objects, or a module that loadTools() has read. */
  tools?: readonly Tool[] | ToolSet | undefined;
  /** Stops calls that it forbids. Its limits of a run are not used here: give `budget` and `limits`. */
  rules?: Rules | undefined;
  /** What every model is told with every input, as a dataset's `instruction`. Default: that of the input, if it has one. */
  instruction?: string | undefined;
  /** Limit of a reply in tokens. Default 2 048. */
  maxTokens?: number | undefined;
  /** Seed of `Math.random()` in workflows and of sampled replies. Default 0. */
  seed?: number | undefined;
}

/** The settings a runner reads. */
export type RunnerConfig = ModelsConfig &
  Pick<
    RunConfig,
    "gpu" | "threads" | "adapter" | "tools" | "rulesFile" | "budget" | "limits" | "maxTokens" | "cache"
  >;

/** Replies of a cache in memory. */
const MAX_KEPT_REPLIES = 1_000;
/** Runs after which the others are forgotten: to do it after each would take as long as everything else of a short one. */
const RUNS_KEPT_WHOLE = 64;
/** Runs mostly wait for replies: as many processes as runs at once, up to what memory (60 MiB each) bears. */
export const MAX_SANDBOX_PROCESSES = 32;

/** What an agent is made for. */
interface Asked {
  task: VisibleTask;
  epoch: number;
  examples: ExampleSet | undefined;
  onPaid?: ((spent: Spending) => void) | undefined;
}

/** One run with what it used. */
export type WorkflowAnswer = WorkflowRun & {
  usage: Record<string, UsageByRole>;
  /** Calls of own tools, in order. */
  tools: ToolUse[];
};

/**
 * Runner of workflows on single inputs, with a sandbox, a reply cache and a budget; keep one for the lifetime of a service, it holds a warm sandbox.
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
  readonly #budget: Budget;
  readonly #closing = new CloseStack();
  readonly #sets = new WeakMap<WorkflowParts, ExampleSet>();
  #runs = 0;
  #onSample: ((sample: Sample) => void) | undefined;
  #onWarning: (message: string) => void = () => {};

  /**
   * A runner with the models, tools and rules that a configuration names; it closes what it opened.
   * @param hooks.programs - as in the options
   * @throws {ConfigError | InputError | ModelCallError} where something is missing or the executor does not answer
   */
  static async open(
    config: RunnerConfig,
    hooks: {
      resolveModelFile?: ResolveModelFile | undefined;
      programs?: ProgramRunner | undefined;
      onWarning?: ((message: string) => void) | undefined;
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<WorkflowRunner> {
    const closing = new CloseStack();
    try {
      const local = new LocalModels(config, hooks.resolveModelFile);
      closing.add(() => local[Symbol.asyncDispose]());
      const opened = await OpenModels.open(config, local, hooks.onWarning ?? (() => {}));
      closing.add(() => opened[Symbol.asyncDispose]());
      const { executor, aliases, weak } = opened;
      await executor.model.preflight?.(hooks.signal);
      const tools = config.tools === undefined ? undefined : await openTools(config.tools);
      if (tools) closing.add(() => tools.close());
      const rules = config.rulesFile === undefined ? undefined : Rules.load(config.rulesFile);
      const { budget, limits } = rules?.tighten(config) ?? config;
      if (budget.dollars !== undefined) await opened.learnPrices(hooks.signal);
      const runner = new WorkflowRunner({
        executor: executor.model,
        price: executor.price,
        aliases: Object.fromEntries([...aliases].map(([name, { model }]) => [name, model])),
        aliasPrices: Object.fromEntries(
          [...aliases].flatMap(([name, { price }]) => (price ? [[name, price]] : [])),
        ),
        weak: weak?.model,
        cachePath: config.cache === undefined ? undefined : join(config.cache, "calls.db"),
        ...{ budget, limits, rules, tools },
        processes: Math.min(config.concurrency, MAX_SANDBOX_PROCESSES),
        programs: hooks.programs,
        maxTokens: config.maxTokens,
        seed: config.seed,
      });
      runner.#onSample = (sample) => opened.onSample(sample);
      runner.#onWarning = hooks.onWarning ?? runner.#onWarning;
      runner.#closing.add(() => closing.close());
      return runner;
    } catch (error) {
      await closing.close().catch(() => {});
      throw error;
    }
  }

  /** @throws {ConfigError} when a tool is no tool */
  constructor(options: WorkflowRunnerOptions) {
    this.#options = options;
    const { seed = 0, cachePath = ":memory:" } = options;
    const tools = options.tools && toolSet(options.tools);
    this.#store = CallStore.open(cachePath);
    this.#closing.add(() => this.#store.close());
    this.#tools = tools && new ToolBox(tools, this.#store);
    const budget = new Budget(options.budget);
    this.#budget = budget;
    const common = { store: this.#store, seed };
    const meter = (model: ChatModel, role: string, price?: Price) =>
      new MeteredModel({ ...common, model, role, budget, price });
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
    this.#sandbox = new QuickJsSandbox({ processes: options.processes, limits: options.limits });
    this.#closing.add(() => this.#sandbox.close());
  }

  /**
   * One input through a workflow.
   * @param source - workflow source, as in best-workflow.js
   * @param input - what the workflow sees as `task`
   * @param options.parts - what lies beside the workflow in best-workflow.json: its examples, and its instruction where neither
   *   the input nor the runner has one
   * @param options.onPaid - told what each call to an executor costs, as it is paid, also where this rejects
   * @returns the tagged result; a failing workflow does not throw
   * @throws {ModelCallError} where the executor gave no usable reply, asked twice: nothing is known about the workflow then;
   *   fatal where it cannot be used at all, also where its context is too small for the input
   * @throws {BudgetExceededError} when the budget is spent
   * @throws {ConfigError | InputError} where the workflow asks for examples and has none, or its parts do not fit
   */
  async run(
    source: string,
    input: Omit<VisibleTask, "id"> & { id?: string },
    {
      signal,
      epoch = 0,
      parts,
      onPaid,
    }: {
      signal?: AbortSignal;
      epoch?: number;
      parts?: WorkflowParts | undefined;
      onPaid?: ((spent: Spending) => void) | undefined;
    } = {},
  ): Promise<WorkflowAnswer> {
    const { seed = 0 } = this.#options;
    const task = this.#told({ id: "input", ...input }, parts);
    const examples = this.#examplesOf(source, parts);
    return await this.#askedTwice({ task, epoch, examples, onPaid }, (agent) =>
      this.#sandbox.run(source, task, agent, { seed: seedFrom(seed, task.id, epoch), signal }),
    );
  }

  /**
   * A workflow on an item of a dataset, scored; an episode is played to its end, one run for every view.
   * @param options.onSample - called before every run with what it is about. Default: tells simulated models of open()
   * @throws as run()
   */
  async play(
    source: string,
    sample: Sample,
    scorer: Scorer,
    options: {
      signal?: AbortSignal;
      epoch?: number;
      onSample?: (sample: Sample) => void;
      parts?: WorkflowParts | undefined;
    } = {},
  ): Promise<SampleRun & Pick<WorkflowAnswer, "usage" | "tools">> {
    const { epoch = 0, signal, onSample = this.#onSample, parts } = options;
    const seed = seedFrom(this.#options.seed ?? 0, sample.id, epoch);
    const told = this.#told(sample, parts);
    const examples = this.#examplesOf(source, parts);
    return await this.#askedTwice({ task: visibleTask(told), epoch, examples }, (agent) =>
      runSample(source, told, { sandbox: this.#sandbox, scorer, agent, seed, signal, onSample }),
    );
  }

  /** A run in a span of its own. */
  async #inSpan<T extends { run: Pick<WorkflowRun, "status"> }>(work: () => Promise<T>): Promise<T> {
    return await withSpan("workflow", {}, async (span) => {
      const result = await work();
      const { status } = result.run;
      span.setAttribute("w4s.status", status);
      if (status !== "ok") failSpanAs(span, status);
      return result;
    });
  }

  /** An input that was lost is asked again once; the replies it had are not paid again. */
  async #askedTwice<T extends Pick<WorkflowRun, "status">>(
    asked: Asked,
    work: (agent: WorkflowAgent) => Promise<T>,
  ): Promise<T & Pick<WorkflowAnswer, "usage" | "tools">> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        const { run, agent } = await this.#inSpan(async () => {
          const made = this.#agentFor(asked);
          return { run: await work(made), agent: made };
        });
        if (agent.shortPrompts > 0) this.#onWarning(`${agent.shortPrompts} prompts: ${SHORT_PROMPT_ADVICE}`);
        return { ...run, usage: Object.fromEntries(agent.usage), tools: agent.toolUses };
      } catch (error) {
        if (!isLoss(error)) throw error;
        if (isAgain) throw error.kind === "context-length" ? asSetupFault(error, "") : error;
      } finally {
        if (this.#options.cachePath === undefined && ++this.#runs % RUNS_KEPT_WHOLE === 0)
          this.#store.forgetOldest(MAX_KEPT_REPLIES);
      }
    }
  }

  /** Meter for further models, such as a judge. */
  get meter(): { models: WorkflowModels; store: CallStore; budget: Budget } {
    return { models: this.#models, store: this.#store, budget: this.#budget };
  }

  /** With the instruction of the runner, or of the workflow, where it has none of its own. */
  #told<T extends Pick<VisibleTask, "instruction">>(task: T, parts: WorkflowParts | undefined): T {
    const instruction = task.instruction ?? this.#options.instruction ?? parts?.instruction;
    return instruction === task.instruction ? task : { ...task, instruction };
  }

  #examplesOf(source: string, parts: WorkflowParts | undefined): ExampleSet | undefined {
    if (parts?.examples === undefined) {
      if (!asksForExamples(source)) return undefined;
      throw new ConfigError("the workflow asks for examples, and none came with it", {
        hint: "keep best-workflow.json beside best-workflow.js, or give its content as parts",
      });
    }
    const known = this.#sets.get(parts);
    if (known) return known;
    const set = new ExampleSet(checkParts(parts, "parts"));
    this.#sets.set(parts, set);
    return set;
  }

  #agentFor({ task, epoch, examples, onPaid }: Asked): WorkflowAgent {
    const { maxTokens = 2048, programs } = this.#options;
    return new WorkflowAgent(this.#models, {
      maxTokens,
      epoch,
      programs: programs && { runner: programs, task },
      tools: this.#tools,
      rules: this.#options.rules,
      instruction: task.instruction,
      examples: examples && (async (count, options) => examples.give(task, count, options)),
      onPaid,
    });
  }

  /** Ends the sandbox and closes the cache. */
  async close(): Promise<void> {
    await this.#closing.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
