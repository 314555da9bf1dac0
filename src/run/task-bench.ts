/** @file A task in a workplace: its items, the runner of its workflows, and what these are offered. */

import type { RunConfig } from "../config/run-config.js";
import { InputError } from "../core/errors.js";
import { hashJson, seedFrom } from "../core/hash.js";
import { Random } from "../core/random.js";
import type { Workbench } from "../design/workbench.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import { checkJudge, LateJudge } from "../evaluate/judge-model.js";
import { LocalJobRunner } from "../evaluate/local-job-runner.js";
import { openEmbedder } from "../evaluate/open-embedder.js";
import type { Rules } from "../evaluate/rules.js";
import type { ToolBox } from "../evaluate/tool-box.js";
import type { WorkflowModels } from "../evaluate/workflow-agent.js";
import type { LoadTaskOptions } from "../tasks/load-task.js";
import type { Sample, SplitName, Task } from "../tasks/task.js";
import { PythonSandbox } from "../workflow/python/python-sandbox.js";
import { type RunHooks, resolverOf, type Workplace } from "./workplace.js";

/** One task in a workplace. */
export interface TaskBench {
  task: Task;
  validation: Sample[];
  runner: LocalJobRunner;
  settingsHash: string;
}

/**
 * Python in WebAssembly takes about three times as long as CPython, for which benchmarks allow 5 s; and a busy machine must
 * not make a right program wrong.
 */
const PROGRAM_LIMITS = { wallMs: 20_000, busyMs: 40_000 };

/** Where the programs of code tasks run, as all commands want it; close it, or hand it to openWorkplace(). */
export function programSandbox(): PythonSandbox {
  return new PythonSandbox({ limits: PROGRAM_LIMITS });
}

/**
 * What all commands open tasks with. A judge among it is to be bound to the workplace, once that is open.
 * @throws {ConfigError} on a judge that cannot be
 */
export function taskTools(
  config: RunConfig,
  hooks: Pick<RunHooks, "resolveModelFile">,
  programs: PythonSandbox,
): LoadTaskOptions & { judge?: LateJudge } {
  const { allowOverlap, skipBad, judge, threads } = config;
  if (judge !== undefined) checkJudge(judge, config);
  return {
    allowOverlap,
    skipBad,
    programs,
    openEmbedder: () => openEmbedder(resolverOf(hooks), threads),
    ...(judge === undefined ? {} : { judge: new LateJudge() }),
  };
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
  const { config, executor, weakModel, models, sandbox, store, stopSignal, tools, rules } = workplace;
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
    // The name by which stored results are found.
    ...(rules ? { callPolicy: rules.hash } : {}),
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
    rules,
    onViolation: (violation) => {
      const message = `agent.${violation.call} was stopped by the rules (${violation.rule})`;
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
  rules?: Rules,
): Set<string> {
  const programs = task.kind === "code" ? ["runPython", "test"] : [];
  const offers = new Set([...(models.weak ? ["weak"] : []), ...programs, ...(tools ? ["tool"] : [])]);
  return rules?.allowed(offers) ?? offers;
}
