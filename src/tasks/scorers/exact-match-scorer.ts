/** @file Metric exact-match: the answer is one of the accepted ones, after folding. */
import type { MetricOptions } from "../dataset-manifest.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText } from "./answer-text.js";
import { normalizeWords } from "./normalize-words.js";

/** Pairs of quotes, tags and emphasis a reply may put around a bare answer. */
const WRAPPERS: readonly RegExp[] = [/^"(.*)"$/s, /^'(.*)'$/s, /^`(.*)`$/s, /^“(.*)”$/s, /^\*\*(.*)\*\*$/s];

/**
 * `normalize: "words"` (default) drops case, punctuation and articles; `"spaces"` folds white space, one pair of
 * quotes and a final full stop only, for answers whose letters and case matter (`ignoreCase` lets case go).
 */
export function exactMatchScorer(options: MetricOptions = {}): InstantScorer {
  const fold =
    options.normalize === "spaces"
      ? (text: string) => foldSpaces(text, options.ignoreCase ?? false)
      : (text: string) => normalizeWords(text).join(" ");
  return {
    metric: "exact-match",
    score(answer, sample): Score {
      const text = answerText(answer)?.trim();
      if (!text) return { value: 0, isCorrect: false, extracted: "" };
      const found = fold(text);
      const isCorrect = sample.answers.some((expected) =>
        // Nothing but punctuation folds to nothing: then the characters themselves decide.
        found === "" ? expected.trim() === text : fold(expected) === found,
      );
      return { value: isCorrect ? 1 : 0, isCorrect, extracted: text };
    },
  };
}

function foldSpaces(text: string, ignoreCase: boolean): string {
  let folded = text.normalize("NFC").replace(/\s+/g, " ").trim();
  if (/[\p{L}\p{N}"'`”*]\.$/u.test(folded)) folded = folded.slice(0, -1);
  for (const wrapper of WRAPPERS) folded = wrapper.exec(folded)?.[1]?.trim() ?? folded;
  return ignoreCase ? folded.toLowerCase() : folded;
}
