/** @file Metric exact-number: the answer names one number and it is the expected one. */
import type { MetricOptions } from "../dataset-manifest.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText, markedAnswer } from "./answer-text.js";
import { type FoundNumber, findNumbers, parseNumber } from "./parse-number.js";

/** Relative difference that still counts as equal where the expected number is not an integer. */
const DEFAULT_TOLERANCE = 1e-4;

/** Rounding noise of floating point where the expected number is an integer. */
const INTEGER_NOISE = 1e-6;

/** An expected number with this many decimals is taken for the start of an endless one, which is answered rounded. */
const ENDLESS_DECIMALS = 5;

/** An unmarked answer with more different numbers than this is a list of guesses or a worked text, not an answer. */
const MAX_DIFFERENT_NUMBERS = 3;

export function exactNumberScorer(options: MetricOptions = {}): InstantScorer {
  const tolerance = options.tolerance ?? DEFAULT_TOLERANCE;
  return {
    metric: "exact-number",
    score(answer, sample): Score {
      const found = readAnswer(answer);
      if (!found) return { value: 0, isCorrect: false, extracted: "" };
      const isCorrect = sample.answers.some((expected) => {
        const number = parseNumber(expected);
        return number !== undefined && isSame(found, number, tolerance);
      });
      return { value: isCorrect ? 1 : 0, isCorrect, extracted: found.text };
    },
  };
}

/** The number an answer stands for: behind a mark, else the last of at most three different ones. */
function readAnswer(answer: unknown): FoundNumber | undefined {
  const text = answerText(answer)?.trim();
  if (!text) return undefined;
  const marked = markedAnswer(text);
  const behindMark = marked === undefined ? [] : findNumbers(marked);
  const isWhole = parseNumber(text);
  if (isWhole) return isWhole;
  const numbers = behindMark.length > 0 ? behindMark : findNumbers(text);
  if (new Set(numbers.map((number) => number.value)).size > MAX_DIFFERENT_NUMBERS) return undefined;
  // "The answer is 12 (3 boxes of 4)": behind a mark the first number is the answer; in free text the last.
  return behindMark.length > 0 ? numbers[0] : numbers.at(-1);
}

function isSame(found: FoundNumber, expected: FoundNumber, tolerance: number): boolean {
  if (found.integer !== undefined && expected.integer !== undefined && !found.isPercent) {
    return found.integer === expected.integer || (found.value === 0 && expected.value === 0);
  }
  // "50%" answers both "how many per cent" (50) and "which share" (0.5).
  const values = found.isPercent && !expected.isPercent ? [found.value, found.value / 100] : [found.value];
  return values.some((value) => isClose(value, found, expected, tolerance));
}

function isClose(value: number, found: FoundNumber, expected: FoundNumber, tolerance: number): boolean {
  const difference = Math.abs(value - expected.value);
  if (Number.isInteger(expected.value)) return difference <= INTEGER_NOISE;
  if (difference <= tolerance * Math.abs(expected.value)) return true;
  // 16/3 answered as 5.33: right to the digits that were given, where the expected number never ends.
  const isEndless = expected.decimals >= ENDLESS_DECIMALS;
  const isPrecise = found.decimals >= 2 && Math.abs(value) >= 100 * 10 ** -found.decimals;
  return isEndless && isPrecise && difference < 0.5 * 10 ** -found.decimals;
}
