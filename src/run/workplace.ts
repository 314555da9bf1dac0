/** @file Executor, models, run directory, store and sandbox of a run: opened in order, closed in reverse. */
import { join } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { identityOf } from "../config/run-identity.js";
import { Budget } from "../core/budget.js";
import { ConfigError } from "../core/errors.js";
import type { Policy } from "../design/policy.js";
import { ApprovalGate, type AskApproval, isApprovalNeeded } from "../evaluate/approval.js";
import {
  type BuiltExecutor,
  buildExecutor,
  buildWeakModel,
  type ExecutorContext,
  metered,
  type ResolveModelFile,
} from "../evaluate/build-executor.js";
import { CallPolicy } from "../evaluate/call-policy.js";
import { cardContext, executorOf } from "../evaluate/card-context.js";
import { loadTools } from "../evaluate/load-tools.js";
import { ToolBox } from "../evaluate/tool-box.js";
import type { WorkflowModels } from "../evaluate/workflow-agent.js";
import { CallStore } from "../llm/call-store.js";
import type { LocalModel } from "../llm/local/local-model.js";
import type { MeteredModel } from "../llm/metered-model.js";
import { RunDirectory } from "../records/run-directory.js";
import type { OnRunEvent, RunEvent } from "../records/run-event.js";
import type { RunCommand } from "../records/run-manifest.js";
import type { PythonSandbox } from "../workflow/python/python-sandbox.js";
import { QuickJsSandbox } from "../workflow/sandbox/quickjs-sandbox.js";
import { type Tool, type ToolSet, toolSet } from "../workflow/tool.js";
import type { Sandbox } from "../workflow/workflow-run.js";

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

const MAX_SANDBOX_PROCESSES = 16;

/** By default names are taken as paths. */
export function resolverOf(hooks: Pick<RunHooks, "resolveModelFile">): ResolveModelFile {
  return hooks.resolveModelFile ?? (async (path: string) => path);
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
    const settings = needs.executor ? { ...config, executor: needs.executor } : config;
    const directory = await RunDirectory.open(
      settings,
      {
        command: needs.command,
        label: needs.label,
        executor: executor.model.id,
        isSimulated: executor.model.isSimulated,
        identity: {
          ...identityOf(settings, needs.command),
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

/** Which model stands behind agent.weak: learning trains the policy, so it offers none unless one is named. */
export function weakName(config: RunConfig, command: RunCommand): string {
  return config.weak ?? (command === "learn" ? "none" : "policy");
}
