/** @file From an opened run and a task to a bench: items drawn, the runner built, what the rules leave offered. */
import { join } from "node:path";
import { LOCAL_REPLY_TOKENS } from "../config/reply-tokens.js";
import type { RunConfig } from "../config/run-config.js";
import { DEFAULT_VALIDATION } from "../config/run-identity.js";
import { InternalError } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import type { ApprovalGate } from "../evaluate/approval.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import type { BuiltExecutor } from "../evaluate/build-executor.js";
import type { JobRunner } from "../evaluate/evaluation.js";
import { offersExamples, TaskExamples } from "../evaluate/examples/task-examples.js";
import { workedSolutions } from "../evaluate/examples/worked-solutions.js";
import { type JobQueue, LocalJobRunner, type LocalJobRunnerOptions } from "../evaluate/local-job-runner.js";
import type { OpenModels } from "../evaluate/open-models.js";
import { type SettingsBasis, settingsHash } from "../evaluate/queue/settings-basis.js";
import type { TaskWorkers, WorkersConfig } from "../evaluate/queue/task-workers.js";
import type { Rules } from "../evaluate/rules.js";
import type { ServerPace } from "../evaluate/server-pace.js";
import type { ToolBox } from "../evaluate/tool-box.js";
import { WorkflowAgent, type WorkflowModels } from "../evaluate/workflow-agent.js";
import type { CallStore } from "../llm/call-store.js";
import type { WaveGate } from "../llm/wave-gate.js";
import type { OnRunEvent } from "../records/run-event.js";
import type { SearchPlan } from "../records/run-manifest.js";
import type { Sample, Task } from "../tasks/task.js";
import type { PythonSandbox } from "../workflow/python/python-sandbox.js";
import { techniquesLeftOut } from "../workflow/techniques.js";
import type { Sandbox } from "../workflow/workflow-run.js";
import { Bench, type BenchSettings, drawItems } from "./bench.js";
import { splitPool } from "./search-plan.js";
import type { InstructionPlan } from "./task-instructions.js";

/** Options of a task where a command wants more than the usual. */
export interface BenchOptions {
  /** Results carry the texts of all replies. Default false. */
  keepReplies?: boolean | undefined;
  /** Validation items where they were drawn before, or none are needed. Default: drawn by the configuration. */
  validation?: readonly Sample[] | undefined;
  /** Calls of the executor are answered by the weak model too. Default false. */
  isWeakOnly?: boolean | undefined;
}

type BenchConfig = Pick<
  RunConfig,
  | Exclude<keyof BenchSettings, "resamples" | "settingsHash" | "programsHash" | "isRacing">
  | "bootstrap"
  | "without"
  | "validationLimit"
  | "limits"
  | "maxTokens"
  | "concurrency"
  | keyof WorkersConfig
>;

/** Equipment that all benches of a run share. */
export interface BenchEquipment {
  config: BenchConfig;
  /** How the run uses validation items. Default: all for everything, as runs of version 0.1 do. */
  search: SearchPlan | undefined;
  /** Reward where the configuration names none. */
  defaultReward: BenchSettings["reward"];
  opened: OpenModels;
  models: WorkflowModels;
  sandbox: Sandbox;
  programs: PythonSandbox;
  tools: ToolBox | undefined;
  rules: Rules | undefined;
  approval: ApprovalGate;
  /** Who writes instructions for designers under a grammar. */
  instructions: InstructionPlan | undefined;
  store: CallStore;
  /** See rewardOf(). */
  paysScreening: boolean;
  /** Run directory. */
  directory: string;
  emit: OnRunEvent;
  signal: AbortSignal | undefined;
  stopSignal: AbortSignal | undefined;
  /** Slots of the run: jobs of all benches and episodes wait here. */
  queue: JobQueue;
  /** Gate before the executor; none before a simulated one. */
  pace: ServerPace | undefined;
  /** Gate of waves, where calls go in batches. */
  gate: WaveGate | undefined;
  /** Workers that run the jobs. Default: sandboxes on this machine. */
  workers: TaskWorkers | undefined;
  /** Runs jobs elsewhere, before all others. */
  runner: ((task: Task) => JobRunner) | undefined;
}

/** @throws {InputError} on a validation split without items */
export async function openBench(
  equipment: BenchEquipment,
  task: Task,
  { keepReplies = false, validation: drawn, isWeakOnly = false }: BenchOptions,
): Promise<Bench> {
  const { config, opened, tools, rules, emit, signal } = equipment;
  const { models, executor } = isWeakOnly ? weakOnly(equipment) : { ...equipment, executor: opened.executor };
  const maxTokens = isWeakOnly ? Math.min(config.maxTokens, LOCAL_REPLY_TOKENS) : config.maxTokens;
  const programs = canPrint(task) ? equipment.programs : undefined;
  const { items = config.validationLimit ?? DEFAULT_VALIDATION, confirm = 0 } = equipment.search ?? {};
  const [validation, confirmation] = drawn
    ? [drawn, []]
    : splitPool(await drawItems(task, "validation", items, config.seed), { confirm });
  // What is wrong with a split is known once it has been read.
  for (const message of task.notices ?? []) emit({ type: "warning", message });
  const basis: SettingsBasis = {
    executor: executor.model.id,
    aliases: [...opened.aliases.values()].map(({ model }) => model.id),
    weak: models.weak?.id ?? null,
    limits: config.limits,
    programs: task.kind === "code" ? programs?.limits : undefined,
    tools: tools?.hash,
    callPolicy: rules?.hash,
    maxTokens,
    scorer: task.scorer.basis,
    task: task.hash,
    keepReplies: keepReplies || undefined,
  };
  const hash = settingsHash(basis);
  // Results of other tasks have the names they had before programs ran there.
  const programsHash = programs && task.kind !== "code" ? hashJson(programs.limits) : undefined;
  const examples = openExamples(equipment, task, { models, settingsHash: hash, maxTokens });
  const { store, stopSignal } = equipment;
  const onViolation: LocalJobRunnerOptions["onViolation"] = (violation) => {
    const message = `agent.${violation.call} was stopped by the rules (${violation.rule})`;
    emit({ type: "policy-violation", ...violation, message });
  };
  const runner =
    equipment.runner?.(task) ??
    equipment.workers?.runner(
      {
        config,
        task,
        models,
        basis,
        programsHash,
        hasPrograms: programs !== undefined,
        maxTokens,
        keepReplies,
      },
      { store, examples, onViolation, signal, stopSignal },
    ) ??
    new LocalJobRunner({
      ...{ models, store, programs, tools, rules, examples, onViolation, stopSignal },
      sandbox: equipment.sandbox,
      scorer: task.scorer,
      pace: equipment.pace,
      gate: equipment.gate,
      limits: config.limits,
      maxTokens,
      queue: equipment.queue,
      keepReplies,
      onSample: (sample) => opened.onSample(sample),
    });
  const { seed, turns, candidates, temperature, explore, maxRepairs, screen, parent } = config;
  const { baselines, rewardWeights, testLimit, reward = equipment.defaultReward } = config;
  return new Bench({
    task,
    validation,
    confirmation,
    runner,
    settings: {
      ...{ seed, turns, candidates, temperature, explore, maxRepairs, screen, parent },
      ...{ baselines, rewardWeights, testLimit, reward, settingsHash: hash, programsHash },
      resamples: config.bootstrap.samples,
      isRacing: equipment.search?.isRacing,
    },
    executor: { id: executor.model.id, isSimulated: executor.model.isSimulated },
    offers: offersOf(task, models, tools, rules),
    examples,
    tools: tools?.cards ?? [],
    aliases: [...opened.aliases.keys()],
    without: techniquesLeftOut(config.without),
    approval: equipment.approval,
    instructions: equipment.instructions,
    paysScreening: equipment.paysScreening,
    directory: equipment.directory,
    emit,
    signal,
  });
}

/** The examples of a task; the solutions among them are paid by this run. */
function openExamples(
  equipment: BenchEquipment,
  task: Task,
  { models, settingsHash, maxTokens }: { models: WorkflowModels; settingsHash: string; maxTokens: number },
): TaskExamples {
  const { config, opened, rules, pace, gate, signal } = equipment;
  return new TaskExamples({
    task,
    seed: config.seed,
    // What decides the solutions decides the name of their file.
    workedPath: join(equipment.directory, "worked", `${settingsHash.slice(0, 16)}.json`),
    solve: (items) =>
      workedSolutions(items, {
        answer: answerKind(task),
        scorer: task.scorer,
        agentFor: (sample) => {
          opened.onSample(sample);
          return new WorkflowAgent(models, { maxTokens, instruction: sample.instruction, rules, pace });
        },
        concurrency: gate ? Number.POSITIVE_INFINITY : config.concurrency,
        signal,
      }),
    gate,
  });
}

/** Every model answered by the weak one. @throws {InternalError} where the run has none */
function weakOnly({ models: { weak, aliases }, opened }: BenchEquipment): {
  models: WorkflowModels;
  executor: BuiltExecutor;
} {
  if (!weak || !opened.weak) throw new InternalError("a bench of the weak model alone, and there is none");
  const others = new Map([...aliases.keys()].map((alias) => [alias, weak]));
  return { models: { executor: weak, weak, aliases: others }, executor: opened.weak };
}

/** Whether a program can print what the task asks for: no program writes a good text or drives a robot by looking once. */
function canPrint(task: Pick<Task, "kind" | "metric">): boolean {
  const answer = answerKind(task);
  return answer !== "commands" && answer !== "writing";
}

/** The optional calls that workflows have here. */
export function offersOf(
  task: Pick<Task, "kind" | "metric" | "splits">,
  models: Pick<WorkflowModels, "weak">,
  tools?: ToolBox,
  rules?: Pick<Rules, "allowed">,
): Set<string> {
  const offers = new Set([
    ...(offersExamples(task) ? ["examples"] : []),
    ...(models.weak ? ["weak"] : []),
    ...(canPrint(task) ? ["runPython"] : []),
    ...(task.kind === "code" ? ["test"] : []),
    ...(tools ? ["tool"] : []),
  ]);
  return rules?.allowed(offers) ?? offers;
}
