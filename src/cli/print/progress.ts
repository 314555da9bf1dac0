/** @file Progress of a run on stderr: phase, rate, time left, money spent and its limit. */
import { createRequire } from "node:module";
import type { Options, Ora } from "ora";
import type { BudgetLimits, Forecast, RunEvent } from "../../commands.js";
import {
  counted,
  formatDollars,
  formatDuration,
  formatInterval,
  formatPercent,
} from "../../core/figure-format.js";
import { isInteractive, visibleLine, writeErr } from "./output.js";
import { type Spending, spentTogether } from "./spent-text.js";

/** Without a terminal a line of progress comes at most this often. */
const PLAIN_EVERY_MS = 10_000;

type Of<Type extends RunEvent["type"]> = Extract<RunEvent, { type: Type }>;

/** A rate over less says nothing: results that were found in the store. */
const MIN_RATE_SECONDS = 0.5;

export interface ProgressOptions {
  budget?: BudgetLimits | undefined;
  /** Default: a spinner where a person watches. */
  isInteractive?: boolean | undefined;
  /** Milliseconds, monotonic. */
  now?: (() => number) | undefined;
  write?: ((line: string) => void) | undefined;
}

/** Where nobody watches, no command waits for the package. */
function loadOra(): typeof import("ora")["default"] {
  return (createRequire(import.meta.url)("ora") as typeof import("ora")).default;
}

/** The spinner's looks; NO_COLOR takes its colour. */
export function spinnerOptions({ NO_COLOR }: NodeJS.ProcessEnv = process.env): Options {
  // discardStdin would take Ctrl-C away from our own handler.
  return { stream: process.stderr, discardStdin: false, color: NO_COLOR ? false : "cyan" };
}

/** Prints run events; feed it through `onEvent`, and call `stop()` before results are printed. */
export class Progress {
  readonly #budget: BudgetLimits;
  readonly #now: () => number;
  readonly #write: (line: string) => void;
  readonly #spinner: Ora | undefined;
  /** Of each phase that is under way: when it began, and what was done by then. */
  readonly #phases = new Map<string, { start: number; base: number }>();
  #lastPlain = Number.NEGATIVE_INFINITY;
  #spent: Spending | undefined;
  /** What runs before this one spent of the same budget. */
  #earlier: Spending[] = [];
  /** Episodes by task and number: what is said of each. */
  readonly #episodes = new Map<string, { task: string; name: string; turn: string }>();
  #isPhaseDone = false;
  /** The best candidate so far, in words. */
  #best: { accuracy: number; text: string } | undefined;

  constructor(options: ProgressOptions = {}) {
    this.#budget = options.budget ?? {};
    this.#now = options.now ?? (() => performance.now());
    this.#write = options.write ?? writeErr;
    if (options.isInteractive ?? isInteractive()) this.#spinner = loadOra()(spinnerOptions());
  }

  readonly onEvent = (event: RunEvent): void => {
    switch (event.type) {
      case "job-done":
        this.#tick(event);
        break;
      case "batch-wait":
        this.#batchWait(event);
        break;
      case "spent":
        this.#spent = event;
        break;
      case "episode-start":
        this.#episodes.set(keyOf(event), {
          task: event.task ?? "",
          name: `episode ${event.episode + 1} of ${event.episodes}`,
          turn: "",
        });
        break;
      case "turn-start": {
        const episode = this.#episodes.get(keyOf(event));
        if (episode) episode.turn = `, turn ${event.turn + 1} of ${event.turns}`;
        this.status(`${this.#placeOf(event)}writing workflows`);
        break;
      }
      case "candidate-scored":
        this.noteBest(event);
        for (const line of describeEvent(event)) this.line(line);
        break;
      case "writing":
        this.status(`${this.#placeOf(event)}writing workflows, ${writtenText(event)}`);
        break;
      default:
        if (event.type === "run-start" && this.#spent) {
          this.#earlier.push(this.#spent);
          this.#spent = undefined;
        }
        for (const line of describeEvent(event)) this.line(line);
    }
  };

  /** Remembers a candidate that is better than all before it, for the line that is replaced. */
  noteBest({ status, accuracy, n, techniques }: Of<"candidate-scored">): void {
    if (status !== "ok" || accuracy === null || accuracy <= (this.#best?.accuracy ?? 0)) return;
    const items = n === undefined ? "" : ` of ${n} items`;
    const how = techniques.length > 0 ? `, ${techniques.join(" + ")}` : "";
    this.#best = { accuracy, text: `best workflow so far ${formatPercent(accuracy)}${items}${how}` };
  }

  /** A line that stays on the screen. */
  line(text: string): void {
    const isSpinning = this.#spinner?.isSpinning ?? false;
    if (isSpinning) this.#spinner?.stop();
    this.#write(visibleLine(text));
    // What was counted is over: its last figures would stand there as if it still went on.
    if (isSpinning && this.#isPhaseDone && this.#spinner) this.#spinner.text = "working";
    if (isSpinning) this.#spinner?.start();
  }

  stop(): void {
    this.#spinner?.stop();
  }

  #tick(event: Of<"job-done">): void {
    const { what, done, total } = event;
    const key = `${keyOf(event)} ${what}`;
    // The first tick may already count results of an earlier session: they say nothing about the rate.
    const { start, base } = this.#phases.get(key) ?? { start: this.#now(), base: done };
    if (done < total) this.#phases.set(key, { start, base });
    else this.#phases.delete(key);
    const seconds = (this.#now() - start) / 1000;
    const worked = done - base;
    const parts = [`${this.#placeOf(event)}${what} ${done}/${total}`];
    if (worked > 0 && seconds >= MIN_RATE_SECONDS) {
      const rate = worked / seconds;
      parts.push(`${rate >= 1 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`}`);
      if (done < total) parts.push(`${formatDuration(((total - done) / rate) * 1000)} left`);
    }
    const spent = this.#spending();
    if (spent !== "") parts.push(spent);
    this.#isPhaseDone = done === total;
    this.status(parts.join(", "), this.#isPhaseDone);
  }

  #batchWait({ id, status, requests, done, failed, ageSeconds }: Of<"batch-wait">): void {
    const age = ageSeconds > 0 ? `, ${formatDuration(ageSeconds * 1000)} old` : "";
    const lost = failed > 0 ? `, ${failed} failed` : "";
    const text = `batch ${id}: ${status.replaceAll("_", " ")}, ${done}/${requests} answered${lost}${age}`;
    const isLast = /^(completed|failed|expired|cancelled)$/.test(status);
    this.#isPhaseDone = isLast;
    this.status(text, isLast);
  }

  /** Episode and turn of an event, with the task where several are played; nothing for what belongs to none. */
  #placeOf(event: { task?: string | undefined; episode?: number | undefined }): string {
    const episode = this.#episodes.get(keyOf(event));
    if (!episode) return "";
    const hasMany = new Set([...this.#episodes.values()].map(({ task }) => task)).size > 1;
    return `${hasMany ? `${episode.task}, ` : ""}${episode.name}${episode.turn}: `;
  }

  #spending(): string {
    const runs = this.#spent ? [...this.#earlier, this.#spent] : this.#earlier;
    if (runs.length === 0) return "";
    const { calls, tokens, dollars } = spentTogether(runs);
    const of = (limit: number | undefined, text: (value: number) => string) =>
      limit === undefined ? "" : ` of ${text(limit)}`;
    if (dollars !== null && (dollars > 0 || this.#budget.dollars !== undefined)) {
      return `${formatDollars(dollars)}${of(this.#budget.dollars, formatDollars)} spent`;
    }
    const price = dollars === null ? ", price unknown" : "";
    if (this.#budget.tokens !== undefined) return `${tokens} of ${this.#budget.tokens} tokens${price}`;
    return `${calls}${of(this.#budget.calls, String)} calls${price}`;
  }

  /** A line that the next one replaces, until the last; where a person watches, a second one has the best workflow so far. */
  status(text: string, isLast = false): void {
    if (this.#spinner) {
      const best = this.#best ? `\n  ${visibleLine(this.#best.text)}` : "";
      this.#spinner.text = `${visibleLine(text)}${best}`;
      if (!this.#spinner.isSpinning) this.#spinner.start();
      return;
    }
    const now = this.#now();
    if (!isLast && now - this.#lastPlain < PLAIN_EVERY_MS) return;
    this.#lastPlain = now;
    this.#write(visibleLine(text));
  }
}

function writtenText({ promptTokens, promptDone, replyTokens }: Of<"writing">): string {
  if (replyTokens > 0) return `${replyTokens} tokens of each so far`;
  return `prompt ${promptDone} of ${promptTokens} tokens`;
}

function keyOf({ task, episode }: { task?: string | undefined; episode?: number | undefined }): string {
  return JSON.stringify([task, episode]);
}

/** Episodes may be played at the same time: candidates are named as in a report. */
function idOf({ episode, turn }: { episode: number; turn: number }): string {
  return `e${episode + 1}.t${turn + 1}`;
}

/** The lines of an event that are kept. */
export function describeEvent(event: RunEvent): string[] {
  switch (event.type) {
    case "run-start": {
      const mark = event.isSimulated ? " (simulated)" : "";
      return [
        `${event.command} ${event.task}: ${event.isResumed ? "going on in" : "run directory"} ${event.directory}`,
        `executor ${event.executor}${mark}, weak model ${event.policy}`,
      ];
    }
    case "forecast":
      return [`forecast, about: ${forecastLine(event.forecast)}`];
    case "threads":
      return [
        `threads: executor ${event.executor}, weak model ${event.weak}, ${counted(event.programs, "program")} at once`,
      ];
    case "warning":
      return [`warning: ${event.message}`];
    case "baseline-scored":
      return [
        `${event.name}: ${formatPercent(event.accuracy)} ${formatInterval(event.interval)}, n = ${event.n}${event.lost ? `, ${event.lost} lost` : ""}`,
      ];
    case "instructions-written": {
      const { task, count, by, calls, tokens, dollars, isResumed } = event;
      const price = `${counted(calls, "call")}, ${tokens} tokens${dollars ? `, ${formatDollars(dollars)}` : ""}`;
      return [
        `${task}: ${count === 0 ? "no instruction that can be used" : counted(count, "instruction")} ${isResumed ? "from the last session" : `written by ${by} (${price})`}`,
      ];
    }
    case "candidates-written":
      return [
        `${idOf(event)}: ${event.count} workflows${event.isResumed ? " from the last session" : ` in ${event.seconds.toFixed(1)} s`}, ${event.valid} can be read`,
      ];
    case "candidate-scored": {
      const score =
        event.accuracy === null
          ? event.status
          : `${formatPercent(event.accuracy)}${event.n === undefined ? "" : ` of ${event.n}`} (${event.status})`;
      const techniques = event.techniques.length > 0 ? `, ${event.techniques.join(" + ")}` : "";
      const lost = event.lost ? `, ${event.lost} samples lost` : "";
      return [
        `  ${idOf(event)}.c${event.index + 1}: ${score}${lost}, reward ${event.reward.toFixed(2)}${techniques}`,
      ];
    }
    case "turn-end":
      return [`${idOf(event)} done: best so far ${formatPercent(event.best)}`];
    case "test-opened":
      return [`test split opened: ${event.items} items for ${event.purpose}`];
    default:
      return [];
  }
}

export function forecastLine(forecast: Forecast): string {
  const dollars = forecast.dollars === null ? "price unknown" : formatDollars(forecast.dollars);
  const basis = forecast.isMeasured ? "at the speed measured so far" : "if a call takes 2 s";
  const { weakMinutes = 0 } = forecast;
  const local = weakMinutes > 0 ? `, ${weakMinutes} of them the local model's` : "";
  return `${forecast.executorCalls} calls, ${forecast.executorTokens} tokens, ${dollars}, ${forecast.minutes} minutes ${basis}${local}`;
}
