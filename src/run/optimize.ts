/** @file `optimize`: design a workflow for a task and report it beside the baselines, chosen on validation only. */
import { basename } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { mean } from "../core/statistics.js";
import { refuseUnmeasured } from "../design/composite-reward.js";
import type { Policy, PolicyInfo } from "../design/policy.js";
import { RandomPolicy } from "../design/random-policy.js";
import { checkBaselineNames, checkStarts, startsOf } from "../evaluate/baselines/choose-baselines.js";
import { answerKind } from "../evaluate/baselines/usual-baselines.js";
import { onCommonItems } from "../evaluate/common-items.js";
import { resultHash } from "../evaluate/evaluation.js";
import { LocalModels } from "../evaluate/local-models.js";
import { type ParetoView, paretoView } from "../evaluate/pareto-view.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { LocalModel } from "../llm/local/local-model.js";
import { writeReplays } from "../records/replay-record.js";
import type { ResultRow } from "../records/result-row.js";
import type { Forecast } from "../records/run-event.js";
import type { Result, SearchSummary } from "../records/run-summary.js";
import { readTrajectory } from "../records/trajectory.js";
import type { Bench } from "./bench.js";
import {
  breakEvens,
  chooseWinner,
  comparisonsOf,
  type SearchProgress,
  shownFigures,
} from "./choose-winner.js";
import { confirmBest } from "./confirm-best.js";
import { forecastRun } from "./forecast-run.js";
import { inRunSpan } from "./in-run-span.js";
import { isInterruption } from "./is-interruption.js";
import { localPolicy, type PolicySetting } from "./local-policy.js";
import { ForecastWatch } from "./measured-forecast.js";
import { type BestWorkflow, Run } from "./run.js";
import { candidateStats } from "./run-figures.js";
import type { RunHooks } from "./run-hooks.js";
import { runWarnings } from "./run-warnings.js";
import { playSideBySide } from "./side-by-side.js";
import { suspiciousFigures } from "./suspicious-figures.js";
import { TaskOpener } from "./task-opener.js";

/** Result of a search: the best workflow on validation, rows of figures, cost. */
export interface OptimizeResult extends Result<SearchSummary> {
  directory: string;
  forecast: Forecast;
  /** Accuracy against cost on validation: baselines and every workflow that was scored there. */
  pareto: ParetoView;
  resultHash: string;
}

export const BEST_ROW = "best";

/**
 * Designs a workflow for `config.task`: the weak model does, or random draws of techniques where none is named.
 * Interruptions (budget, abort, outage of the executor) do not throw: the partial result carries `stoppedBy`.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before or beside the search.
 */
export async function optimize(config: RunConfig, hooks: RunHooks = {}): Promise<OptimizeResult> {
  return await searchFor(withDesigner(config, hooks), "optimize", hooks);
}

/** No trained designer is shown to end with better workflows than random draws do (docs/real-models.md): nobody needs a model to begin. */
function withDesigner(config: RunConfig, { policy }: RunHooks): RunConfig {
  const isNamed = config.designer ?? config.model ?? config.adapter ?? policy;
  return isNamed === undefined ? { ...config, designer: "random" } : config;
}

/** Plays the episodes of optimize() for training: they are recorded, and the test split is never opened. */
export async function collect(config: RunConfig, hooks: RunHooks = {}): Promise<OptimizeResult> {
  return await searchFor(config, "collect", hooks);
}

async function searchFor(
  config: RunConfig,
  command: "optimize" | "collect",
  hooks: RunHooks,
): Promise<OptimizeResult> {
  return await inRunSpan(command, config, () => search(config, command, hooks));
}

async function search(
  config: RunConfig,
  command: "optimize" | "collect",
  hooks: RunHooks,
): Promise<OptimizeResult> {
  await using local = new LocalModels(config, hooks.resolveModelFile);
  await using tasks = new TaskOpener(config, local.resolve);
  const task = await tasks.load(config.task);
  refuseUnmeasured(config, task);
  checkBaselineNames(config.baselines, answerKind(task));
  const { policy, model } = await openPolicy(config, local, hooks.policy);
  let watch: ForecastWatch | undefined;
  const onEvent: RunHooks["onEvent"] = (event) => {
    hooks.onEvent?.(event);
    if (event.type !== "candidates-written" || event.isResumed) return;
    const again = watch?.onWritten(`${event.episode} ${event.turn}`, event.seconds);
    if (again) run.emit({ type: "forecast", forecast: again });
  };
  const isOwn = hooks.policy === undefined && config.designer !== "random";
  await using run = await Run.open(config, {
    command,
    label: config.task,
    policy: `${policyName(policy.info, isOwn ? config.model : undefined)} on ${policy.info.device}`,
    inputs: {
      taskHash: task.hash,
      modelHash: model?.info.modelHash ?? null,
      adapterHash: model?.info.adapterHash ?? null,
    },
    ...{ local, tasks, hooks: { ...hooks, onEvent } },
  });
  for (const message of model?.info.warnings ?? []) run.warn(`weak model: ${message}`);
  const bench = await run.bench(task);
  const isTested = command === "optimize" && task.splits.includes("test") && config.testLimit > 0;
  const testItems = isTested ? Math.min(config.testLimit, task.counts?.test ?? config.testLimit) : 0;
  const workflows = bench.baselineWorkflows;
  checkStarts(workflows, config.baselines);
  const { price, model: executor } = run.executor;
  const forecast = forecastRun(run.config, {
    ...{ validation: bench.validation, baselines: workflows, price, testItems },
    isSimulated: executor.isSimulated,
    runsPerSample: runsPerSample(bench),
    race: bench.settings.isRacing ? { confirmation: bench.confirmation.length } : undefined,
    pace: await bench.rehearse(policy),
  });
  run.emit({ type: "forecast", forecast });
  watch = new ForecastWatch(forecast, () => run.store.ledgerTotals(), config.concurrency);
  const progress: SearchProgress = { baselines: [], found: [], test: [] };
  let stoppedBy: unknown;
  if (!config.dryRun) {
    try {
      await play(run, bench, policy, progress, watch);
      if (bench.settings.isRacing || bench.confirmation.length > 0) {
        const starts = startsOf(progress.baselines, config.baselines);
        progress.choice = await confirmBest(bench, starts, progress.found);
      }
      if (isTested) await testBest(run, bench, progress);
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
  }
  const result = conclude(run, bench, command, policy.info, forecast, progress, stoppedBy);
  if (config.dryRun) run.emit({ type: "run-end", directory: run.directory.path, isComplete: false });
  else await run.finish(result, await bestOfRun(bench, result));
  return result;
}

/** With the name that the model was asked for by: its id is a hash. */
function policyName({ id }: PolicyInfo, model: string | undefined): string {
  return model === undefined ? id : `${basename(model)} (${id})`;
}

/** The weak model as the configuration has it, or the policy that was handed in; `model` is what either needs loaded. */
async function openPolicy(
  config: Pick<RunConfig, "designer" | "model" | "weak" | PolicySetting>,
  local: LocalModels,
  given: Policy | undefined,
): Promise<{ policy: Policy; model: LocalModel | undefined }> {
  const { designer, model: name, weak = "policy" } = config;
  const policy = given ?? (designer === "random" ? new RandomPolicy() : undefined);
  if (policy) {
    return { policy, model: weak === "policy" && name ? await local.load(name) : undefined };
  }
  if (!name) {
    throw new ConfigError("no weak model was named", {
      hint: "add --model NAME|FILE (w4s models list), or --designer random",
    });
  }
  const model = await local.load(name);
  return { policy: localPolicy(model, config), model };
}

/** Baselines on validation, then all episodes. @throws what stopped the run; everything finished is stored */
async function play(
  run: Run,
  bench: Bench,
  policy: Policy,
  progress: SearchProgress,
  watch: ForecastWatch,
): Promise<void> {
  const { config } = run;
  const log = bench.openLog(run.directory.file("trajectories.jsonl"), policy);
  const found: ScoredWorkflow[][] = [];
  try {
    await bench.baselines((baseline) => {
      progress.baselines.push(baseline);
      const { title, evaluation } = baseline;
      const { accuracy, interval, n, errors: lost } = evaluation;
      run.emit({ type: "baseline-scored", name: title, accuracy, interval, n, lost });
      run.emitSpent();
      const again = run.executor.model.isSimulated ? undefined : watch.onBaseline(evaluation);
      if (again) run.emit({ type: "forecast", forecast: again });
    });
    await playSideBySide(config.episodes, run.signal, async (episode, seat) => {
      run.emit({ type: "episode-start", task: bench.task.name, episode, episodes: config.episodes });
      found[episode] = [];
      await bench.episode(policy, { log, seat, found: found[episode] }, episode);
    });
  } finally {
    progress.found.push(...found.flat());
    log.close();
  }
}

/** Most views of an item on average: an upper bound, since an episode may end sooner. */
function runsPerSample({ task, validation }: Bench): number {
  return mean(validation.map((sample) => task.scorer.play?.(sample).maxViews ?? 1));
}

/** The best workflow and all baselines on test. @throws {ConfigError} when nothing was evaluated before */
async function testBest(run: Run, bench: Bench, progress: SearchProgress): Promise<void> {
  const { best } = chooseWinner(run, progress);
  if (!best) throw new ConfigError("there is no workflow to test");
  const contestants = [...progress.baselines, ...(isBaseline(best, progress) ? [] : [best])].map((one) => ({
    ...one,
    ...(one.hash === best.hash ? { name: BEST_ROW, title: bestTitle(one) } : { name: one.title }),
  }));
  const purpose = `best workflow ${best.hash.slice(0, 12)} and baselines`;
  progress.test = await bench.finalTest(contestants, purpose, best.hash);
  const shown = progress.test.filter(({ row }, index) => index === 0 || row.name === BEST_ROW);
  const replays = shown.map(({ row, evaluation }) => ({
    title: contestants.find(({ hash }) => hash === row.workflowHash)!.title,
    evaluation,
  }));
  await writeReplays(run.directory, "test", replays);
}

function bestTitle({ title }: { title: string }): string {
  return `best workflow (${title})`;
}

function isBaseline(workflow: ScoredWorkflow, progress: SearchProgress): boolean {
  return progress.baselines.some((baseline) => baseline.hash === workflow.hash);
}

function conclude(
  run: Run,
  bench: Bench,
  command: "optimize" | "collect",
  policy: PolicyInfo,
  forecast: Forecast,
  progress: SearchProgress,
  stoppedBy: unknown,
): OptimizeResult {
  const { directory, executor, config } = run;
  const { best, warnings: choice } = chooseWinner(run, progress);
  const comparisons = comparisonsOf(best, progress, config);
  const turns = config.dryRun
    ? []
    : readTrajectory(directory.file("trajectories.jsonl")).filter((record) => record.kind === "turn");
  const candidates = candidateStats(turns);
  const row = (workflow: ScoredWorkflow, name: string, title: string) =>
    bench.row({ name, title }, "validation", shownFigures(workflow, progress));
  const validation = progress.baselines.map((baseline) =>
    row(baseline, baseline.hash === best?.hash ? BEST_ROW : baseline.title, baseline.title),
  );
  if (best && !isBaseline(best, progress)) validation.push(row(best, BEST_ROW, bestTitle(best)));
  const evaluations = [
    ...[...progress.baselines, ...progress.found].map((workflow) => workflow.evaluation),
    ...(progress.choice?.evaluations ?? []),
  ];
  const spent = run.spent();
  const warnings = config.dryRun
    ? []
    : [
        ...choice,
        ...confirmationWarnings(run, bench, progress),
        ...suspiciousFigures(
          evaluations,
          turns.flatMap((turn) => turn.candidates),
        ),
        ...runWarnings({
          baselines: progress.baselines,
          evaluations,
          comparison: comparisons.find(({ split }) => split === "test"),
          candidates,
          isSimulated: executor.model.isSimulated,
        }),
      ];
  return {
    command,
    directory: directory.path,
    task: bench.task.name,
    executor: executor.model.id,
    policy: policy.id,
    device: policy.device,
    isSimulated: executor.model.isSimulated,
    forecast,
    validation,
    test: progress.test.map(({ row }) => row),
    comparisons,
    confirmation: progress.choice?.confirmation,
    best: best
      ? { title: best.title, hash: best.hash, source: best.source, isBaseline: isBaseline(best, progress) }
      : null,
    candidates,
    pareto: paretoOf(progress),
    breakEven: breakEvens(best, progress, spent),
    warnings,
    spent,
    resultHash: resultHash(evaluations),
    isComplete: stoppedBy === undefined && !config.dryRun,
    stoppedBy,
  };
}

/** What a reader must know of how the best was chosen. */
function confirmationWarnings({ directory }: Run, bench: Bench, { choice }: SearchProgress): string[] {
  if (choice?.confirmation) return choice.confirmation.isConfirmed ? [] : [choice.confirmation.sentence];
  if (!directory.search?.confirm) return [];
  const count = bench.validation.length;
  return choice
    ? [
        `${count} validation items are too few to keep some for a confirmation: the best was chosen by the items it was found with`,
      ]
    : ["the search ended before its best designs were confirmed"];
}

function paretoOf({ baselines, found, choice }: SearchProgress): ParetoView {
  const all = [...baselines, ...found];
  const figures = found.some(({ level }) => level !== undefined)
    ? new Map(all.map((one) => [one, shownFigures(one, { baselines, found, choice, test: [] })]))
    : onCommonItems(all).figures;
  return paretoView(
    [...figures].map(([{ hash, title }, { accuracy, n, tokens, dollars }]) => {
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

async function bestOfRun(
  bench: Bench,
  { best, validation }: OptimizeResult,
): Promise<BestWorkflow | undefined> {
  if (!best) return undefined;
  return { ...best, row: bestRow(validation), parts: await bench.partsOf(best.source) };
}

function bestRow(rows: readonly ResultRow[]): ResultRow | undefined {
  return rows.find((row) => row.name === BEST_ROW);
}
