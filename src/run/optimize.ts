/** @file `optimize`: design a workflow for a task and report it beside the baselines, chosen on validation only. */

import type { RunConfig } from "../config/run-config.js";
import { ConfigError, InternalError, messageOf } from "../core/errors.js";
import { mean } from "../core/statistics.js";
import { writeAtomic } from "../core/write-atomic.js";
import type { ScoredWorkflow } from "../design/play-episode.js";
import type { PolicyInfo } from "../design/policy.js";
import { compareEvaluations, evaluateAll } from "../design/workbench.js";
import { checkStarts, startsOf } from "../evaluate/baselines/choose-baselines.js";
import { cardContext, executorOf, measuredUse } from "../evaluate/card-context.js";
import { resultHash } from "../evaluate/evaluation.js";
import { type ParetoView, paretoView } from "../evaluate/pareto-view.js";
import { cardMarkdown, workflowCard } from "../evaluate/workflow-card.js";
import { type ReplayContestant, writeReplays } from "../records/replay-record.js";
import type { Forecast } from "../records/run-event.js";
import {
  breakEven,
  type CandidateStats,
  candidateStats,
  type ResultRow,
  resultRow,
  runWarnings,
  type Spent,
  spentOf,
} from "../records/run-summary.js";
import { readTrajectory } from "../records/trajectory.js";
import { forecastRun } from "./forecast-run.js";
import { emitSpent, isInterruption, openSession, type RunSession } from "./run-session.js";
import { baselinesOf, type SearchProgress, search } from "./search.js";
import { drawItems, workSettings } from "./task-bench.js";
import type { RunHooks } from "./workplace.js";

export interface OptimizeResult {
  command: "optimize" | "collect";
  directory: string;
  task: string;
  executor: string;
  policy: string;
  /** Where the weak model ran: "CPU", or the name of a GPU. */
  device: string;
  isSimulated: boolean;
  forecast: Forecast;
  validation: ResultRow[];
  /** Empty where the test split was not opened. */
  test: ResultRow[];
  /** The best on validation; may be a baseline, and then says so. */
  best: { title: string; hash: string; source: string; isBaseline: boolean } | null;
  candidates: CandidateStats;
  /** Accuracy against cost on validation: baselines and every workflow that was scored there. */
  pareto: ParetoView;
  /** Samples after which the search has paid for itself, against each baseline; null = never. */
  breakEven: Record<string, number | null>;
  warnings: string[];
  spent: Spent;
  resultHash: string;
  isComplete: boolean;
  /** What ended the run early; the same command goes on from there. */
  stoppedBy?: unknown;
}

export const BEST_ROW = "best";

/**
 * Designs a workflow for `config.task`.
 * Interruptions (budget, abort, outage of the executor) do not throw: the partial result carries `stoppedBy`.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before or beside the search.
 */
export async function optimize(config: RunConfig, hooks: RunHooks = {}): Promise<OptimizeResult> {
  return await runSearch(config, "optimize", hooks);
}

/** Plays episodes and leaves trajectories for training; the test split is never opened. */
export async function collect(config: RunConfig, hooks: RunHooks = {}): Promise<OptimizeResult> {
  return await runSearch(config, "collect", hooks);
}

async function runSearch(
  config: RunConfig,
  command: "optimize" | "collect",
  hooks: RunHooks,
): Promise<OptimizeResult> {
  const session = await openSession(config, { command, policy: true }, hooks);
  try {
    const { policy, emit } = session;
    if (!policy) throw new InternalError("a search session without a policy");
    const isTested = command === "optimize" && session.task.splits.includes("test") && config.testLimit > 0;
    const baselines = baselinesOf(session);
    checkStarts(baselines, config.baselines);
    const forecast = forecastRun(
      config,
      session.validation,
      baselines,
      session.executor.price,
      isTested,
      runsPerSample(session),
    );
    emit({ type: "forecast", forecast });
    const progress: SearchProgress = { baselines: [], found: [] };
    const test: ResultRow[] = [];
    let stoppedBy: unknown;
    if (!config.dryRun) {
      try {
        const log = await search(session, policy, progress, forecast);
        log.close();
        if (isTested) test.push(...(await finalTest(session, progress)));
      } catch (error) {
        if (!isInterruption(error)) throw error;
        stoppedBy = error;
      }
    }
    const result = conclude(session, command, policy.info, forecast, progress, test, stoppedBy);
    if (!config.dryRun) await save(session, result);
    return result;
  } finally {
    await session.close();
  }
}

/** Most views of an item on average: an upper bound, since an episode may end sooner. */
function runsPerSample({ task, validation }: Pick<RunSession, "task" | "validation">): number {
  const { scorer } = task;
  return mean(validation.map((sample) => scorer.play?.(sample).maxViews ?? 1));
}

/**
 * Opens the test split, once, at the end: the best workflow and all baselines on the same seeded items.
 * @throws {ConfigError} when nothing was evaluated before.
 */
async function finalTest(session: RunSession, progress: SearchProgress): Promise<ResultRow[]> {
  const { config, task, emit, executor } = session;
  const best = bestOf(progress, config);
  if (!best) throw new ConfigError("there is no workflow to test");
  const items = await drawItems(task, "test", config.testLimit, config.seed);
  emit({
    type: "test-opened",
    items: items.length,
    purpose: `best workflow ${best.hash.slice(0, 12)} and baselines`,
  });
  const rows: ResultRow[] = [];
  const replays: ReplayContestant[] = [];
  const contestants = [...progress.baselines, ...(isBaseline(best, progress) ? [] : [best])];
  for (const contestant of contestants) {
    const [evaluation] = await evaluateAll(
      { ...session, settings: workSettings(session), onEvent: emit },
      [contestant],
      items,
      `test of ${contestant.title}`,
    );
    const name = contestant.hash === best.hash ? BEST_ROW : contestant.title;
    if (replays.length === 0 || name === BEST_ROW) {
      replays.push({ title: contestant.title, evaluation: evaluation! });
    }
    const title = name === BEST_ROW ? `best workflow (${contestant.title})` : contestant.title;
    rows.push(
      resultRow({ name, title, split: "test", executor: executor.model.id }, executor.model, evaluation!),
    );
  }
  await writeReplays(session.directory, "test", replays);
  return rows;
}

function bestOf(progress: SearchProgress, { baselines }: RunConfig): ScoredWorkflow | undefined {
  const contestants = [...startsOf(progress.baselines, baselines), ...progress.found];
  return contestants.sort((a, b) => compareEvaluations(a.evaluation, b.evaluation)).at(0);
}

function isBaseline(workflow: ScoredWorkflow, progress: SearchProgress): boolean {
  return progress.baselines.some((baseline) => baseline.hash === workflow.hash);
}

function conclude(
  session: RunSession,
  command: "optimize" | "collect",
  policy: PolicyInfo,
  forecast: Forecast,
  progress: SearchProgress,
  test: ResultRow[],
  stoppedBy: unknown,
): OptimizeResult {
  const { directory, task, executor, config } = session;
  const best = bestOf(progress, config);
  const candidates = candidateStats(
    config.dryRun
      ? []
      : readTrajectory(directory.file("trajectories.jsonl")).filter((record) => record.kind === "turn"),
  );
  const row = (workflow: ScoredWorkflow, name: string, title: string) =>
    resultRow(
      { name, title, split: "validation", executor: executor.model.id },
      executor.model,
      workflow.evaluation,
    );
  const validation = progress.baselines.map((baseline) =>
    row(baseline, baseline.hash === best?.hash ? BEST_ROW : baseline.title, baseline.title),
  );
  if (best && !isBaseline(best, progress))
    validation.push(row(best, BEST_ROW, `best workflow (${best.title})`));
  const evaluations = [...progress.baselines, ...progress.found].map((workflow) => workflow.evaluation);
  const spent = spentOf(session.store.ledgerTotals());
  const chosen = bestRow(validation);
  const warnings = config.dryRun
    ? []
    : runWarnings({
        baselines: progress.baselines,
        evaluations,
        test,
        bestName: BEST_ROW,
        candidates: candidates.count,
        isSimulated: executor.model.isSimulated,
      });
  for (const message of warnings) session.emit({ type: "warning", message });
  emitSpent(session);
  const isComplete = stoppedBy === undefined && !config.dryRun;
  session.emit({ type: "run-end", directory: directory.path, isComplete });
  const costOf = (line: ResultRow) => (spent.dollars ? line.dollarsPerSample : line.tokensPerSample);
  return {
    command,
    directory: directory.path,
    task: task.name,
    executor: executor.model.id,
    policy: policy.id,
    device: policy.device,
    isSimulated: executor.model.isSimulated,
    forecast,
    validation,
    test,
    best: best
      ? { title: best.title, hash: best.hash, source: best.source, isBaseline: isBaseline(best, progress) }
      : null,
    candidates,
    pareto: paretoOf(progress),
    breakEven: Object.fromEntries(
      validation
        .filter((line) => line.name !== BEST_ROW && chosen !== undefined)
        .map((line) => [
          line.title,
          breakEven(spent.dollars || spent.tokens, costOf(line) ?? 0, costOf(chosen!) ?? 0),
        ]),
    ),
    warnings,
    spent,
    resultHash: resultHash(evaluations),
    isComplete,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
  };
}

async function save(session: RunSession, result: OptimizeResult): Promise<void> {
  const { stoppedBy, ...plain } = result;
  const summary = stoppedBy === undefined ? plain : { ...plain, stoppedBy: messageOf(stoppedBy) };
  await writeAtomic(session.directory.file("summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  const { best } = result;
  if (!best) return;
  await writeAtomic(session.directory.file("best-workflow.js"), best.source);
  const context = cardContext(session.config, executorOf(session));
  const card = workflowCard(best.source, context, measuredUse(bestRow(result.validation)));
  await writeAtomic(session.directory.file("best-workflow.md"), cardMarkdown(card, best.title));
}

function paretoOf({ baselines, found }: SearchProgress): ParetoView {
  return paretoView(
    [...baselines, ...found].map(({ hash, title, evaluation }) => {
      const { accuracy, n, tokens, dollars } = evaluation;
      const inputs = Math.max(1, n);
      return {
        hash,
        title,
        accuracy,
        tokens: tokens / inputs,
        dollars: dollars === null ? null : dollars / inputs,
      };
    }),
  );
}

function bestRow(rows: readonly ResultRow[]): ResultRow | undefined {
  return rows.find((row) => row.name === BEST_ROW);
}
