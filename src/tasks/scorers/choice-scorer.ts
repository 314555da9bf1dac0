/** @file Metric choice: the answer names one option, by its letter or its text. */
import { readChoice } from "../../core/reply/reply-readers.js";
import { foldText } from "../sample-key.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText } from "./answer-text.js";

export function choiceScorer(): InstantScorer {
  return {
    metric: "choice",
    score(answer, sample, isCut): Score {
      const choices = sample.choices ?? [];
      const right = (sample.answers[0] ?? "").charCodeAt(0) - 65;
      const extracted = readChoice(answerText(answer) ?? "", choices, isCut);
      const index = extracted === "" ? undefined : extracted.charCodeAt(0) - 65;
      // An option listed twice is right under either letter.
      const isCorrect =
        index !== undefined &&
        (index === right || foldText(choices[index] ?? "") === foldText(choices[right] ?? "\0"));
      return { value: isCorrect ? 1 : 0, isCorrect, extracted };
    },
  };
}
