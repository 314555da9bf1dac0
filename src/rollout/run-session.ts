/** @file Opens what a run needs (task, models, store, sandbox, directory) and closes it again in the right order. */
import { join } from "node:path";
import { Budget } from "../core/budget.js";
import { ConfigError, InputError, W4sError } from "../core/errors.js";
import { hashJson, seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { CallStore } from "../llm/call-store.js";
import type { LocalModel } from "../llm/local-model.js";
import type { MeteredModel } from "../llm/metered-model.js";
import { loadTask } from "../tasks/load-task.js";
import type { Sample, SplitName, Task } from "../tasks/task.js";
import { PythonSandbox } from "../workflow/python-sandbox.js";
import { QuickJsSandbox } from "../workflow/quickjs-sandbox.js";
import { type Tool, type ToolSet, toolSet } from "../workflow/tool.js";
import type { Sandbox } from "../workflow/workflow-run.js";
import { ApprovalGate, type AskApproval, isApprovalNeeded } from "./approval.js";
import { CallPolicy } from "./call-policy.js";
import { cardContext, executorOf } from "./card-context.js";
import { refuseUnmeasured } from "./composite-reward.js";
import {
  type BuiltExecutor,
  buildExecutor,
  buildWeakModel,
  type ExecutorContext,
  loadLocal,
  metered,
  type ResolveModelFile,
} from "./executors.js";
import { loadTools } from "./load-tools.js";
import { LocalJobRunner } from "./local-job-runner.js";
import { openEmbedder } from "./open-embedder.js";
import { LocalPolicy, type Policy } from "./policy.js";
import type { RunConfig } from "./run-config.js";
import { type RunCommand, RunDirectory } from "./run-directory.js";
import type { OnRunEvent, RunEvent } from "./run-event.js";
import { spentOf } from "./run-summary.js";
import { answerKind } from "./seed-workflows.js";
import { ToolBox } from "./tool-box.js";
import type { Workbench } from "./workbench.js";
import type { WorkflowModels } from "./workflow-agent.js";

export interface RunHooks {
  onEvent?: OnRunEvent;
  /** Hard stop: what is in flight is given up. */
  signal?: AbortSignal;
  /** Graceful stop: nothing new starts, what is in flight finishes and is stored. */
  stopSignal?: AbortSignal;
  /** Turns a model name into a file; by default names are taken as paths. */
  resolveModelFile?: ResolveModelFile;
  /** Asks a person before a newly designed workflow first runs against a paid executor; needs `approve` in the configuration. */
  approve?: AskApproval;
  /** Replaces the local policy: tests and own meta-agents. */
  policy?: Policy;
  /** Own tools instead of the module of `tools` in the configuration. */
  tools?: readonly Tool[] | ToolSet;
}

/** What all tasks of a run share. */
export interface Workplace {
  config: RunConfig;
  directory: RunDirectory;
  executor: BuiltExecutor;
  /** What stands behind agent.weak, where there is one. */
  weakModel: BuiltExecutor | undefined;
  models: WorkflowModels;
  sandbox: Sandbox;
  programs: PythonSandbox | undefined;
  /** Own tools of the user, for all tasks. */
  tools: ToolBox | undefined;
  /** What workflows must not do. */
  callPolicy: CallPolicy | undefined;
  /** Who may run. */
  approval: ApprovalGate;
  store: CallStore;
  budget: Budget;
  aliasIds: readonly string[];
  emit: OnRunEvent;
  signal?: AbortSignal;
  stopSignal?: AbortSignal;
  close(): Promise<void>;
}

/** One task in a workplace. */
export interface TaskBench {
  task: Task;
  validation: Sample[];
  runner: LocalJobRunner;
  settingsHash: string;
}

export interface RunSession extends Workplace, TaskBench {
  policy: Policy | undefined;
}

const MAX_SANDBOX_PROCESSES = 16;
/**
 * Python in WebAssembly takes about three times as long as CPython, for which benchmarks allow 5 s; and a busy machine must
 * not make a right program wrong.
 */
const PROGRAM_LIMITS = { wallMs: 20_000, busyMs: 40_000 };

/** Which parts a command needs. */
export interface SessionNeeds {
  command: "optimize" | "collect" | "eval";
  policy: boolean;
  /** Overrides the executor of the configuration (transfer tables). */
  executor?: string;
}

/**
 * Opens a session. Whatever was opened is closed again when a later part fails.
 * @throws {ConfigError | InputError | ModelCallError} before anything is paid.
 */
export async function openSession(
  config: RunConfig,
  needs: SessionNeeds,
  hooks: RunHooks,
): Promise<RunSession> {
  const { allowOverlap, skipBad } = config;
  const programs = programSandbox();
  const task = await loadTask(config.task, {
    allowOverlap,
    skipBad,
    programs,
    openEmbedder: () => openEmbedder(resolverOf(hooks), config.threads),
  });
  if (needs.policy) refuseUnmeasured(config, task);
  let policy: Policy | undefined = hooks.policy;
  const workplace = await openWorkplace(
    config,
    {
      command: needs.command,
      label: config.task,
      ...(needs.executor === undefined ? {} : { executor: needs.executor }),
      programs,
      prepare: async (context) => {
        if (needs.policy && !hooks.policy && !config.model) {
          throw new ConfigError("no weak model was named", {
            hint: "add --model NAME|FILE (w4s models list)",
          });
        }
        const wantsModel = (needs.policy && !hooks.policy) || weakName(config, needs.command) === "policy";
        const model = wantsModel && config.model ? await loadLocal(config.model, context) : undefined;
        if (needs.policy && model) policy ??= localPolicy(model, config);
        return {
          policy: policy ? `${policy.info.id} on ${policy.info.device}` : "none",
          inputs: {
            taskHash: task.hash,
            modelHash: model?.info.modelHash ?? null,
            adapterHash: model?.info.adapterHash ?? null,
          },
        };
      },
    },
    hooks,
  );
  try {
    const bench = await openTask(workplace, task);
    return { ...workplace, ...bench, policy };
  } catch (error) {
    await workplace.close();
    throw error;
  }
}

/** By default names are taken as paths. */
export function resolverOf(hooks: Pick<RunHooks, "resolveModelFile">): ResolveModelFile {
  return hooks.resolveModelFile ?? (async (path: string) => path);
}

/** Where the programs of code tasks run, as all commands want it; close it, or hand it to openWorkplace(). */
export function programSandbox(): PythonSandbox {
  return new PythonSandbox({ limits: PROGRAM_LIMITS });
}

/** What a command asks of its workplace. */
export interface WorkplaceNeeds {
  command: RunCommand;
  /** What the run directory is named after, and what its start is announced with. */
  label: string;
  executor?: string;
  /** Runs the programs of code tasks; closed with the workplace. It starts nothing before it is used. */
  programs?: PythonSandbox;
  /** Loads the policy's model, before the run directory is opened: what it hashes to is part of the run. */
  prepare(context: ExecutorContext): Promise<{ policy: string; inputs: Record<string, unknown> }>;
}

/**
 * Opens executor, models, run directory, store and sandbox. Whatever was opened is closed again on an error.
 * @throws {ConfigError | InputError | ModelCallError} before anything is paid.
 */
export async function openWorkplace(
  given: RunConfig,
  needs: WorkplaceNeeds,
  hooks: RunHooks,
): Promise<Workplace> {
  const callPolicy = given.policyFile === undefined ? undefined : CallPolicy.load(given.policyFile);
  const config = callPolicy?.tighten(given) ?? given;
  const cleanup: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const close of cleanup.reverse()) await close();
  };
  const warnings: string[] = [];
  let emit: OnRunEvent = (event) => {
    if (event.type === "warning") warnings.push(event.message);
  };
  const warn = (message: string) => emit({ type: "warning", message });
  const { programs } = needs;
  if (programs) cleanup.push(() => programs.close());
  try {
    const localModels = new Map<string, LocalModel>();
    cleanup.push(async () => {
      for (const model of localModels.values()) await model.close();
    });
    const context = {
      config,
      localModels,
      onWarning: warn,
      resolveModelFile: resolverOf(hooks),
    };
    const executor = await buildExecutor(needs.executor ?? config.executor, context);
    cleanup.push(() => executor.model.close());
    if (!executor.price && config.budget.dollars !== undefined) {
      throw new ConfigError(`the price of ${executor.model.id} is unknown, so --max-dollars cannot hold`, {
        hint: "give --price-input and --price-output in dollars per million tokens, or limit tokens or calls instead",
      });
    }
    callPolicy?.refuseExecutor(executor.model.id);
    const isAsking = isApprovalNeeded(config, needs.executor ?? config.executor, hooks.approve !== undefined);
    const handed = hooks.tools && toolSet(hooks.tools);
    const ownTools = handed ?? (config.tools === undefined ? undefined : await loadTools(config.tools));
    const { policy, inputs } = await needs.prepare(context);
    const directory = await RunDirectory.open(
      needs.executor ? { ...config, executor: needs.executor } : config,
      {
        command: needs.command,
        label: needs.label,
        executor: executor.model.id,
        isSimulated: executor.model.isSimulated,
        inputs: {
          ...inputs,
          executorId: executor.model.id,
          ...(ownTools ? { toolsHash: ownTools.hash } : {}),
          ...(callPolicy ? { callPolicyHash: callPolicy.hash } : {}),
        },
      },
      warn,
    );
    cleanup.push(() => directory.close());
    emit = (event: RunEvent) => {
      directory.record(event);
      hooks.onEvent?.(event);
    };
    const approval = new ApprovalGate({
      isAsking,
      earlier: directory.approvals,
      file: config.approveFile,
      ask: hooks.approve,
      context: cardContext(config, executorOf({ executor })),
      emit: (event) => emit(event),
      directory: directory.path,
    });
    const store = CallStore.open(config.cache ? `${config.cache}/calls.db` : directory.file("calls.db"));
    cleanup.push(() => store.close());
    const tools = ownTools && openTools(ownTools, store, needs.executor ?? config.executor, cleanup);
    // Once anything is stored the endpoint has proved itself, and what is stored can be read without it.
    if (!config.dryRun && store.replyCount() === 0) await executor.model.preflight?.(hooks.signal);
    const budget = new Budget(config.budget);
    for (const row of store.ledgerTotals()) {
      if (row.role === "weak") continue;
      budget.restore({
        calls: row.calls,
        tokens: row.promptTokens + row.completionTokens,
        dollars: row.dollars ?? 0,
      });
    }
    const meter = { store, budget, seed: config.seed };
    const aliases = new Map<string, MeteredModel>();
    const aliasIds: string[] = [];
    for (const alias of Object.keys(config.executors)) {
      const built = await buildExecutor(alias, context);
      aliasIds.push(built.model.id);
      cleanup.push(() => built.model.close());
      aliases.set(alias, metered(built, alias, meter));
    }
    const models: WorkflowModels = { executor: metered(executor, "executor", meter), aliases };
    const weak = weakName(config, needs.command);
    const weakFile = weak === "policy" ? config.model : weak === "none" ? undefined : weak;
    const weakModel = weakFile ? await buildWeakModel(weakFile, context) : undefined;
    // Local calls cost no money and are not what a budget protects: they get one of their own.
    if (weakModel) models.weak = metered(weakModel, "weak", { ...meter, budget: new Budget() });
    // Runs mostly wait for replies: as many processes as runs at once, up to what memory (60 MiB each) bears.
    const processes = Math.min(config.concurrency, MAX_SANDBOX_PROCESSES);
    const sandbox = new QuickJsSandbox({ processes, limits: config.limits });
    cleanup.push(() => sandbox.close());
    emit({
      type: "run-start",
      command: needs.command,
      directory: directory.path,
      task: needs.label,
      isResumed: directory.isResumed,
      executor: executor.model.id,
      policy,
      isSimulated: executor.model.isSimulated,
    });
    if (callPolicy) emit({ type: "call-policy", file: config.policyFile ?? "", hash: callPolicy.hash });
    for (const message of warnings) emit({ type: "warning", message });
    return {
      config,
      directory,
      executor,
      weakModel,
      models,
      sandbox,
      programs,
      tools,
      callPolicy,
      approval,
      store,
      budget,
      aliasIds,
      emit,
      ...(hooks.signal ? { signal: hooks.signal } : {}),
      ...(hooks.stopSignal ? { stopSignal: hooks.stopSignal } : {}),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** In a replay the results that the recorded run has stored; else the tools themselves. */
function openTools(
  tools: ToolSet,
  store: CallStore,
  executor: string,
  cleanup: (() => Promise<void> | void)[],
): ToolBox {
  const replayed = /^replay:(.+)$/.exec(executor)?.[1];
  if (replayed === undefined) return new ToolBox(tools, store);
  const recorded = CallStore.open(join(replayed, "calls.db"));
  cleanup.push(() => recorded.close());
  return new ToolBox(tools, store, recorded);
}

/** How a task is opened where a command wants more than the usual. */
export interface TaskOptions {
  /** Results carry the texts of all replies. Default false. */
  keepReplies?: boolean;
  /** Validation items where they were drawn before, or none are needed. Default: drawn by the configuration. */
  validation?: Sample[];
}

/** Draws a task's validation items and makes its runner. @throws {InputError} on a split without items. */
export async function openTask(
  workplace: Workplace,
  task: Task,
  { keepReplies = false, validation: drawn }: TaskOptions = {},
): Promise<TaskBench> {
  const { config, executor, weakModel, models, sandbox, store, stopSignal, tools, callPolicy } = workplace;
  const programs = task.kind === "code" ? workplace.programs : undefined;
  const validation = drawn ?? (await drawItems(task, "validation", config.validationLimit, config.seed));
  // What is wrong with a split is known once it has been read.
  for (const message of task.notices ?? []) workplace.emit({ type: "warning", message });
  const settingsHash = hashJson({
    executor: executor.model.id,
    aliases: workplace.aliasIds,
    weak: models.weak?.id ?? null,
    limits: config.limits,
    ...(programs ? { programs: programs.limits } : {}),
    ...(tools ? { tools: tools.hash } : {}),
    ...(callPolicy ? { callPolicy: callPolicy.hash } : {}),
    maxTokens: config.maxTokens,
    ...(task.scorer.basis === undefined ? {} : { scorer: task.scorer.basis }),
    task: task.hash,
    ...(keepReplies ? { keepReplies } : {}),
  });
  const runner = new LocalJobRunner({
    sandbox,
    models,
    store,
    scorer: task.scorer,
    programs,
    tools,
    policy: callPolicy,
    onViolation: (violation) => {
      const message = `agent.${violation.call} was stopped by the policy (${violation.rule})`;
      workplace.emit({ type: "policy-violation", ...violation, message });
    },
    limits: config.limits,
    maxTokens: config.maxTokens,
    concurrency: config.concurrency,
    keepReplies,
    onSample: (sample) => {
      executor.onSample(sample);
      weakModel?.onSample(sample);
    },
    ...(stopSignal ? { stopSignal } : {}),
  });
  return { task, validation, runner, settingsHash };
}

/** Which model stands behind agent.weak: learning trains the policy, so it offers none unless one is named. */
function weakName(config: RunConfig, command: RunCommand): string {
  return config.weak ?? (command === "learn" ? "none" : "policy");
}

export function localPolicy(model: LocalModel, config: RunConfig): Policy {
  return new LocalPolicy(model, {
    style: config.promptStyle,
    grammar: config.grammar,
    logProbs: config.logProbs,
  });
}

/** A seeded, fixed choice of items; the same limit and seed give the same items in the same order. */
export async function drawItems(
  task: Task,
  split: SplitName,
  limit: number,
  seed: number,
): Promise<Sample[]> {
  const samples = await task.load(split);
  if (samples.length === 0) {
    throw new InputError(`0 items in split ${split} of ${task.name}`, {
      hint: "w4s data validate names what is wrong",
    });
  }
  return new Random(seedFrom(seed, "items", split)).shuffle(samples).slice(0, limit);
}

/** The settings of a configuration that a workbench carries. */
export function workSettings(
  session: Pick<Workplace, "config"> & Pick<TaskBench, "settingsHash">,
): Workbench["settings"] {
  const { seed, turns, candidates, temperature, explore, maxRepairs, screen, parent } = session.config;
  return {
    seed,
    drawSeed: seed,
    parent,
    turns,
    candidates,
    temperature,
    explore,
    maxRepairs,
    screen,
    settingsHash: session.settingsHash,
    resamples: session.config.bootstrap.samples,
  };
}

/** What a task offers to its workflows, for prompts and grammar. */
export function cardOf(task: Task): {
  title: string;
  description: string;
  answer: ReturnType<typeof answerKind>;
} {
  return { title: task.title, description: task.description, answer: answerKind(task) };
}

/** The optional calls that workflows have here. */
export function offersOf(
  task: Pick<Task, "kind">,
  models: Pick<WorkflowModels, "weak">,
  tools?: ToolBox,
  callPolicy?: CallPolicy,
): Set<string> {
  const programs = task.kind === "code" ? ["runPython", "test"] : [];
  const offers = new Set([...(models.weak ? ["weak"] : []), ...programs, ...(tools ? ["tool"] : [])]);
  return callPolicy?.allowed(offers) ?? offers;
}

/** Tells what was spent so far over all sessions of the run. */
export function emitSpent(session: Pick<RunSession, "store" | "emit">): void {
  const { calls, tokens, dollars } = spentOf(session.store.ledgerTotals());
  session.emit({ type: "spent", calls, tokens, dollars });
}

/** True for what ends a run early but leaves it resumable: budget, abort, outage. */
export function isInterruption(error: unknown): boolean {
  if (W4sError.is(error))
    return error.code === "budget" || error.code === "approval" || error.code.startsWith("model-");
  return error instanceof DOMException && error.name === "AbortError";
}
