/** @file A worker's own making of a plan: its models, scorer, tools and rules, refused where they are not the run's. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { RunConfig } from "../../config/run-config.js";
import { Budget } from "../../core/budget.js";
import { CloseStack } from "../../core/close-stack.js";
import { ConfigError } from "../../core/errors.js";
import { hashJson } from "../../core/hash.js";
import { type BuiltExecutor, metered } from "../../evaluate/build-executor.js";
import type { JobNaming } from "../../evaluate/evaluation.js";
import { ExampleSet } from "../../evaluate/examples/example-set.js";
import { LateJudge } from "../../evaluate/judge-model.js";
import { type LoadedTools, loadTools } from "../../evaluate/load-tools.js";
import { type JobQueue, LocalJobRunner } from "../../evaluate/local-job-runner.js";
import type { LocalModels } from "../../evaluate/local-models.js";
import { openEmbedder } from "../../evaluate/open-embedder.js";
import { OpenModels } from "../../evaluate/open-models.js";
import { askedHash, type PlannedModel, type QueuePlan } from "../../evaluate/queue/queue-plan.js";
import { differences, type SettingsBasis, settingsHash } from "../../evaluate/queue/settings-basis.js";
import type { SharedCalls } from "../../evaluate/queue/shared-calls.js";
import { SharedModel } from "../../evaluate/queue/shared-model.js";
import { Rules } from "../../evaluate/rules.js";
import { ServerPace } from "../../evaluate/server-pace.js";
import { ToolBox } from "../../evaluate/tool-box.js";
import type { WorkflowModels } from "../../evaluate/workflow-agent.js";
import type { MeteredModelOptions } from "../../llm/metered-model.js";
import type { WorkflowParts } from "../../records/workflow-parts.js";
import type { MetricOptions } from "../../tasks/dataset-manifest.js";
import { makeScorer } from "../../tasks/make-scorer.js";
import type { Scorer } from "../../tasks/task.js";
import type { PythonSandbox } from "../../workflow/python/python-sandbox.js";
import type { Sandbox } from "../../workflow/workflow-run.js";

/** The settings a worker works with; what decides results comes from the plan. */
export type WorkerConfig = ConstructorParameters<typeof LocalModels>[0] &
  Parameters<typeof OpenModels.open>[0] &
  Pick<RunConfig, "tools">;

/** What a worker has, for all plans. */
export interface WorkerEquipment {
  config: WorkerConfig;
  local: LocalModels;
  sandbox: Sandbox;
  /** Undefined where it takes no jobs with Python. */
  programs: PythonSandbox | undefined;
  /** Slots that all plans share. */
  queue: JobQueue;
  /** It runs tools that come with a plan: only from who shares its secret. */
  runsTools: boolean;
  signal: AbortSignal | undefined;
}

export interface OpenedPlan {
  plan: QueuePlan;
  runner: LocalJobRunner;
  /** Parts of every job's name. */
  naming: JobNaming;
  close(): Promise<void>;
}

/** Told while jobs run. */
export interface PlanHooks {
  onWarning: (message: string) => void;
  onViolation: (violation: { workflow: string; call: string; rule: string; sample: string }) => void;
  /** Nothing new starts once it is aborted. */
  stopSignal: AbortSignal;
}

/**
 * @param text - reads an artefact of the plan by its content hash
 * @throws {ConfigError | InputError | ModelCallError} saying why this worker cannot do it
 */
export async function openPlan(
  plan: QueuePlan,
  calls: SharedCalls,
  text: (hash: string) => Promise<string>,
  equipment: WorkerEquipment,
  hooks: PlanHooks,
): Promise<OpenedPlan> {
  const closing = new CloseStack();
  const { config, local } = equipment;
  try {
    const opened = await OpenModels.open({ ...config, seed: plan.seed }, local, hooks.onWarning);
    closing.add(() => opened[Symbol.asyncDispose]());
    const meters = metersOf(plan, opened, config, calls);
    const models = meters();
    await models.executor.model.preflight?.(equipment.signal);
    const programs = plan.hasPrograms || plan.metric === "tests" ? equipment.programs : undefined;
    if ((plan.hasPrograms || plan.metric === "tests") && !programs)
      throw new ConfigError("its workflows may run Python, and this worker was started with --no-python");
    const rules = plan.rules === null ? undefined : new Rules(JSON.parse(await text(plan.rules)), "rules");
    const tools = await toolsOf(plan, text, equipment, closing);
    const scorer = await scorerOf(plan, programs, local, () => meters("judge"));
    const basis: SettingsBasis = {
      ...(plan.basis as unknown as SettingsBasis),
      executor: models.executor.id,
      weak: models.weak?.id ?? null,
      programs: plan.basis.programs === undefined ? undefined : programs?.limits,
      tools: tools?.hash,
      callPolicy: rules?.hash,
      scorer: scorer.basis,
    };
    const programsHash = programs && plan.programsHash !== null ? hashJson(programs.limits) : undefined;
    const found = differences(plan.basis, basis);
    if ((programsHash ?? null) !== plan.programsHash) found.push("limits of programs");
    if (found.length > 0) throw new ConfigError(`its results would be others here (${found.join("; ")})`);
    const runner = new LocalJobRunner({
      ...{ scorer, models, programs, rules },
      ...{ sandbox: equipment.sandbox, queue: equipment.queue },
      // Each result goes to the run; nothing is kept here.
      store: { getResult: () => undefined, putResult: (_, json) => json },
      tools: tools && new ToolBox(tools, calls),
      examples: shownExamples(),
      pace: models.executor.isSimulated
        ? undefined
        : new ServerPace({
            concurrency: config.concurrency,
            wallMs: plan.wallMs,
            onWarning: hooks.onWarning,
          }),
      onViolation: hooks.onViolation,
      limits: plan.limits,
      maxTokens: plan.maxTokens,
      keepReplies: plan.keepReplies,
      onSample: (sample) => opened.onSample(sample),
      stopSignal: hooks.stopSignal,
    });
    const { metric, seed } = plan;
    const naming = { metric, seed, settingsHash: settingsHash(basis), programsHash };
    return { plan, runner, naming, close: () => closing.close() };
  } catch (error) {
    await closing.close().catch(() => {});
    throw error;
  }
}

/** Makes the models of the plan out of the worker's own, by their ids; `role` stands for all of them. */
function metersOf(
  plan: QueuePlan,
  opened: OpenModels,
  config: WorkerConfig,
  calls: SharedCalls,
): (role?: string) => WorkflowModels {
  const own: [built: BuiltExecutor, asked: string][] = [
    [opened.executor, askedHash(config)],
    ...[...opened.aliases].map(
      ([alias, built]) => [built, askedHash(config, alias)] as [BuiltExecutor, string],
    ),
    ...(opened.weak ? [[opened.weak, askedHash(config)] as [BuiltExecutor, string]] : []),
  ];
  const find = ({ id, asked }: PlannedModel, what: string, isWeak = false): BuiltExecutor => {
    const same = own.filter(([{ model }]) => model.id === id);
    // What runs here is sent no parameters.
    const built = same.find((one) => isWeak || one[1] === asked)?.[0];
    if (built) return built;
    const known = own.map(([{ model }]) => model.id).join(", ");
    throw new ConfigError(
      same.length > 0
        ? `${what} ${id} is asked with other params or another sendSeed there`
        : `it needs ${what} ${id}, and this worker has ${known}`,
    );
  };
  const meter = { ...sharedMeter(), seed: plan.seed };
  const aliases = Object.entries(plan.aliases);
  const found = {
    executor: find(plan.executor, "the executor", plan.executor.id === plan.weak?.id),
    aliases: aliases.map(([alias, model]) => find(model, alias, model.id === plan.weak?.id)),
    weak: plan.weak && find(plan.weak, "the weak model", true),
  };
  return (role) => {
    const make = (built: BuiltExecutor, planned: PlannedModel) => {
      const { price, role: ownRole } = planned;
      const model = new SharedModel(built.model, calls, role ?? ownRole, price);
      return metered({ ...built, price: price ?? undefined, model }, role ?? ownRole, meter);
    };
    return {
      executor: make(found.executor, plan.executor),
      aliases: new Map(
        aliases.map(([alias, planned], index) => [alias, make(found.aliases[index]!, planned)]),
      ),
      weak: found.weak && plan.weak ? make(found.weak, plan.weak) : undefined,
    };
  };
}

async function scorerOf(
  plan: QueuePlan,
  programs: PythonSandbox | undefined,
  { resolve }: LocalModels,
  judges: () => WorkflowModels,
): Promise<Scorer> {
  const { metric, judge: name, seed } = plan;
  let judge: LateJudge | undefined;
  if (name !== null) {
    judge = new LateJudge();
    judge.bind({ config: { seed, judge: name }, models: judges(), ...sharedMeter() });
  }
  const embedder = metric === "writing" ? await openEmbedder(resolve) : undefined;
  return makeScorer(metric, plan.metricOptions as MetricOptions, { programs, embedder, judge });
}

/** Store and budget of shared models, which store and count by themselves: limits are held where calls are claimed. */
function sharedMeter(): Pick<MeteredModelOptions, "store" | "budget"> {
  const store: MeteredModelOptions["store"] = {
    getReply: () => undefined,
    putReply: (_, reply) => reply,
    addLedger: () => {},
  };
  return { store, budget: new Budget() };
}

/** The worker's own module where it is the same, else the one that comes with the plan. */
async function toolsOf(
  { tools, basis }: QueuePlan,
  text: (hash: string) => Promise<string>,
  { config, runsTools }: WorkerEquipment,
  closing: CloseStack,
): Promise<LoadedTools | undefined> {
  if (!tools) return undefined;
  // Runs hand over modules only: tools of servers here are nobody's.
  const own = typeof config.tools === "string" ? await loadTools(config.tools) : undefined;
  if (own && own.hash === basis.tools) return own;
  if (!runsTools)
    throw new ConfigError(
      own
        ? "its tools are not those of --tools here"
        : "it brings tools, whose code is run only for who is trusted",
      { hint: "give the worker the same module (--tools), or both sides one secret in W4S_QUEUE_TOKEN" },
    );
  const folder = mkdtempSync(join(tmpdir(), "w4s-tools-"));
  closing.add(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, hash] of Object.entries(tools.files)) {
    const path = join(folder, name);
    if (!path.startsWith(join(folder, "/")))
      throw new ConfigError(`a file of its tools lies outside: ${name}`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.from(await text(hash), "base64"), { mode: 0o600 });
  }
  return await loadTools(join(folder, tools.module));
}

/** Examples that came with a job stand in its `carried`. */
function shownExamples(): NonNullable<ConstructorParameters<typeof LocalJobRunner>[0]["examples"]> {
  const sets = new WeakMap<WorkflowParts, ExampleSet>();
  const setOf = (parts: WorkflowParts) => {
    const known = sets.get(parts) ?? new ExampleSet(parts);
    sets.set(parts, known);
    return known;
  };
  return {
    isOffered: (carried) => carried?.examples !== undefined,
    give: async (task, count, options, carried) => (carried ? setOf(carried).give(task, count, options) : []),
  };
}
