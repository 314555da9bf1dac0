/** @file Metric regex: each accepted answer is a pattern; a slow match is cut off, not waited for. */
import { type Context, createContext, Script } from "node:vm";
import type { MetricOptions } from "../dataset-manifest.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText } from "./answer-text.js";

/** Time of one match: patterns with nested repetition can take longer than anyone waits. */
const MATCH_MS = 200;

/** @throws {SyntaxError} when the pattern does not compile with the flags u, and i if `ignoreCase`. */
export function compilePattern(pattern: string, options: MetricOptions): RegExp {
  // Compiled alone first: the wrapping must not make a pattern such as `a)(b` valid.
  const flags = options.ignoreCase ? "iu" : "u";
  new RegExp(pattern, flags);
  return new RegExp(options.partial ? pattern : `^(?:${pattern})$`, flags);
}

export function regexScorer(options: MetricOptions = {}): InstantScorer {
  return {
    metric: "regex",
    score(answer, sample): Score {
      const text = answerText(answer)?.trim();
      if (!text) return { value: 0, isCorrect: false, extracted: "" };
      const isCorrect = sample.answers.some((pattern) => matches(compilePattern(pattern, options), text));
      return { value: isCorrect ? 1 : 0, isCorrect, extracted: text };
    },
  };
}

let context: Context | undefined;
const MATCH = new Script("new RegExp(source, flags).test(text)");

/** Match in a context of its own, only because that is how Node limits the time; both are plain strings. */
function matches(pattern: RegExp, text: string): boolean {
  context ??= createContext(Object.create(null) as object);
  Object.assign(context, { source: pattern.source, flags: pattern.flags, text });
  try {
    return MATCH.runInContext(context, { timeout: MATCH_MS }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return false;
    throw error;
  }
}
