/** @file The forecast of a run said again once speeds are measured, where it is off by a factor of two. */
import type { Figures } from "../evaluate/evaluation.js";
import type { LedgerRow } from "../llm/call-store.js";
import type { Forecast } from "../records/run-event.js";
import { tenths, withWeakTime } from "./forecast-run.js";

/** Watches how long baselines and turns take, and gives a forecast that is worth a line. */
export class ForecastWatch {
  readonly #speed: SpeedMeter;
  readonly #concurrency: number;
  readonly #seconds = new Map<string, number>();
  /** Of all baselines that really asked: one that replies with a letter says little about programs. */
  readonly #asked = { seconds: 0, replies: 0, replyTokens: 0, atOnce: 1 };
  #said: Forecast;
  #now: Forecast;

  constructor(forecast: Forecast, ledger: () => LedgerRow[], concurrency: number) {
    this.#said = forecast;
    this.#now = forecast;
    this.#speed = new SpeedMeter(ledger);
    this.#concurrency = concurrency;
  }

  /** @returns the forecast where it is to be said again */
  onBaseline(evaluation: Pick<Figures, "calls" | "replies" | "n">): Forecast | undefined {
    const spent = this.#speed.lap();
    const { weakWork } = this.#now;
    // Replies out of the store say nothing about the speed.
    if (spent.replyTokens > 0 && spent.calls === evaluation.calls) {
      this.#asked.seconds += spent.seconds;
      this.#asked.replyTokens += spent.replyTokens;
      this.#asked.replies += evaluation.replies;
      this.#asked.atOnce = Math.max(this.#asked.atOnce, Math.min(this.#concurrency, evaluation.n));
      this.#now = remeasured(this.#now, this.#asked, this.#concurrency);
    } else if (weakWork && spent.calls === 0 && spent.weakCalls > 0 && spent.weakCalls === evaluation.n)
      this.#now = withWeakTime(this.#now, { ...weakWork, perItem: spent.seconds / evaluation.n });
    return this.#again();
  }

  /** @param turn - name of the turn that was written for, which repairs belong to */
  onWritten(turn: string, seconds: number): Forecast | undefined {
    const { weakWork } = this.#now;
    if (!weakWork) return undefined;
    this.#seconds.set(turn, (this.#seconds.get(turn) ?? 0) + seconds);
    const all = [...this.#seconds.values()];
    const perTurn = all.reduce((sum, value) => sum + value, 0) / all.length;
    this.#now = withWeakTime(this.#now, { ...weakWork, perTurn });
    return this.#again();
  }

  #again(): Forecast | undefined {
    if (!isOff(this.#said, this.#now)) return undefined;
    this.#said = this.#now;
    return this.#now;
  }
}

/** What was asked of the models between two looks. */
class SpeedMeter {
  readonly #ledger: () => LedgerRow[];
  #since: Asked;

  constructor(ledger: () => LedgerRow[]) {
    this.#ledger = ledger;
    this.#since = this.#read();
  }

  lap(): { seconds: number; calls: number; replyTokens: number; weakCalls: number } {
    const before = this.#since;
    const now = this.#read();
    this.#since = now;
    return {
      seconds: (now.at - before.at) / 1000,
      calls: now.calls - before.calls,
      replyTokens: now.tokens - before.tokens,
      weakCalls: now.weakCalls - before.weakCalls,
    };
  }

  #read(): Asked {
    const rows = this.#ledger();
    const sum = (role: string, count: (row: LedgerRow) => number) =>
      rows.reduce((total, row) => (row.role === role ? total + count(row) : total), 0);
    return {
      calls: sum("executor", (row) => row.calls),
      tokens: sum("executor", (row) => row.completionTokens),
      weakCalls: sum("weak", (row) => row.calls),
      at: performance.now(),
    };
  }
}

interface Asked {
  calls: number;
  tokens: number;
  weakCalls: number;
  at: number;
}

/**
 * The forecast with the time that the measured speed suggests.
 * @param speed - that baselines which really asked the executor have shown, and how many of their items ran at once
 */
export function remeasured(
  forecast: Forecast,
  speed: { seconds: number; replies: number; replyTokens: number; atOnce: number },
  concurrency: number,
): Forecast {
  const perReply = speed.replyTokens / speed.replies;
  const perSecond = speed.replyTokens / speed.seconds;
  const basis = forecast.basis.filter((line) => !line.startsWith("minutes:"));
  // A server or a local executor often writes more in all where more is asked at once.
  const more = speed.atOnce < concurrency ? `, less where ${concurrency} at once are faster` : "";
  basis.push(
    `minutes: ${perSecond.toFixed(1)} tokens/s and ${perReply.toFixed(0)} tokens a reply, measured with ${speed.atOnce} at once${more}`,
  );
  return {
    ...forecast,
    minutes: tenths((forecast.executorReplies * perReply) / perSecond / 60 + (forecast.weakMinutes ?? 0)),
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
