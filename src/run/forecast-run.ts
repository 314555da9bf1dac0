/** @file What a run may cost at most, worked out before anything is paid. */

import type { RunConfig } from "../config/run-config.js";
import { LATER_SHARE } from "../design/race.js";
import type { LedgerRow } from "../llm/call-store.js";
import type { Price } from "../llm/prices.js";
import type { Forecast } from "../records/run-event.js";
import type { Sample } from "../tasks/task.js";
import { CONFIRMED } from "./confirm-best.js";
import { BASELINE_ITEMS } from "./search-plan.js";

/** Designed workflows made two calls a sample on average in our own runs; a draft and a check of it. */
const CALLS_PER_DESIGNED_RUN = 2;
/** Instructions around the question, in tokens. */
const INSTRUCTION_TOKENS = 60;
const CHARACTERS_PER_TOKEN = 4;
/** A reply fills about half of its limit, and seldom more than this. */
const REPLY_SHARE = 0.5;
const USUAL_REPLY_TOKENS = 256;
/** Seconds of one remote call; the least certain figure here. */
const SECONDS_PER_CALL = 2;

export type ForecastConfig = Pick<
  RunConfig,
  "episodes" | "turns" | "candidates" | "screen" | "testLimit" | "maxTokens" | "concurrency"
>;

/**
 * Estimates of calls, tokens, dollars and minutes for `optimize`; `isTested` adds the final test.
 * @param runsPerSample - of a workflow: more than 1 for items that are played step by step
 * @param race - items of the confirmation, where candidates race. Default: they are screened
 */
export function forecastRun(
  config: ForecastConfig,
  validation: readonly Sample[],
  baselines: readonly { name: string }[],
  price: Price | undefined,
  isTested: boolean,
  runsPerSample = 1,
  race: { confirmation: number } | undefined = undefined,
): Forecast {
  const n = validation.length;
  const screen = Math.min(config.screen, n);
  const remoteBaselines = remoteOf(baselines);
  const candidates = config.episodes * config.turns * config.candidates;
  const screened = screen > 0 && screen < n;
  const confirmed = race?.confirmation ?? 0;
  const designedRuns =
    config.episodes * config.turns * runsPerTurn(config, n, race !== undefined) +
    (CONFIRMED - 1) * confirmed +
    (isTested ? config.testLimit : 0);
  const seen = race ? Math.min(n, BASELINE_ITEMS) : n;
  const baselineRuns = remoteBaselines * (seen + (isTested ? config.testLimit : 0)) + confirmed;
  const voted = n + (isTested ? config.testLimit : 0);
  return forecastOf(
    {
      designed: designedRuns * runsPerSample,
      baselines: baselineRuns * runsPerSample,
      voted: voted * runsPerSample,
    },
    validation,
    { ...config, price },
    [
      race
        ? `${candidates} candidates race over ${n} validation samples in blocks of ${screen}${confirmed > 0 ? `; the best of them go on over ${confirmed} others` : ""}`
        : `${candidates} candidates on ${n} validation samples${screened ? `, screened on ${screen}` : ""}`,
      `${remoteBaselines} baselines${isTested ? ` and the final test on at most ${config.testLimit} items` : ""}`,
      ...(runsPerSample > 1
        ? [`at most ${tenths(runsPerSample)} runs a sample on average, one for every control step`]
        : []),
    ],
  );
}

/** Baselines that ask the executor. */
export function remoteOf(baselines: readonly { name: string }[]): number {
  return baselines.filter(({ name }) => name !== "weak-alone").length;
}

/** Runs of designed workflows on items in one turn over n validation items. */
export function runsPerTurn(
  { candidates, screen: given }: Pick<ForecastConfig, "candidates" | "screen">,
  n: number,
  isRacing: boolean,
): number {
  const screen = Math.min(given, n);
  if (isRacing) return Math.min(candidates * n, candidates * screen * (1 + LATER_SHARE));
  return screen > 0 && screen < n
    ? candidates * screen + Math.ceil(candidates / 2) * (n - screen)
    : candidates * n;
}

/**
 * Estimates from counted runs.
 * @param runs - of workflows on items: designed ones, baselines, and items on which five replies are voted over
 * @param samples - as long as the items that are asked about
 * @param basis - what the runs were counted from, one line each
 */
export function forecastOf(
  runs: { designed: number; baselines: number; voted: number },
  samples: readonly Pick<Sample, "question" | "context">[],
  config: Pick<ForecastConfig, "maxTokens" | "concurrency"> & { price: Price | undefined },
  basis: readonly string[],
): Forecast {
  const { price } = config;
  const calls = Math.round(runs.baselines + runs.designed * CALLS_PER_DESIGNED_RUN);
  const questionTokens =
    samples.reduce((sum, sample) => sum + sample.question.length + (sample.context?.length ?? 0), 0) /
    Math.max(1, samples.length) /
    CHARACTERS_PER_TOKEN;
  const promptTokens = Math.round(calls * (questionTokens + INSTRUCTION_TOKENS));
  // Self-consistency asks for five replies at once.
  const replies = calls + Math.round(4 * runs.voted);
  const tokensEach = Math.min(config.maxTokens * REPLY_SHARE, USUAL_REPLY_TOKENS);
  const replyTokens = Math.round(replies * tokensEach);
  return {
    executorCalls: calls,
    executorReplies: replies,
    executorTokens: promptTokens + replyTokens,
    dollars: price
      ? (promptTokens * price.inputPerMillion + replyTokens * price.outputPerMillion) / 1e6
      : null,
    minutes: tenths((calls * SECONDS_PER_CALL) / config.concurrency / 60),
    isMeasured: false,
    basis: [
      ...basis,
      `${CALLS_PER_DESIGNED_RUN} calls for each run of a designed workflow, replies of ${Math.round(tokensEach)} tokens`,
      `minutes: assumed ${SECONDS_PER_CALL} s a call, ${config.concurrency} at once; said again once the speed is measured`,
      "equal calls are shared and paid once; a designed workflow may make up to limits.modelCalls: set a budget",
    ],
  };
}

/** Replies that the executor was really asked for, and how long they took together. */
interface Speed {
  seconds: number;
  replies: number;
  replyTokens: number;
}

/** Watches what the executor is paid for while baselines run. */
export class SpeedMeter {
  readonly #ledger: () => LedgerRow[];
  #since: { calls: number; tokens: number; at: number };

  constructor(ledger: () => LedgerRow[]) {
    this.#ledger = ledger;
    this.#since = this.#now();
  }

  /**
   * The speed since the last call; undefined where any reply came from the store, which says nothing about it.
   * @param evaluation - what was evaluated meanwhile
   */
  measure({ calls, replies }: { calls: number; replies: number }): Speed | undefined {
    const before = this.#since;
    this.#since = this.#now();
    const replyTokens = this.#since.tokens - before.tokens;
    if (replyTokens <= 0 || this.#since.calls - before.calls !== calls) return undefined;
    return { seconds: (this.#since.at - before.at) / 1000, replies, replyTokens };
  }

  #now(): { calls: number; tokens: number; at: number } {
    const rows = this.#ledger().filter(({ role }) => role === "executor");
    return {
      calls: rows.reduce((sum, row) => sum + row.calls, 0),
      tokens: rows.reduce((sum, row) => sum + row.completionTokens, 0),
      at: performance.now(),
    };
  }
}

/**
 * The forecast with the time that the measured speed suggests.
 * @param speed - that baselines which really asked the executor have shown
 */
export function remeasured(forecast: Forecast, speed: Speed, concurrency: number): Forecast {
  const perReply = speed.replyTokens / speed.replies;
  const perSecond = speed.replyTokens / speed.seconds;
  const basis = forecast.basis.filter((line) => !line.startsWith("minutes:"));
  basis.push(
    `minutes: ${perSecond.toFixed(1)} tokens/s and ${perReply.toFixed(0)} tokens a reply, measured with ${concurrency} at once`,
  );
  return {
    ...forecast,
    minutes: tenths((forecast.executorReplies * perReply) / perSecond / 60),
    isMeasured: true,
    basis,
  };
}

/** Factor between two forecasts of the time from which on the later one is worth a line. */
const WORTH_SAYING = 2;

/** Whether a forecast is to be said again: the first that was measured, and then any that is off by a factor of two. */
export function isOff(said: Forecast, now: Forecast): boolean {
  if (said.isMeasured !== now.isMeasured) return true;
  const [low, high] = [Math.min(said.minutes, now.minutes), Math.max(said.minutes, now.minutes)];
  return high >= WORTH_SAYING * low && high !== low;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
