/** @file Metric judge: the grade that a model with a rubric gives. */
import type { AnswerJudge } from "../../core/answer-judge.js";
import type { Score, Scorer } from "../task.js";
import { answerText } from "./answer-text.js";

/** Right means full marks on every criterion. No text in the answer is worth 0 and asks nobody. */
export function judgeScorer(judge: AnswerJudge): Scorer {
  return {
    metric: "judge",
    basis: `judge-v1 ${judge.id}`,
    async score(answer, sample): Promise<Score> {
      const text = answerText(answer)?.trim() ?? "";
      if (text === "") return { value: 0, isCorrect: false, extracted: "no text in the answer" };
      const question =
        sample.context === undefined ? sample.question : `${sample.context}\n\n${sample.question}`;
      const { value, marks, reason } = await judge.grade(question, text);
      const shown = Object.entries(marks).map(([name, mark]) => `${name} ${mark}/5`);
      return { value, isCorrect: value === 1, extracted: `${shown.join(", ")}; ${reason}` };
    },
  };
}
