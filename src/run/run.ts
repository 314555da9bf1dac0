/** @file An opened run: its directory, lock, store, budget, models, sandboxes, rules, approval and events. */
import { join } from "node:path";
import PQueue from "p-queue";
import { withoutHeaderValues } from "../config/executor-params.js";
import { QUEUE_TOKEN_VARIABLE } from "../config/queue-url.js";
import type { RunConfig } from "../config/run-config.js";
import { identityOf } from "../config/run-identity.js";
import { Budget, type BudgetLimits } from "../core/budget.js";
import { CloseStack } from "../core/close-stack.js";
import { ConfigError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { writeAtomic } from "../core/write-atomic.js";
import { ApprovalGate, isApprovalNeeded } from "../evaluate/approval.js";
import { type BuiltExecutor, metered } from "../evaluate/build-executor.js";
import { cardContext, executorOf, measuredUse } from "../evaluate/card-context.js";
import { checkJudge, type JudgeContext, judgeModel } from "../evaluate/judge-model.js";
import type { LocalModels } from "../evaluate/local-models.js";
import { openTools } from "../evaluate/mcp/open-tools.js";
import { OpenModels } from "../evaluate/open-models.js";
import { Workers } from "../evaluate/queue/workers.js";
import { Rules } from "../evaluate/rules.js";
import { ServerPace } from "../evaluate/server-pace.js";
import { ToolBox } from "../evaluate/tool-box.js";
import type { WorkflowModels } from "../evaluate/workflow-agent.js";
import { cardMarkdown, workflowCard } from "../evaluate/workflow-card.js";
import { MAX_SANDBOX_PROCESSES } from "../evaluate/workflow-runner.js";
import { CallStore } from "../llm/call-store.js";
import { isLocalExecutor, planThreads } from "../llm/local/plan-threads.js";
import { BatchLog } from "../llm/openai/batch/batch-log.js";
import type { Price } from "../llm/prices.js";
import { WaveGate } from "../llm/wave-gate.js";
import { type ResultRow, type Spent, spentOf } from "../records/result-row.js";
import { RunDirectory } from "../records/run-directory.js";
import type { RunEvent } from "../records/run-event.js";
import type { RunCommand } from "../records/run-manifest.js";
import { writeSummary } from "../records/run-summary.js";
import { type WorkflowParts, writeParts } from "../records/workflow-parts.js";
import type { Task } from "../tasks/task.js";
import { ParkingSandbox } from "../workflow/parking-sandbox.js";
import { QuickJsSandbox } from "../workflow/sandbox/quickjs-sandbox.js";
import { techniquesLeftOut } from "../workflow/techniques.js";
import { type ToolSet, toolSet } from "../workflow/tool.js";
import type { Bench } from "./bench.js";
import { type BenchEquipment, type BenchOptions, openBench } from "./open-bench.js";
import type { RunHooks } from "./run-hooks.js";
import { searchPlan } from "./search-plan.js";
import type { InstructionPlan } from "./task-instructions.js";
import type { TaskOpener } from "./task-opener.js";

/** Order by which a command opens a run. */
export interface RunOrder {
  command: RunCommand;
  /** Name that the run directory is made of and its start is announced with. */
  label: string;
  /** The meta-agent as the log names it. Default none. */
  policy?: string | undefined;
  /** True where workflows are designed, so that approval can be asked for. Default: in all commands but eval. */
  isDesigning?: boolean | undefined;
  /** Hashes of what the run works on: a run that is taken up must find the same. */
  inputs: Record<string, unknown>;
  /** Local models, which whoever made it closes. */
  local: LocalModels;
  /** Opened the run's tasks; whoever made it closes it. */
  tasks: TaskOpener;
  hooks: RunHooks;
  /** Budget of the runs that this one belongs to. Default: one of its own, as the configuration has it. */
  budget?: Budget | undefined;
}

/** The workflow a run leaves as best-workflow.js, with its card. */
export interface BestWorkflow {
  title: string;
  source: string;
  /** Figures of the workflow, for the card. */
  row?: ResultRow | undefined;
  /** What it needs beside its source. Default: nothing. */
  parts?: WorkflowParts | undefined;
}

const DEFAULT_INSTRUCTIONS = 4;
/** Which batches hold which calls, in a run directory. */
const BATCH_FILE = "batches.jsonl";
/** What the providers that have batches ask for a call in one, as a share of its price. */
const BATCH_PRICE = 0.5;

type InstructionContext = JudgeContext & {
  config: Pick<RunConfig, "instructions" | "instructionsBy" | "maxTokens">;
};

export class Run implements AsyncDisposable {
  /** With the limits of the rules, where these are tighter. */
  readonly config: RunConfig;
  readonly command: RunCommand;
  readonly directory: RunDirectory;
  readonly executor: BuiltExecutor;
  /** Model behind agent.weak; undefined where there is none. */
  readonly weak: BuiltExecutor | undefined;
  readonly models: WorkflowModels;
  readonly store: CallStore;
  readonly signal: AbortSignal | undefined;
  readonly stopSignal: AbortSignal | undefined;
  readonly #equipment: BenchEquipment;
  readonly #budget: Budget;
  readonly #hooks: RunHooks;
  readonly #closing: CloseStack;
  readonly #said = new Set<string>();

  private constructor(
    config: RunConfig,
    { command, hooks }: RunOrder,
    directory: RunDirectory,
    equipment: BenchEquipment,
    budget: Budget,
    closing: CloseStack,
  ) {
    this.config = config;
    this.command = command;
    this.directory = directory;
    this.executor = equipment.opened.executor;
    this.weak = equipment.opened.weak;
    this.models = equipment.models;
    this.store = equipment.store;
    this.signal = hooks.signal;
    this.stopSignal = hooks.stopSignal;
    this.#equipment = equipment;
    this.#budget = budget;
    this.#hooks = hooks;
    this.#closing = closing;
  }

  /**
   * Opens everything in order; what was opened is closed again when a later part fails.
   * @throws {ConfigError | InputError | ModelCallError} before anything is paid
   */
  static async open(given: RunConfig, order: RunOrder): Promise<Run> {
    const { command, label, policy = "none", local, tasks, hooks } = order;
    const rules = given.rulesFile === undefined ? undefined : Rules.load(given.rulesFile);
    const config = rules?.tighten(given) ?? given;
    techniquesLeftOut(config.without);
    const { instructions, instructionsBy } = config;
    if (command !== "eval" && (instructions || instructionsBy !== undefined))
      checkJudge(instructionsBy ?? "executor", config, "instructions");
    const closing = new CloseStack();
    const warnings: string[] = [];
    let warn = (message: string): void => void warnings.push(message);
    try {
      // Learning trains the weak model, so it offers none to workflows unless one is named.
      const weak = config.weak ?? (command === "learn" ? "none" : "policy");
      const opened = await OpenModels.open({ ...config, weak }, local, (message) => warn(message));
      closing.add(() => opened[Symbol.asyncDispose]());
      const { executor } = opened;
      if (config.budget.dollars !== undefined) {
        if (!config.dryRun) await opened.learnPrices(hooks.signal);
        else if (executor.price === undefined) warn(unpricedWarning(executor.model.id));
      }
      // Nothing is paid in a dry run: its limits hold nothing.
      const limits = config.dryRun ? {} : config.budget;
      refuseUnpriced(limits, executor.model.id, executor.price);
      rules?.refuseExecutor(executor.model.id);
      const { isDesigning = command !== "eval" } = order;
      const isAsking = isDesigning && isApprovalNeeded(config, config.executor, hooks.approve !== undefined);
      const handed = hooks.tools && toolSet(hooks.tools);
      const named = handed || config.tools === undefined ? undefined : await openTools(config.tools);
      if (named) closing.add(() => named.close());
      const ownTools = handed ?? named;
      const directory = await RunDirectory.open(
        withoutHeaderValues(config),
        {
          command,
          label,
          executor: executor.model.id,
          isSimulated: executor.model.isSimulated,
          search: searchPlan(config, command),
          identity: {
            ...identityOf(config, command),
            ...order.inputs,
            executorId: executor.model.id,
            mcpTools: named?.fromServers,
            toolsHash: ownTools?.hash,
            callPolicyHash: rules?.hash,
          },
        },
        (message) => warn(message),
      );
      closing.add(() => directory.close());
      opened.keepHabits(directory.file("endpoints.json"));
      const batchFile = directory.file(BATCH_FILE);
      if (!config.batch) refusePending(batchFile);
      const emit = (event: RunEvent) => {
        directory.record(event);
        hooks.onEvent?.(event);
      };
      warn = (message) => emit({ type: "warning", message });
      const approval = new ApprovalGate({
        isAsking,
        earlier: directory.approvals,
        file: config.approveFile,
        ask: hooks.approve,
        context: cardContext(config, executorOf({ executor })),
        emit,
        directory: directory.path,
      });
      const store = CallStore.open(
        config.cache ? join(config.cache, "calls.db") : directory.file("calls.db"),
        directory.id,
      );
      closing.add(() => store.close());
      const tools = ownTools && toolBox(ownTools, store, config.executor, closing);
      const isKnown = config.dryRun || store.hasAnswered(executor.model.id);
      // What is stored can be read without the endpoint, and has shown that it answers.
      if (!isKnown) await executor.model.preflight?.(hooks.signal);
      const gate = config.batch ? new WaveGate() : undefined;
      if (gate) {
        const log = BatchLog.open(batchFile);
        closing.add(() => log.close());
        const check = opened.useBatches(
          {
            ...{ gate, log, stopSignal: hooks.stopSignal },
            maxRequests: config.batchRequests,
            maxBytes: config.batchBytes,
            onProgress: (progress) => emit({ type: "batch-wait", ...progress }),
            onWarning: (message) => warn(message),
          },
          config.batchPrice ?? BATCH_PRICE,
        );
        if (!isKnown) await check();
      }
      const { budget = new Budget(limits) } = order;
      restore(budget, store);
      const meter = { store, budget, seed: config.seed };
      const models: WorkflowModels = {
        executor: metered(executor, "executor", meter),
        aliases: new Map([...opened.aliases].map(([alias, built]) => [alias, metered(built, alias, meter)])),
      };
      // Local calls cost no money and are not what a budget protects: they get one of their own.
      if (opened.weak) models.weak = metered(opened.weak, "weak", { ...meter, budget: new Budget() });
      const plan = instructionPlan(command, { config, models, store, budget });
      const workers =
        config.queue === undefined || config.dryRun
          ? undefined
          : await Workers.open(config.queue, {
              ...{ store, budget, rules, tools: ownTools, onWarning: (message) => warn(message) },
              // Runs of 0.1 have no id.
              run: directory.id || sha256(directory.path).slice(0, 32),
              token: process.env[QUEUE_TOKEN_VARIABLE],
            });
      if (workers) closing.add(() => workers.close());
      // In batches nobody waits for a place: what is bounded is the processes that compute.
      const processes = gate ? undefined : Math.min(config.concurrency, MAX_SANDBOX_PROCESSES);
      const quickJs = new QuickJsSandbox({ processes, limits: config.limits });
      closing.add(() => quickJs.close());
      const sandbox = gate ? new ParkingSandbox(quickJs, gate) : quickJs;
      const isSearch = command === "optimize" || command === "collect";
      const { signal, stopSignal, runner } = hooks;
      const equipment: BenchEquipment = {
        ...{ config, opened, models, sandbox, tools, rules, approval, store, emit },
        instructions: plan,
        ...{ signal, stopSignal, runner, workers },
        programs: tasks.programs,
        queue: new PQueue({ concurrency: gate ? Number.POSITIVE_INFINITY : config.concurrency }),
        gate,
        directory: directory.path,
        search: directory.search,
        pace:
          executor.model.isSimulated || gate
            ? undefined
            : new ServerPace({
                concurrency: config.concurrency,
                wallMs: config.limits.wallMs,
                onWarning: (message) => warn(message),
              }),
        defaultReward: isSearch ? "discrete" : "accuracy",
        paysScreening: directory.shrinksRewards,
      };
      const run = new Run(config, order, directory, equipment, budget, closing);
      tasks.bindJudge(run.meter);
      run.emit({
        type: "run-start",
        command,
        directory: directory.path,
        task: label,
        isResumed: directory.isResumed,
        isDryRun: config.dryRun || undefined,
        executor: executor.model.id,
        policy,
        isSimulated: executor.model.isSimulated,
      });
      if (isLocalExecutor(config.executor))
        run.emit({ type: "threads", ...planThreads(true, config.threads) });
      if (rules) run.emit({ type: "call-policy", file: config.rulesFile ?? "", hash: rules.hash });
      for (const message of warnings) run.warn(message);
      return run;
    } catch (error) {
      await closing.close().catch(() => {});
      throw error;
    }
  }

  /** A task in this run. @throws {InputError} on a validation split without items */
  async bench(task: Task, options: BenchOptions = {}): Promise<Bench> {
    return await openBench(this.#equipment, task, options);
  }

  emit(event: RunEvent): void {
    this.directory.record(event);
    this.#hooks.onEvent?.(event);
  }

  /** Says it once a session. */
  warn(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.emit({ type: "warning", message });
  }

  /** Cost of this run so far, over all its sessions. */
  spent(): Spent {
    return spentOf(this.store.ledgerTotals());
  }

  emitSpent(): void {
    const { calls, tokens, dollars } = this.spent();
    this.emit({ type: "spent", calls, tokens, dollars });
  }

  /** Meter for further models, such as a judge. */
  get meter(): JudgeContext {
    const { config, models, store } = this;
    return { config, models, store, budget: this.#budget };
  }

  /**
   * Leaves what a run ends with: warnings and spending in the log, summary.json, and the best workflow with its card.
   * Called for interrupted runs too.
   */
  async finish(result: Parameters<typeof writeSummary>[1], best?: BestWorkflow): Promise<void> {
    const { directory, config } = this;
    for (const message of result.warnings) this.warn(message);
    this.emitSpent();
    await writeSummary(directory.path, result);
    if (best) {
      await writeAtomic(directory.file("best-workflow.js"), best.source);
      await writeParts(directory.file("best-workflow.js"), best.parts);
      const card = workflowCard(best.source, cardContext(config, executorOf(this)), measuredUse(best.row));
      await writeAtomic(directory.file("best-workflow.md"), cardMarkdown(card, best.title));
    }
    this.emit({ type: "run-end", directory: directory.path, isComplete: result.isComplete });
  }

  /** Closes everything, in reverse order, also when one of the parts cannot be closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.close();
  }
}

/** @throws {ConfigError} where a limit in dollars cannot hold, since the price of a model is unknown */
export function refuseUnpriced(limits: BudgetLimits, model: string, price: Price | null | undefined): void {
  if (price || limits.dollars === undefined) return;
  throw new ConfigError(`the price of ${model} is unknown, so --max-dollars cannot hold`, {
    hint: "give --price-input and --price-output in dollars per million tokens, or limit tokens or calls instead",
  });
}

function unpricedWarning(model: string): string {
  return `the price of ${model} is unknown: the run asks it for one token first, and ends there unless the answer says what was charged (routers do); --price-input and --price-output give it`;
}

/** @throws {ConfigError} where calls lie in batches, which would be paid a second time without them */
function refusePending(path: string): void {
  const pending = BatchLog.pending(path);
  if (pending.length === 0) return;
  const calls = pending.reduce((sum, { ids }) => sum + ids.length, 0);
  const names = pending.map(({ batch, plan }) => batch ?? plan).join(", ");
  throw new ConfigError(`${calls} calls of this run are in batches that were not read (${names})`, {
    hint: `go on with --batch; to give them up, cancel them on the provider's page and remove ${path}`,
  });
}

/** By default four instructions where workflows are searched for and the writer is a real model. */
function instructionPlan(command: RunCommand, context: InstructionContext): InstructionPlan | undefined {
  const { instructions, instructionsBy: name = "executor", maxTokens } = context.config;
  const { executor, aliases } = context.models;
  const { isSimulated = true } = (name === "executor" ? executor : aliases.get(name)) ?? {};
  const count = instructions ?? (command === "eval" ? 0 : DEFAULT_INSTRUCTIONS);
  if (isSimulated || count === 0) return undefined;
  return { count, writer: judgeModel(name, context, "instructions"), maxTokens };
}

/** Charges the budget with what earlier sessions of the run have used. */
function restore(budget: Budget, store: CallStore): void {
  for (const row of store.ledgerTotals()) {
    if (row.role === "weak") continue;
    const { calls, promptTokens, completionTokens, dollars } = row;
    budget.restore({ calls, tokens: promptTokens + completionTokens, dollars: dollars ?? 0 });
  }
}

/** In a replay the results that the recorded run has stored; else the tools themselves. */
function toolBox(tools: ToolSet, store: CallStore, executor: string, closing: CloseStack): ToolBox {
  const replayed = /^replay:(.+)$/.exec(executor)?.[1];
  if (replayed === undefined) return new ToolBox(tools, store);
  const recorded = CallStore.open(join(replayed, "calls.db"));
  closing.add(() => recorded.close());
  return new ToolBox(tools, store, recorded);
}
