/** @file `eval`: workflows and baselines on one split, with one executor or several (transfer table). */
import { readFileSync } from "node:fs";
import type { RunConfig } from "../config/run-config.js";
import { DEFAULT_VALIDATION } from "../config/run-identity.js";
import type { Budget } from "../core/budget.js";
import { InputError, messageOf } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { checkBaselineNames } from "../evaluate/baselines/choose-baselines.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import { cardContext } from "../evaluate/card-context.js";
import { comparePaired } from "../evaluate/common-items.js";
import { type Evaluation, resultHash, summarize } from "../evaluate/evaluation.js";
import { LocalModels } from "../evaluate/local-models.js";
import { writeReplays } from "../records/replay-record.js";
import { type ResultRow, type Spent, spentOf } from "../records/result-row.js";
import type { EvalSummary, Result } from "../records/run-summary.js";
import { readParts, type WorkflowParts } from "../records/workflow-parts.js";
import type { SplitName } from "../tasks/task.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import type { Bench } from "./bench.js";
import { inRunSpan } from "./in-run-span.js";
import { isInterruption } from "./is-interruption.js";
import { Run, refuseUnpriced } from "./run.js";
import type { RunHooks } from "./run-hooks.js";
import { replyWarnings } from "./run-warnings.js";
import { TaskOpener } from "./task-opener.js";

export interface EvaluateOptions {
  /** Workflow sources by the name they get in the table, such as a file path. */
  workflows: WorkflowFile[];
  split: SplitName;
  /** Default: the split's limit of the configuration. */
  limit?: number | undefined;
  /** Add direct, chain of thought, self-consistency and the local model alone. Default true. */
  baselines?: boolean | undefined;
  /** More executors; every workflow is run with each. */
  otherExecutors?: string[] | undefined;
  /** Repetitions of every sample with fresh replies. Default 1. */
  epochs?: number | undefined;
}

/** Result of an evaluation: a row for each workflow and executor, with differences and cost. */
export interface EvaluateResult extends Result<EvalSummary> {
  split: SplitName;
  directories: string[];
  resultHash: string;
}

/** A workflow with what lies beside it. */
export interface WorkflowFile {
  /** In tables. */
  name: string;
  source: string;
  /** Instruction and examples, as best-workflow.json holds them; examples come before those of the task. Default: none. */
  carried?: WorkflowParts | undefined;
}

/** @throws {InputError} when a file cannot be read, or the JSON file beside it is damaged. */
export function readWorkflowFile(path: string): WorkflowFile {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    const isFolder = (error as { code?: unknown }).code === "EISDIR";
    const what = isFolder ? "it is a folder without best-workflow.js" : messageOf(error);
    throw new InputError(`cannot read the workflow ${path}: ${what}`, {
      hint: isFolder
        ? "name a run that has ended with a workflow, or a .js file"
        : "name a .js file, such as best-workflow.js of a run directory",
      cause: error,
    });
  }
  return { name: path, source, carried: readParts(path) };
}

/** Results with one executor. */
interface Part {
  directory: string;
  task: string;
  executor: string;
  isSimulated: boolean;
  rows: ResultRow[];
  differences: EvaluateResult["differences"];
  spent: Spent;
  evaluations: Evaluation[];
  budget: Budget;
  stoppedBy?: unknown;
}

/**
 * Scores workflows and baselines on a split. Reading "test" counts as opening it and is logged.
 * Interruptions do not throw: the result carries `stoppedBy` and what was finished is stored.
 */
export async function evaluate(
  config: RunConfig,
  options: EvaluateOptions,
  hooks: RunHooks = {},
): Promise<EvaluateResult> {
  const parts: Part[] = [];
  let stoppedBy: unknown;
  // The limits hold for all executors together: each goes on with what those before it left.
  let budget: Budget | undefined;
  for (const executor of options.otherExecutors ?? [])
    refuseUnpriced(config.budget, executor, cardContext({ ...config, executor }).price);
  for (const executor of new Set([config.executor, ...(options.otherExecutors ?? [])])) {
    try {
      const part = await evaluateWith({ ...runOf(config, executor), executor }, options, hooks, budget);
      // Two names of one model at one address have one id: their rows and their spending must not be taken for each other's.
      if (parts.some((other) => other.executor === part.executor))
        for (const one of [part, ...part.rows, ...part.differences]) one.executor += ` (${executor})`;
      parts.push(part);
      ({ stoppedBy, budget } = part);
    } catch (error) {
      // An executor that cannot be reached at all costs the rows of the others nothing.
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
    if (stoppedBy !== undefined) break;
  }
  return joined(config.task, options.split, parts, stoppedBy);
}

/** A run has one executor: where a run is named, the further ones have directories beside it. */
function runOf(config: RunConfig, executor: string): RunConfig {
  if (config.run === undefined || executor === config.executor) return config;
  return { ...config, run: `${config.run}-${executor.replace(/[^A-Za-z0-9.]+/g, "-")}` };
}

async function evaluateWith(
  config: RunConfig,
  ...rest: [options: EvaluateOptions, hooks: RunHooks, budget: Budget | undefined]
): Promise<Part> {
  return await inRunSpan("eval", config, () => evaluateOne(config, ...rest));
}

async function evaluateOne(
  config: RunConfig,
  options: EvaluateOptions,
  hooks: RunHooks,
  budget: Budget | undefined,
): Promise<Part> {
  await using local = new LocalModels(config, hooks.resolveModelFile);
  await using tasks = new TaskOpener(config, local.resolve);
  const task = await tasks.load(config.task);
  if (options.baselines !== false) checkBaselineNames(config.baselines, answerKind(task));
  const usesWeak = (config.weak ?? "policy") === "policy" && config.model !== undefined;
  const weak = usesWeak ? await local.load(config.model as string) : undefined;
  await using run = await Run.open(config, {
    command: "eval",
    label: config.task,
    inputs: {
      taskHash: task.hash,
      modelHash: weak?.info.modelHash ?? null,
      adapterHash: weak?.info.adapterHash ?? null,
    },
    ...{ local, tasks, hooks, budget },
  });
  const bench = await run.bench(task);
  const part: Part = {
    directory: run.directory.path,
    task: task.name,
    executor: run.executor.model.id,
    isSimulated: run.executor.model.isSimulated,
    rows: [],
    differences: [],
    spent: run.spent(),
    evaluations: [],
    budget: run.meter.budget,
  };
  try {
    await scoreAll(run, bench, options, part);
  } catch (error) {
    if (!isInterruption(error)) throw error;
    part.stoppedBy = error;
  }
  part.spent = run.spent();
  await run.finish(joined(task.name, options.split, [part], part.stoppedBy));
  return part;
}

/** Fills `part` as it goes. @throws what stopped it */
async function scoreAll(run: Run, bench: Bench, options: EvaluateOptions, part: Part): Promise<void> {
  const { config } = run;
  const limit =
    options.limit ??
    (options.split === "test" ? config.testLimit : (config.validationLimit ?? DEFAULT_VALIDATION));
  const items = await bench.items(options.split, limit, "eval");
  const contestants = [
    ...(options.baselines === false
      ? []
      : bench.baselineWorkflows.map(({ title, source }) => ({ name: title, source }))),
    ...options.workflows,
  ].map((one: WorkflowFile) => ({ ...one, title: one.name, hash: workflowHash(one.source) }));
  const { evaluations } = part;
  const scored = contestants.map((contestant) => async () => {
    const epochs: Evaluation[][] = [];
    const count = options.epochs ?? 1;
    const evaluate = (epoch: number) => bench.evaluate([contestant], items, { what: contestant.name, epoch });
    if (config.batch)
      epochs.push(...(await Promise.all(Array.from({ length: count }, (_, epoch) => evaluate(epoch)))));
    else for (let epoch = 0; epoch < count; epoch++) epochs.push(await evaluate(epoch));
    return mergeEpochs(epochs.flat(), config.seed, config.bootstrap.samples);
  });
  // In batches all begin at once, so that their first calls are one wave.
  const begun = config.batch ? scored.map((score) => score()) : [];
  for (const one of begun) one.catch(() => {});
  for (const [index, contestant] of contestants.entries()) {
    const evaluation = await (begun[index] ?? scored[index]!());
    evaluations.push(evaluation);
    part.rows.push(bench.row(contestant, options.split, evaluation));
    const { accuracy, interval, n, errors: lost } = evaluation;
    run.emit({ type: "baseline-scored", name: contestant.name, accuracy, interval, n, lost });
    run.emitSpent();
  }
  const shown = [...new Set([evaluations[0], evaluations.at(-1)])].flatMap((evaluation) =>
    evaluation ? [{ title: contestants[evaluations.indexOf(evaluation)]!.name, evaluation }] : [],
  );
  await writeReplays(run.directory, options.split, shown);
  part.differences.push(...differences(contestants, evaluations, part.executor, config.seed));
}

/** The result over all executors that were reached. */
function joined(task: string, split: SplitName, parts: readonly Part[], stoppedBy: unknown): EvaluateResult {
  const isSimulated = parts.some((part) => part.isSimulated);
  const evaluations = parts.flatMap((part) => part.evaluations);
  // Two names may stand for one model.
  const spent: Record<string, Spent> = {};
  for (const part of parts)
    spent[part.executor] = spentOf([...(spent[part.executor]?.rows ?? []), ...part.spent.rows]);
  const warnings: string[] = [];
  if (isSimulated) warnings.push("an executor is simulated: its figures say nothing about any real model");
  for (const { executor, evaluations: own } of parts)
    warnings.push(...replyWarnings(own).map((text) => (parts.length > 1 ? `${executor}: ${text}` : text)));
  return {
    command: "eval",
    task: parts[0]?.task ?? task,
    split,
    directories: parts.map(({ directory }) => directory),
    isSimulated,
    rows: parts.flatMap(({ rows }) => rows),
    differences: parts.flatMap((part) => part.differences),
    spent,
    warnings,
    resultHash: resultHash(evaluations),
    isComplete: stoppedBy === undefined,
    stoppedBy,
  };
}

/** Epochs of one workflow as one evaluation, whose samples have the mean of their epochs. */
function mergeEpochs(epochs: readonly Evaluation[], seed: number, resamples: number): Evaluation {
  const [first, ...rest] = epochs;
  if (!first) throw new RangeError("no epoch");
  if (rest.length === 0) return first;
  const results = epochs.flatMap((epoch) => epoch.results);
  return summarize(first.workflowHash, results, seed, resamples);
}

function differences(
  contestants: readonly { name: string }[],
  evaluations: readonly Evaluation[],
  executor: string,
  seed: number,
): EvaluateResult["differences"] {
  const [first, ...others] = evaluations;
  if (!first) return [];
  return others.flatMap((evaluation, index) => {
    const comparison = comparePaired(evaluation, first, seedFrom(seed, "paired", index));
    return comparison ? [{ name: contestants[index + 1]!.name, executor, ...comparison }] : [];
  });
}
