/** @file The search both `optimize` and `collect` run: baselines on validation, then episodes. */

import { playEpisode, type ScoredWorkflow } from "../design/play-episode.js";
import type { Policy } from "../design/policy.js";
import { evaluateAll, type Workbench } from "../design/workbench.js";
import type { Baseline } from "../evaluate/baselines/baseline.js";
import { chooseBaselines, startsOf } from "../evaluate/baselines/choose-baselines.js";
import type { Forecast } from "../records/run-event.js";
import { TrajectoryLog } from "../records/trajectory.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { remeasured } from "./forecast-run.js";
import { emitSpent, type RunSession } from "./run-session.js";
import { cardOf, offersOf, workSettings } from "./task-bench.js";

export interface SearchProgress {
  baselines: ScoredWorkflow[];
  found: ScoredWorkflow[];
}

/** The baselines of the configuration. @throws {ConfigError} where it names one that makes no sense here */
export function baselinesOf({
  task,
  models,
  validation,
  config,
}: Pick<RunSession, "task" | "models" | "validation" | "config">): Baseline[] {
  return chooseBaselines(config.baselines, {
    answer: cardOf(task).answer,
    hasContext: validation[0]?.context !== undefined,
    hasWeak: models.weak !== undefined,
  });
}

/**
 * Plays all episodes. `progress` is filled as it goes, so that a run that is stopped can still report.
 * @throws what stopped the run; everything finished is stored.
 */
export async function search(
  session: RunSession,
  policy: Policy,
  progress: SearchProgress,
  forecast: Forecast,
): Promise<TrajectoryLog> {
  const { config, directory, task, executor, emit } = session;
  const log = new TrajectoryLog(directory.file("trajectories.jsonl"));
  try {
    if (!log.header) {
      log.append({
        kind: "header",
        version: 1,
        task: { name: task.name, hash: task.hash },
        executor: executor.model.id,
        isSimulated: executor.model.isSimulated,
        policy: policy.info,
        seed: config.seed,
      });
    }
    const bench: Workbench = {
      task,
      card: cardOf(task),
      offers: offersOf(task, session.models, session.tools, session.rules),
      tools: session.tools?.cards ?? [],
      models: [...session.models.aliases.keys()],
      validation: session.validation,
      runner: session.runner,
      policy,
      log,
      reward: config.reward ?? "discrete",
      rewardWeights: config.rewardWeights,
      approval: session.approval,
      settings: workSettings(session),
      onEvent: (event) => {
        emit(event);
        if (event.type === "turn-end") emitSpent(session);
      },
      ...(session.signal ? { signal: session.signal } : {}),
    };
    for (const seed of baselinesOf(session)) {
      const workflow = { hash: workflowHash(seed.source), source: seed.source };
      const paidBefore = paidByExecutor(session);
      const startedAt = performance.now();
      const [evaluation] = await evaluateAll(bench, [workflow], session.validation, seed.title);
      const seconds = (performance.now() - startedAt) / 1000;
      const paid = paidByExecutor(session);
      progress.baselines.push({ ...workflow, title: seed.title, evaluation: evaluation! });
      const { accuracy, interval, n } = evaluation!;
      emit({ type: "baseline-scored", name: seed.title, accuracy, interval, n });
      emitSpent(session);
      const replyTokens = paid.completionTokens - paidBefore.completionTokens;
      // Only where every reply was asked for now: stored ones say nothing about the speed.
      if (
        replyTokens > 0 &&
        paid.calls - paidBefore.calls === evaluation!.calls &&
        !executor.model.isSimulated
      ) {
        const speed = { seconds, replies: evaluation!.replies, replyTokens };
        emit({ type: "forecast", forecast: remeasured(forecast, speed, config.concurrency) });
      }
    }
    // The local model alone is a baseline, not a start for designs that are to use the strong model.
    const shown = startsOf(progress.baselines, config.baselines);
    for (let episode = 0; episode < config.episodes; episode++) {
      emit({ type: "episode-start", episode, episodes: config.episodes });
      progress.found.push(...(await playEpisode(bench, shown, episode)));
    }
    return log;
  } catch (error) {
    log.close();
    throw error;
  }
}

function paidByExecutor({ store }: Pick<RunSession, "store">): { calls: number; completionTokens: number } {
  const rows = store.ledgerTotals().filter((row) => row.role === "executor");
  return {
    calls: rows.reduce((sum, row) => sum + row.calls, 0),
    completionTokens: rows.reduce((sum, row) => sum + row.completionTokens, 0),
  };
}
