/** @file What the rounds of a learning run will ask of its executor, told at the start and once its speed is measured. */
import type { RunConfig } from "../config/run-config.js";
import { mean } from "../core/statistics.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { Forecast } from "../records/run-event.js";
import type { Bench } from "../run/bench.js";
import { forecastOf, isOff, remeasured, remoteOf, runsPerTurn, SpeedMeter } from "../run/forecast-run.js";
import type { Run } from "../run/run.js";
import { BASELINE_ITEMS } from "../run/search-plan.js";
import type { Task } from "../tasks/task.js";
import { ofRound } from "./plan-round.js";

/** The benches of a run by what they are for. */
export interface RoundBenches {
  train: readonly Bench[];
  judge: readonly Bench[];
}

type RoundsConfig = Pick<
  RunConfig,
  "learn" | "episodes" | "turns" | "candidates" | "screen" | "testLimit" | "maxTokens" | "concurrency"
>;

/**
 * Estimates for all rounds: baselines, candidates to train on, judging of the base and of every adapter, the final test.
 * Training is not among its minutes, nor is what an earlier session stored taken off.
 * @param price - of the executor; undefined where it is unknown
 */
export function forecastRounds(
  config: RoundsConfig,
  { train, judge }: RoundBenches,
  price: Parameters<typeof forecastOf>[2]["price"],
): Forecast {
  const { learn, episodes, testLimit } = config;
  const all = [...new Set([...train, ...judge])];
  const rounds = Array.from({ length: learn.rounds }, (_, index) => index + 1);
  const candidates = rounds.map((round) => ofRound(learn.candidatesSchedule, round, config.candidates));
  const perTurn = ({ validation, settings }: Bench, count: number) =>
    runsPerTurn({ ...config, candidates: count }, validation.length, settings.isRacing === true);
  const collected = candidates.reduce(
    (sum, count) => sum + episodes * config.turns * mean(train.map((bench) => perTurn(bench, count))),
    0,
  );
  const policies = 1 + rounds.length + (learn.control === "random" ? 1 : 0);
  const turns = learn.evaluationEpisodes * (learn.evaluationTurns ?? config.turns);
  const judged = policies * turns * judge.reduce((sum, bench) => sum + perTurn(bench, config.candidates), 0);
  const tested = judge.filter(({ task }) => hasTest(task)).length * testLimit;
  const baselines = all.reduce((sum, { baselineWorkflows, validation, settings }) => {
    const seen = settings.isRacing ? Math.min(validation.length, BASELINE_ITEMS) : validation.length;
    return sum + remoteOf(baselineWorkflows) * seen;
  }, 0);
  const ofTest = judge.reduce(
    (sum, { task, baselineWorkflows }) => sum + (hasTest(task) ? remoteOf(baselineWorkflows) * testLimit : 0),
    0,
  );
  const votes = all.filter(({ baselineWorkflows }) =>
    baselineWorkflows.some(({ name }) => name === "self-consistency"),
  );
  return forecastOf(
    {
      designed: collected + judged + 2 * tested,
      baselines: baselines + ofTest,
      voted: votes.reduce((sum, { validation }) => sum + validation.length, 0),
    },
    all.flatMap(({ validation }) => validation),
    { ...config, price },
    [
      `${learn.rounds} rounds of ${episodes} episodes with ${candidates.join(", ") || 0} candidates a turn`,
      `${policies} policies judged by ${learn.evaluationEpisodes} episodes on each of ${judge.length} tasks`,
      "training comes on top: its time is shown once it has begun",
    ],
  );
}

/** Says the forecast of a run on a real executor, again once its speed is measured, and where it turns out far off. */
export class RoundsForecast {
  readonly #run: Run;
  readonly #speed: SpeedMeter;
  #forecast: Forecast | undefined;
  #said: Forecast | undefined;
  /** Of all baselines so far: one alone is a short measurement. */
  readonly #total = { seconds: 0, replies: 0, replyTokens: 0 };

  constructor(run: Run) {
    this.#run = run;
    this.#speed = new SpeedMeter(() => run.store.ledgerTotals());
  }

  /** Before the first call. A simulated executor takes no time worth telling. */
  begin(benches: RoundBenches): void {
    const { config, executor } = this.#run;
    if (executor.model.isSimulated) return;
    this.#forecast = forecastRounds(config, benches, executor.price);
    this.#say(this.#forecast);
  }

  /** After each baseline: those that really asked the executor show its speed. */
  measured(evaluation: Pick<Evaluation, "calls" | "replies">): void {
    if (this.#forecast === undefined || this.#said === undefined) return;
    const measured = this.#speed.measure(evaluation);
    if (measured === undefined) return;
    for (const key of ["seconds", "replies", "replyTokens"] as const) this.#total[key] += measured[key];
    const again = remeasured(this.#forecast, this.#total, this.#run.config.concurrency);
    if (isOff(this.#said, again)) this.#say(again);
  }

  #say(forecast: Forecast): void {
    this.#said = forecast;
    this.#run.emit({ type: "forecast", forecast });
  }
}

function hasTest({ splits }: Task): boolean {
  return splits.includes("test");
}
