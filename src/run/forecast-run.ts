/** @file What a run may cost at most, worked out before anything is paid. */

import type { RunConfig } from "../config/run-config.js";
import { LATER_SHARE } from "../design/race.js";
import type { WritingPace } from "../design/rehearsal.js";
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
  | "episodes"
  | "turns"
  | "candidates"
  | "screen"
  | "maxTokens"
  | "concurrency"
  | "budget"
  | "explore"
  | "exploreBy"
>;

/** Facts of a run that its forecast rests on. */
export interface ForecastPlan {
  validation: readonly Sample[];
  baselines: readonly { name: string }[];
  /** Default: unknown. */
  price?: Price | undefined;
  /** Its calls take no time. Default false. */
  isSimulated?: boolean | undefined;
  /** Items of the final test; 0 where none is made. */
  testItems: number;
  /** Of a workflow: more than 1 for items that are played step by step. Default 1. */
  runsPerSample?: number | undefined;
  /** Items of the confirmation, where candidates race. Default: they are screened. */
  race?: { confirmation: number } | undefined;
  /** Speed of the local model that designs. Default: not known, and its time is not counted. */
  pace?: WritingPace | undefined;
}

/** Estimates of calls, tokens, dollars and minutes for `optimize`. */
export function forecastRun(
  config: ForecastConfig,
  {
    validation,
    baselines,
    price,
    isSimulated = false,
    testItems,
    runsPerSample = 1,
    race,
    pace,
  }: ForecastPlan,
): Forecast {
  const n = validation.length;
  const screen = Math.min(config.screen, n);
  const remoteBaselines = baselines.filter((baseline) => baseline.name !== WEAK_ALONE).length;
  const candidates = config.episodes * config.turns * config.candidates;
  const screened = screen > 0 && screen < n;
  const perTurn = race
    ? Math.min(config.candidates * n, config.candidates * screen * (1 + LATER_SHARE))
    : screened
      ? config.candidates * screen + Math.ceil(config.candidates / 2) * (n - screen)
      : config.candidates * n;
  const confirmed = race?.confirmation ?? 0;
  const designedRuns = config.episodes * config.turns * perTurn + (CONFIRMED - 1) * confirmed + testItems;
  const seen = race ? Math.min(n, BASELINE_ITEMS) : n;
  const baselineRuns = remoteBaselines * (seen + testItems) + confirmed;
  const calls = Math.round((baselineRuns + designedRuns * CALLS_PER_DESIGNED_RUN) * runsPerSample);
  const questionTokens =
    validation.reduce((sum, sample) => sum + sample.question.length + (sample.context?.length ?? 0), 0) /
    Math.max(1, n) /
    CHARACTERS_PER_TOKEN;
  const itemTokens = questionTokens + INSTRUCTION_TOKENS;
  const promptTokens = Math.round(calls * itemTokens);
  // Self-consistency asks for five replies at once.
  const replies = calls + Math.round(4 * (n + testItems) * runsPerSample);
  const tokensEach = Math.min(config.maxTokens * REPLY_SHARE, USUAL_REPLY_TOKENS);
  const replyTokens = Math.round(replies * tokensEach);
  const secondsPerCall = isSimulated ? 0 : SECONDS_PER_CALL;
  const forecast: Forecast = {
    executorCalls: calls,
    executorReplies: replies,
    executorTokens: promptTokens + replyTokens,
    dollars: price
      ? (promptTokens * price.inputPerMillion + replyTokens * price.outputPerMillion) / 1e6
      : null,
    minutes: tenths((calls * secondsPerCall) / config.concurrency / 60),
    isMeasured: isSimulated,
    basis: [
      race
        ? `${candidates} candidates race over ${n} validation samples in blocks of ${screen}${confirmed > 0 ? `; the best of them go on over ${confirmed} others` : ""}`
        : `${candidates} candidates on ${n} validation samples${screened ? `, screened on ${screen}` : ""}`,
      `${remoteBaselines} baselines${testItems > 0 ? ` and the final test on ${testItems} items` : ""}`,
      ...(runsPerSample > 1
        ? [`at most ${tenths(runsPerSample)} runs a sample on average, one for every control step`]
        : []),
      `${CALLS_PER_DESIGNED_RUN} calls for each run of a designed workflow, replies of ${Math.round(tokensEach)} tokens`,
      isSimulated
        ? "minutes: simulated calls take none"
        : `minutes: assumed ${SECONDS_PER_CALL} s a call, ${config.concurrency} at once; said again once the speed is measured`,
      `equal calls are shared and paid once; a designed workflow may make up to limits.modelCalls${hasLimit(config.budget) ? "" : ": set a budget"}`,
    ],
  };
  if (!pace) return forecast;
  return withWeakTime(forecast, {
    // Designs that are drawn take no time.
    turns: Math.ceil(config.episodes * config.turns * (config.exploreBy === "draw" ? 1 - config.explore : 1)),
    perTurn: pace.perTurn,
    items: remoteBaselines < baselines.length ? seen + testItems : 0,
    perItem: itemTokens * pace.perPromptToken + tokensEach * pace.perReplyToken,
  });
}

/** Baseline of the local model alone: it asks no executor. */
const WEAK_ALONE = "weak-alone";

function hasLimit({ dollars, tokens, calls }: ForecastConfig["budget"]): boolean {
  return [dollars, tokens, calls].some((limit) => limit !== undefined);
}

type WeakWork = NonNullable<Forecast["weakWork"]>;

const WEAK_LINE = "local model:";

/** The forecast with the time of the local model, at worst behind that of the calls; replaces what stood for it. */
export function withWeakTime(forecast: Forecast, { turns, perTurn, items, perItem }: WeakWork): Forecast {
  const weakMinutes = tenths((turns * perTurn + items * perItem) / 60);
  const alone = items > 0 ? `, ${items} items alone of ${perItem.toFixed(1)} s` : "";
  return {
    ...forecast,
    weakWork: { turns, perTurn, items, perItem },
    weakMinutes,
    minutes: tenths(forecast.minutes - (forecast.weakMinutes ?? 0) + weakMinutes),
    basis: [
      ...forecast.basis.filter((line) => !line.startsWith(WEAK_LINE)),
      `${WEAK_LINE} ${turns} turns of ${perTurn.toFixed(1)} s${alone}, as measured`,
    ],
  };
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
