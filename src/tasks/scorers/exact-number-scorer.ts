/** @file Metric exact-number: the answer names one number and it is the expected one. */
import { type FoundNumber, parseNumber } from "../../core/reply/find-numbers.js";
import { readNumber } from "../../core/reply/reply-readers.js";
import type { MetricOptions } from "../dataset-manifest.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText } from "./answer-text.js";

/** Relative difference that still counts as equal where the expected number is not an integer. */
const DEFAULT_TOLERANCE = 1e-4;

/** Rounding noise of floating point where the expected number is an integer. */
const INTEGER_NOISE = 1e-6;

/** An expected number with this many decimals is taken for the start of an endless one, which is answered rounded. */
const ENDLESS_DECIMALS = 5;

export function exactNumberScorer(options: MetricOptions = {}): InstantScorer {
  const tolerance = options.tolerance ?? DEFAULT_TOLERANCE;
  return {
    metric: "exact-number",
    score(answer, sample, isCut): Score {
      const found = readNumber(answerText(answer) ?? "", isCut);
      if (!found) return { value: 0, isCorrect: false, extracted: "" };
      const isCorrect = sample.answers.some((expected) => {
        const number = parseNumber(expected);
        return number !== undefined && isSame(found, number, tolerance);
      });
      return { value: isCorrect ? 1 : 0, isCorrect, extracted: found.text };
    },
  };
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
