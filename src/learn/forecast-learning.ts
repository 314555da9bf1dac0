/** @file What rounds of learning may cost at most, worked out before anything is paid. */
import type { RunConfig } from "../config/run-config.js";
import { mean } from "../core/statistics.js";
import type { WritingPace } from "../design/rehearsal.js";
import type { Price } from "../llm/prices.js";
import type { Forecast } from "../records/run-event.js";
import type { Bench } from "../run/bench.js";
import { type ForecastConfig, forecastRun, tenths, withWeakTime } from "../run/forecast-run.js";
import type { CourseTask } from "./course.js";
import { ofRound } from "./plan-round.js";

/** Designs that are tested beside the baselines: that of the base, and that of the trained model. */
const TESTED_DESIGNS = 2;

export interface LearnForecastPlan {
  tasks: readonly Pick<CourseTask, "bench">[];
  judgeTasks: readonly Pick<CourseTask, "bench">[];
  isHeldBack: boolean;
  price: Price | undefined;
  isSimulated: boolean;
  pace: WritingPace | undefined;
}

export type LearnForecastConfig = ForecastConfig & Pick<RunConfig, "learn" | "adapter" | "testLimit">;

/** Estimates for all rounds, their judgements and the final test; the time of training is none of them. */
export function forecastLearning(
  config: LearnForecastConfig,
  { tasks, judgeTasks, isHeldBack, price, isSimulated, pace }: LearnForecastPlan,
): Forecast {
  const { rounds, evaluationEpisodes, evaluationTurns = config.turns, control } = config.learn;
  // The base, every new adapter, one that was there before, and the control.
  const policies = 1 + rounds + (config.adapter === undefined ? 0 : 1) + (control === "random" ? 1 : 0);
  const part = (
    bench: Bench,
    played: Pick<LearnForecastConfig, "episodes" | "turns" | "explore">,
    isFirst: boolean,
    testItems: number,
  ) =>
    forecastRun(
      { ...config, ...played },
      {
        ...{ validation: bench.validation, price, isSimulated, pace, testItems },
        baselines: isFirst ? bench.baselineWorkflows : [],
        race: bench.settings.isRacing ? { confirmation: 0 } : undefined,
      },
    );
  const explore = mean(
    Array.from({ length: rounds }, (_, i) => ofRound(config.learn.exploreSchedule, i + 1, config.explore)),
  );
  const episodes = (rounds * config.episodes) / tasks.length;
  const played = tasks.map(({ bench }) => part(bench, { episodes, turns: config.turns, explore }, true, 0));
  const judged = judgeTasks.map(({ bench }) => {
    const items = bench.task.splits.includes("test")
      ? Math.min(config.testLimit, bench.task.counts?.test ?? config.testLimit)
      : 0;
    const judging = { episodes: evaluationEpisodes * policies, turns: evaluationTurns, explore: 0 };
    return part(bench, judging, isHeldBack, items * TESTED_DESIGNS);
  });
  const parts = [...played, ...judged];
  const sum = (figure: (one: Forecast) => number) => parts.reduce((total, one) => total + figure(one), 0);
  const [first] = parts as [Forecast, ...Forecast[]];
  const forecast: Forecast = {
    executorCalls: Math.round(sum((one) => one.executorCalls)),
    executorReplies: Math.round(sum((one) => one.executorReplies)),
    executorTokens: Math.round(sum((one) => one.executorTokens)),
    dollars: price === undefined ? null : sum((one) => one.dollars ?? 0),
    minutes: tenths(sum((one) => one.minutes - (one.weakMinutes ?? 0))),
    isMeasured: first.isMeasured,
    basis: [
      `${rounds} rounds of ${config.episodes} episodes on ${names(tasks)}, each of ${config.turns} × ${config.candidates} candidates`,
      evaluationEpisodes === 0
        ? "no judgement (evaluationEpisodes 0)"
        : `${policies} policies judged on ${names(judgeTasks)} by ${evaluationEpisodes} episodes each`,
      // What a part says of calls and replies holds for all.
      ...first.basis.slice(2).filter((line) => !line.startsWith("local model")),
      "training is not in the minutes: each round says how long its own takes",
    ],
  };
  if (!pace) return forecast;
  const turns = Math.round(sum((one) => one.weakWork?.turns ?? 0));
  const items = Math.round(sum((one) => one.weakWork?.items ?? 0));
  const perItem = first.weakWork?.perItem ?? 0;
  return withWeakTime(forecast, { turns, perTurn: pace.perTurn, items, perItem });
}

function names(tasks: readonly Pick<CourseTask, "bench">[]): string {
  return tasks.map(({ bench }) => bench.task.name).join(", ");
}
