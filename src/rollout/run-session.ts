/** @file Opens what a run needs (task, models, store, sandbox, directory) and closes it again in the right order. */
import { Budget } from "../core/budget.js";
import { ConfigError, InputError, W4sError } from "../core/errors.js";
import { hashJson, seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import { CallStore } from "../llm/call-store.js";
import type { LocalModel } from "../llm/local-model.js";
import type { MeteredModel } from "../llm/metered-model.js";
import { loadTask } from "../tasks/load-task.js";
import type { Sample, SplitName, Task } from "../tasks/task.js";
import { QuickJsSandbox } from "../workflow/quickjs-sandbox.js";
import { type BuiltExecutor, buildExecutor, loadLocal, metered, type ResolveModelFile } from "./executors.js";
import { LocalJobRunner } from "./local-job-runner.js";
import { LocalPolicy, type Policy } from "./policy.js";
import type { RunConfig } from "./run-config.js";
import { RunDirectory } from "./run-directory.js";
import type { OnRunEvent, RunEvent } from "./run-event.js";
import { spentOf } from "./run-summary.js";
import { answerKind } from "./seed-workflows.js";
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
  /** Replaces the local policy: tests and own meta-agents. */
  policy?: Policy;
}

export interface RunSession {
  config: RunConfig;
  directory: RunDirectory;
  task: Task;
  executor: BuiltExecutor;
  models: WorkflowModels;
  policy: Policy | undefined;
  runner: LocalJobRunner;
  store: CallStore;
  budget: Budget;
  validation: Sample[];
  settingsHash: string;
  emit: OnRunEvent;
  signal?: AbortSignal;
  close(): Promise<void>;
}

const MAX_SANDBOX_PROCESSES = 16;

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
  const cleanup: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const close of cleanup.reverse()) await close();
  };
  const warnings: string[] = [];
  let emit: OnRunEvent = (event) => {
    if (event.type === "warning") warnings.push(event.message);
  };
  const warn = (message: string) => emit({ type: "warning", message });
  try {
    const { allowOverlap, skipBad } = config;
    const task = await loadTask(config.task, { allowOverlap, skipBad });
    const validation = await drawItems(task, "validation", config.validationLimit, config.seed);
    for (const notice of task.notices ?? []) warn(notice);
    const localModels = new Map<string, LocalModel>();
    cleanup.push(async () => {
      for (const model of localModels.values()) await model.close();
    });
    const context = {
      config,
      localModels,
      onWarning: warn,
      resolveModelFile: hooks.resolveModelFile ?? (async (path: string) => path),
    };
    const executor = await buildExecutor(needs.executor ?? config.executor, context);
    cleanup.push(() => executor.model.close());
    if (!executor.price && config.budget.dollars !== undefined) {
      throw new ConfigError(`the price of ${executor.model.id} is unknown, so --max-dollars cannot hold`, {
        hint: "give --price-input and --price-output in dollars per million tokens, or limit tokens or calls instead",
      });
    }
    const wantsPolicyModel = (needs.policy && !hooks.policy) || config.weak === "policy";
    if (needs.policy && !hooks.policy && !config.model) {
      throw new ConfigError("no weak model was named", { hint: "add --model NAME|FILE (w4s models list)" });
    }
    const weakName =
      config.weak === "policy" ? config.model : config.weak === "none" ? undefined : config.weak;
    const policyModel = wantsPolicyModel && config.model ? await loadLocal(config.model, context) : undefined;
    const policy =
      hooks.policy ?? (needs.policy && policyModel ? localPolicy(policyModel, config) : undefined);
    const inputs = {
      taskHash: task.hash,
      modelHash: policyModel?.info.modelHash ?? null,
      adapterHash: policyModel?.info.adapterHash ?? null,
      executorId: executor.model.id,
    };
    const directory = await RunDirectory.open(
      needs.executor ? { ...config, executor: needs.executor } : config,
      {
        command: needs.command,
        executor: executor.model.id,
        isSimulated: executor.model.isSimulated,
        inputs,
      },
      warn,
    );
    cleanup.push(() => directory.close());
    emit = (event: RunEvent) => {
      directory.record(event);
      hooks.onEvent?.(event);
    };
    const store = CallStore.open(config.cache ? `${config.cache}/calls.db` : directory.file("calls.db"));
    cleanup.push(() => store.close());
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
    const aliasModels: BuiltExecutor[] = [];
    for (const alias of Object.keys(config.executors)) {
      const built = await buildExecutor(alias, context);
      aliasModels.push(built);
      cleanup.push(() => built.model.close());
      aliases.set(alias, metered(built, alias, meter));
    }
    const models: WorkflowModels = { executor: metered(executor, "executor", meter), aliases };
    if (weakName) {
      const weak = await buildExecutor(`local:${weakName}`, context);
      // Local calls cost no money and are not what a budget protects: they get one of their own.
      models.weak = metered(weak, "weak", { ...meter, budget: new Budget() });
    }
    // Runs mostly wait for replies: as many processes as runs at once, up to what memory (60 MiB each) bears.
    const processes = Math.min(config.concurrency, MAX_SANDBOX_PROCESSES);
    const sandbox = new QuickJsSandbox({ processes, limits: config.limits });
    cleanup.push(() => sandbox.close());
    const settingsHash = hashJson({
      executor: executor.model.id,
      aliases: aliasModels.map((alias) => alias.model.id),
      weak: models.weak?.id ?? null,
      limits: config.limits,
      maxTokens: config.maxTokens,
      task: task.hash,
    });
    const runner = new LocalJobRunner({
      sandbox,
      models,
      store,
      scorer: task.scorer,
      limits: config.limits,
      maxTokens: config.maxTokens,
      concurrency: config.concurrency,
      onSample: (sample) => executor.onSample(sample),
      ...(hooks.stopSignal ? { stopSignal: hooks.stopSignal } : {}),
    });
    emit({
      type: "run-start",
      command: needs.command,
      directory: directory.path,
      task: task.name,
      isResumed: directory.isResumed,
      executor: executor.model.id,
      policy: policy ? `${policy.info.id} on ${policy.info.device}` : "none",
      isSimulated: executor.model.isSimulated,
    });
    for (const message of warnings) emit({ type: "warning", message });
    return {
      config,
      directory,
      task,
      executor,
      models,
      policy,
      runner,
      store,
      budget,
      validation,
      settingsHash,
      emit,
      ...(hooks.signal ? { signal: hooks.signal } : {}),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function localPolicy(model: LocalModel, config: RunConfig): Policy {
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
export function workSettings(session: RunSession): Workbench["settings"] {
  const { seed, turns, candidates, temperature, explore, maxRepairs, screen } = session.config;
  return {
    seed,
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

/** Tells what was spent so far over all sessions of the run. */
export function emitSpent(session: Pick<RunSession, "store" | "emit">): void {
  const { calls, tokens, dollars } = spentOf(session.store.ledgerTotals());
  session.emit({ type: "spent", calls, tokens, dollars });
}

/** True for what ends a run early but leaves it resumable: budget, abort, outage. */
export function isInterruption(error: unknown): boolean {
  if (W4sError.is(error)) return error.code === "budget" || error.code.startsWith("model-");
  return error instanceof DOMException && error.name === "AbortError";
}
