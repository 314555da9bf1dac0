/** @file `eval`: workflows and baselines on one split, with one executor or several (transfer table). */
import { readFileSync } from "node:fs";
import type { RunConfig } from "../config/run-config.js";
import { InputError, messageOf } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { pairedDifference } from "../core/statistics.js";
import { writeAtomic } from "../core/write-atomic.js";
import { evaluateAll } from "../design/workbench.js";
import { type Evaluation, resultHash, summarize } from "../evaluate/evaluation.js";
import { writeReplays } from "../records/replay-record.js";
import { type ResultRow, resultRow, type Spent, spentOf } from "../records/run-summary.js";
import type { SplitName } from "../tasks/task.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { emitSpent, isInterruption, openSession } from "./run-session.js";
import { baselinesOf } from "./search.js";
import { drawItems, workSettings } from "./task-bench.js";
import type { RunHooks } from "./workplace.js";

export interface EvaluateOptions {
  /** Workflow sources by the name they get in the table, such as a file path. */
  workflows: { name: string; source: string }[];
  split: SplitName;
  /** Default: the split's limit of the configuration. */
  limit?: number;
  /** Add direct, chain of thought, self-consistency and the local model alone. Default true. */
  baselines?: boolean;
  /** More executors; every workflow is run with each. */
  otherExecutors?: string[];
  /** Repetitions of every sample with fresh replies. Default 1. */
  epochs?: number;
}

export interface EvaluateResult {
  command: "eval";
  task: string;
  split: SplitName;
  directories: string[];
  isSimulated: boolean;
  rows: ResultRow[];
  /** Every row minus the first one (the direct baseline where baselines are on) on the same items, per executor, with a paired 95 % interval. */
  differences: { name: string; executor: string; difference: number; low: number; high: number; n: number }[];
  spent: Record<string, Spent>;
  warnings: string[];
  resultHash: string;
  isComplete: boolean;
  stoppedBy?: unknown;
}

/** @throws {InputError} when a file cannot be read. */
export function readWorkflowFile(path: string): { name: string; source: string } {
  try {
    return { name: path, source: readFileSync(path, "utf8") };
  } catch (error) {
    throw new InputError(`cannot read the workflow ${path}: ${messageOf(error)}`, {
      hint: "name a .js file, such as best-workflow.js of a run directory",
      cause: error,
    });
  }
}

/**
 * Runs workflows on a split. Reading "test" counts as opening it and is logged.
 * Interruptions do not throw: the result carries `stoppedBy` and what was finished is stored.
 */
export async function evaluate(
  config: RunConfig,
  options: EvaluateOptions,
  hooks: RunHooks = {},
): Promise<EvaluateResult> {
  const result: EvaluateResult = {
    command: "eval",
    task: config.task,
    split: options.split,
    directories: [],
    isSimulated: false,
    rows: [],
    differences: [],
    spent: {},
    warnings: [],
    resultHash: "",
    isComplete: true,
  };
  const all: Evaluation[] = [];
  for (const executor of [config.executor, ...(options.otherExecutors ?? [])]) {
    try {
      all.push(...(await evaluateWith(executor, runOf(config, executor), options, hooks, result)));
    } catch (error) {
      if (!isInterruption(error)) throw error;
      result.isComplete = false;
      result.stoppedBy = error;
      break;
    }
  }
  result.resultHash = resultHash(all);
  if (result.isSimulated)
    result.warnings.push("an executor is simulated: its figures say nothing about any real model");
  const lost = all.reduce((sum, evaluation) => sum + evaluation.errors, 0);
  if (lost > 0) result.warnings.push(`${lost} samples were lost to outages and are not in the figures`);
  return result;
}

/** A run has one executor: where a run is named, the further ones have directories beside it. */
function runOf(config: RunConfig, executor: string): RunConfig {
  if (config.run === undefined || executor === config.executor) return config;
  return { ...config, run: `${config.run}-${executor.replace(/[^A-Za-z0-9.]+/g, "-")}` };
}

async function evaluateWith(
  executor: string,
  config: RunConfig,
  options: EvaluateOptions,
  hooks: RunHooks,
  result: EvaluateResult,
): Promise<Evaluation[]> {
  const session = await openSession(config, { command: "eval", policy: false, executor }, hooks);
  try {
    const { task, emit, directory } = session;
    result.directories.push(directory.path);
    result.task = task.name;
    result.isSimulated ||= session.executor.model.isSimulated;
    const limit = options.limit ?? (options.split === "test" ? config.testLimit : config.validationLimit);
    const items = await drawItems(task, options.split, limit, config.seed);
    if (options.split === "test") emit({ type: "test-opened", items: items.length, purpose: "eval" });
    const contestants = [
      ...(options.baselines === false
        ? []
        : baselinesOf(session).map((seed) => ({ name: seed.title, source: seed.source }))),
      ...options.workflows,
    ].map((workflow) => ({ ...workflow, hash: workflowHash(workflow.source) }));
    const evaluations: Evaluation[] = [];
    for (const contestant of contestants) {
      const epochs: Evaluation[] = [];
      for (let epoch = 0; epoch < (options.epochs ?? 1); epoch++) {
        const bench = { ...session, settings: workSettings(session), onEvent: emit };
        epochs.push(...(await evaluateAll(bench, [contestant], items, contestant.name, epoch)));
      }
      const evaluation = mergeEpochs(epochs, config);
      evaluations.push(evaluation);
      result.rows.push(
        resultRow(
          {
            name: contestant.name,
            title: contestant.name,
            split: options.split,
            executor: session.executor.model.id,
          },
          session.executor.model,
          evaluation,
        ),
      );
      emit({ type: "baseline-scored", name: contestant.name, ...pick(evaluation) });
      emitSpent(session);
    }
    const [first, last] = [evaluations[0], evaluations.at(-1)];
    await writeReplays(
      directory,
      options.split,
      [...new Set([first, last])].flatMap((evaluation) =>
        evaluation ? [{ title: contestants[evaluations.indexOf(evaluation)]!.name, evaluation }] : [],
      ),
    );
    result.differences.push(...differences(contestants, evaluations, session.executor.model.id, config.seed));
    result.spent[session.executor.model.id] = spentOf(session.store.ledgerTotals());
    await writeAtomic(directory.file("summary.json"), `${JSON.stringify(result, null, 2)}\n`);
    emit({ type: "run-end", directory: directory.path, isComplete: true });
    return evaluations;
  } finally {
    await session.close();
  }
}

function pick({ accuracy, interval, n }: Evaluation): Pick<Evaluation, "accuracy" | "interval" | "n"> {
  return { accuracy, interval, n };
}

/** Epochs of one workflow as one evaluation; the interval resamples all its scores. */
function mergeEpochs(epochs: readonly Evaluation[], config: RunConfig): Evaluation {
  const [first, ...rest] = epochs;
  if (!first) throw new RangeError("no epoch");
  if (rest.length === 0) return first;
  return summarize(
    first.workflowHash,
    epochs.flatMap((epoch) => epoch.results),
    config.seed,
    config.bootstrap.samples,
  );
}

function differences(
  contestants: readonly { name: string }[],
  evaluations: readonly Evaluation[],
  executor: string,
  seed: number,
): EvaluateResult["differences"] {
  const [direct, ...others] = evaluations;
  if (!direct) return [];
  const scoresOf = (evaluation: Evaluation) =>
    new Map(evaluation.results.map((r, index) => [`${r.sampleId}/${index}`, r]));
  const directScores = scoresOf(direct);
  return others.flatMap((evaluation, index) => {
    const pairs = [...scoresOf(evaluation)].flatMap(([key, r]) => {
      const other = directScores.get(key);
      return other && other.status !== "error" && r.status !== "error"
        ? [[r.score, other.score] as const]
        : [];
    });
    if (pairs.length === 0) return [];
    const { difference, interval } = pairedDifference(
      pairs.map(([score]) => score),
      pairs.map(([, score]) => score),
      seedFrom(seed, "paired", index),
    );
    return [{ name: contestants[index + 1]!.name, executor, difference, ...interval, n: pairs.length }];
  });
}
