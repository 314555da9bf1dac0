/** @file Metric f1: overlap of words with the best of the accepted answers. */
import type { InstantScorer, Score } from "../task.js";
import { answerText, MAX_ANSWER_CHARACTERS } from "./answer-text.js";
import { normalizeWords } from "./normalize-words.js";

/** A list of strings is an answer with several parts. */
function readAnswer(answer: unknown): string | undefined {
  const isParts =
    Array.isArray(answer) && answer.every((part) => typeof part === "string" || typeof part === "number");
  return isParts ? answer.slice(0, 100).join(" ").slice(0, MAX_ANSWER_CHARACTERS) : answerText(answer);
}

export function f1Scorer(): InstantScorer {
  return {
    metric: "f1",
    score(answer, sample): Score {
      const text = readAnswer(answer)?.trim();
      if (!text) return { value: 0, isCorrect: false, extracted: "" };
      const words = normalizeWords(text);
      const value = Math.max(0, ...sample.answers.map((expected) => wordF1(words, normalizeWords(expected))));
      return { value, isCorrect: value === 1, extracted: text };
    },
  };
}

/** 2PR / (P + R) over the bags of words; 0 when they share none. */
export function wordF1(found: readonly string[], expected: readonly string[]): number {
  const open = new Map<string, number>();
  for (const word of expected) open.set(word, (open.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of found) {
    const left = open.get(word) ?? 0;
    if (left === 0) continue;
    open.set(word, left - 1);
    shared++;
  }
  return shared === 0 ? 0 : (2 * shared) / (found.length + expected.length);
}
