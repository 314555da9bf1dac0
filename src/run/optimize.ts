/** @file `optimize`: design a workflow for a task and report it beside the baselines, chosen on validation only. */
import type { RunConfig } from "../config/run-config.js";
import { ConfigError } from "../core/errors.js";
import { formatPercent } from "../core/figure-format.js";
import { seedFrom } from "../core/hash.js";
import { mean } from "../core/statistics.js";
import { refuseUnmeasured } from "../design/composite-reward.js";
import type { Policy, PolicyInfo } from "../design/policy.js";
import { checkStarts, startsOf } from "../evaluate/baselines/choose-baselines.js";
import { bestOf, comparePaired, onCommonItems } from "../evaluate/common-items.js";
import { type Figures, resultHash } from "../evaluate/evaluation.js";
import { LocalModels } from "../evaluate/local-models.js";
import { type ParetoView, paretoView } from "../evaluate/pareto-view.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { LocalModel } from "../llm/local/local-model.js";
import { writeReplays } from "../records/replay-record.js";
import type { ResultRow, Spent } from "../records/result-row.js";
import type { Forecast } from "../records/run-event.js";
import type { Result, SearchSummary } from "../records/run-summary.js";
import { readTrajectory } from "../records/trajectory.js";
import type { Bench, Tested } from "./bench.js";
import { forecastRun, SpeedMeter } from "./forecast-run.js";
import { isInterruption } from "./is-interruption.js";
import { localPolicy } from "./local-policy.js";
import { Run } from "./run.js";
import { breakEven, candidateStats } from "./run-figures.js";
import type { RunHooks } from "./run-hooks.js";
import { runWarnings } from "./run-warnings.js";
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

/** Findings of a search so far: filled as it goes, so that a run that is stopped can still report. */
interface Progress {
  baselines: ScoredWorkflow[];
  found: ScoredWorkflow[];
  test: Tested[];
}

/**
 * Designs a workflow for `config.task`.
 * Interruptions (budget, abort, outage of the executor) do not throw: the partial result carries `stoppedBy`.
 * @throws {ConfigError | InputError | StorageError} for what is wrong before or beside the search.
 */
export async function optimize(config: RunConfig, hooks: RunHooks = {}): Promise<OptimizeResult> {
  return await searchFor(config, "optimize", hooks);
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
  await using local = new LocalModels(config, hooks.resolveModelFile);
  await using tasks = new TaskOpener(config, local.resolve);
  const task = await tasks.load(config.task);
  refuseUnmeasured(config, task);
  const { policy, model } = await openPolicy(config, local, hooks.policy);
  await using run = await Run.open(config, {
    command,
    label: config.task,
    policy: `${policy.info.id} on ${policy.info.device}`,
    inputs: {
      taskHash: task.hash,
      modelHash: model?.info.modelHash ?? null,
      adapterHash: model?.info.adapterHash ?? null,
    },
    ...{ local, tasks, hooks },
  });
  const bench = await run.bench(task);
  const isTested = command === "optimize" && task.splits.includes("test") && config.testLimit > 0;
  const workflows = bench.baselineWorkflows;
  checkStarts(workflows, config.baselines);
  const { price } = run.executor;
  const forecast = forecastRun(
    run.config,
    bench.validation,
    workflows,
    price,
    isTested,
    runsPerSample(bench),
  );
  run.emit({ type: "forecast", forecast });
  const progress: Progress = { baselines: [], found: [], test: [] };
  let stoppedBy: unknown;
  if (!config.dryRun) {
    try {
      await search(run, bench, policy, progress, forecast);
      if (isTested) await testBest(run, bench, progress);
    } catch (error) {
      if (!isInterruption(error)) throw error;
      stoppedBy = error;
    }
  }
  const result = conclude(run, bench, command, policy.info, forecast, progress, stoppedBy);
  if (config.dryRun) run.emit({ type: "run-end", directory: run.directory.path, isComplete: false });
  else
    await run.finish(result, result.best ? { ...result.best, row: bestRow(result.validation) } : undefined);
  return result;
}

/** The weak model as the configuration has it, or the policy that was handed in; `model` is what either needs loaded. */
async function openPolicy(
  config: Pick<RunConfig, "model" | "weak" | "promptStyle" | "grammar" | "logProbs">,
  local: LocalModels,
  given: Policy | undefined,
): Promise<{ policy: Policy; model: LocalModel | undefined }> {
  const { model: name, weak = "policy" } = config;
  if (given) {
    return { policy: given, model: weak === "policy" && name ? await local.load(name) : undefined };
  }
  if (!name) {
    throw new ConfigError("no weak model was named", { hint: "add --model NAME|FILE (w4s models list)" });
  }
  const model = await local.load(name);
  return { policy: localPolicy(model, config), model };
}

/** Baselines on validation, then all episodes. @throws what stopped the run; everything finished is stored */
async function search(
  run: Run,
  bench: Bench,
  policy: Policy,
  progress: Progress,
  forecast: Forecast,
): Promise<void> {
  const { config } = run;
  const log = bench.openLog(run.directory.file("trajectories.jsonl"), policy);
  try {
    const speed = new SpeedMeter(() => run.store.ledgerTotals());
    await bench.baselines((baseline) => {
      progress.baselines.push(baseline);
      const { title, evaluation } = baseline;
      const { accuracy, interval, n, errors: lost } = evaluation;
      run.emit({ type: "baseline-scored", name: title, accuracy, interval, n, lost });
      run.emitSpent();
      const again = speed.remeasured(forecast, evaluation, config.concurrency);
      if (again && !run.executor.model.isSimulated) run.emit({ type: "forecast", forecast: again });
    });
    for (let episode = 0; episode < config.episodes; episode++) {
      run.emit({ type: "episode-start", episode, episodes: config.episodes });
      progress.found.push(...(await bench.episode(policy, { log }, episode)));
    }
  } finally {
    log.close();
  }
}

/** Most views of an item on average: an upper bound, since an episode may end sooner. */
function runsPerSample({ task, validation }: Bench): number {
  return mean(validation.map((sample) => task.scorer.play?.(sample).maxViews ?? 1));
}

/** The best workflow and all baselines on test. @throws {ConfigError} when nothing was evaluated before */
async function testBest(run: Run, bench: Bench, progress: Progress): Promise<void> {
  const { best } = chosen(run, progress);
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

/**
 * The best on validation; once test was opened for a workflow that one, so that samples which were lost and are filled
 * later choose nothing by test.
 */
function chosen(
  { config, directory }: Run,
  progress: Progress,
): { best: ScoredWorkflow | undefined; warnings: string[] } {
  const all = [...startsOf(progress.baselines, config.baselines), ...progress.found];
  const first = bestOf(all);
  const [hash] = directory.tested;
  if (hash === undefined || first === undefined || first.hash === hash) return { best: first, warnings: [] };
  const opened = all.find((one) => one.hash === hash);
  if (opened === undefined) {
    const message = `test was opened before for workflow ${hash.slice(0, 12)}, which was not scored this time; now it is opened for ${first.title}`;
    return { best: first, warnings: [message] };
  }
  const figures = [...onCommonItems([opened, first]).figures.values()];
  const [kept, now] = figures.map(({ accuracy }) => formatPercent(accuracy));
  const values =
    figures.length === 2 ? `, ${now} against ${kept} on ${figures[0]?.n} samples that both have` : "";
  const message = `since lost samples were filled, ${first.title} is the best on validation${values}; test was opened for ${opened.title} and stays with it`;
  return { best: opened, warnings: [message] };
}

/** Best workflow against the best baseline on validation, on every split that both were scored on. */
function comparisonsOf(
  best: ScoredWorkflow | undefined,
  { baselines, test }: Progress,
  { seed, bootstrap }: Pick<RunConfig, "seed" | "bootstrap">,
): NonNullable<SearchSummary["comparisons"]> {
  const rival = bestOf(baselines);
  if (best === undefined || rival === undefined || best.hash === rival.hash) return [];
  const onTest = ({ hash }: ScoredWorkflow) => test.find(({ row }) => row.workflowHash === hash)?.evaluation;
  return (["validation", "test"] as const).flatMap((split) => {
    const [one, other] = [best, rival].map((it) => (split === "test" ? onTest(it) : it.evaluation));
    const found = one && other && comparePaired(one, other, seedFrom(seed, "best", split), bootstrap.samples);
    return found ? [{ split, against: rival.title, ...found }] : [];
  });
}

function bestTitle({ title }: { title: string }): string {
  return `best workflow (${title})`;
}

function isBaseline(workflow: ScoredWorkflow, progress: Progress): boolean {
  return progress.baselines.some((baseline) => baseline.hash === workflow.hash);
}

function conclude(
  run: Run,
  bench: Bench,
  command: "optimize" | "collect",
  policy: PolicyInfo,
  forecast: Forecast,
  progress: Progress,
  stoppedBy: unknown,
): OptimizeResult {
  const { directory, executor, config } = run;
  const { best, warnings: choice } = chosen(run, progress);
  const comparisons = comparisonsOf(best, progress, config);
  const candidates = candidateStats(
    config.dryRun
      ? []
      : readTrajectory(directory.file("trajectories.jsonl")).filter((record) => record.kind === "turn"),
  );
  const row = (workflow: ScoredWorkflow, name: string, title: string) =>
    bench.row({ name, title }, "validation", workflow.evaluation);
  const validation = progress.baselines.map((baseline) =>
    row(baseline, baseline.hash === best?.hash ? BEST_ROW : baseline.title, baseline.title),
  );
  if (best && !isBaseline(best, progress)) validation.push(row(best, BEST_ROW, bestTitle(best)));
  const evaluations = [...progress.baselines, ...progress.found].map((workflow) => workflow.evaluation);
  const spent = run.spent();
  const warnings = config.dryRun
    ? []
    : [
        ...choice,
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

/** By baseline, at the costs on samples that it and the best workflow have. */
function breakEvens(
  best: ScoredWorkflow | undefined,
  { baselines }: Progress,
  spent: Spent,
): Record<string, number | null> {
  if (best === undefined) return {};
  const costOf = ({ dollars, tokens, n }: Figures) =>
    ((spent.dollars ? dollars : tokens) ?? 0) / Math.max(1, n);
  return Object.fromEntries(
    baselines.flatMap((baseline) => {
      const { figures } = onCommonItems([baseline, best]);
      const [own, others] = [figures.get(best), figures.get(baseline)];
      if (baseline.hash === best.hash || !own || !others) return [];
      return [[baseline.title, breakEven(spent.dollars || spent.tokens, costOf(others), costOf(own))]];
    }),
  );
}

function paretoOf({ baselines, found }: Progress): ParetoView {
  const { figures } = onCommonItems([...baselines, ...found]);
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

function bestRow(rows: readonly ResultRow[]): ResultRow | undefined {
  return rows.find((row) => row.name === BEST_ROW);
}
