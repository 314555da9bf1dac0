/** @file Metric judge: the grade that a model with a rubric gives. */
import type { AnswerJudge, Grade } from "../../core/answer-judge.js";
import type { Sample, Score, Scorer } from "../task.js";
import { answerText } from "./answer-text.js";

/** Right means full marks on every criterion. No text in the answer is worth 0 and asks nobody. */
export function judgeScorer(judge: AnswerJudge): Scorer {
  return {
    metric: "judge",
    // Not before it is asked for: tasks are opened before the models are.
    get basis() {
      return `judge-v1 ${judge.id}`;
    },
    async score(answer, sample): Promise<Score> {
      const text = answerText(answer)?.trim() ?? "";
      if (text === "") return { value: 0, isCorrect: false, extracted: "no text in the answer" };
      const grade = await judge.grade(questionOf(sample), text);
      return { value: grade.value, isCorrect: grade.value === 1, extracted: gradeText(grade) };
    },
  };
}

/** Question as a judge is shown it, with what its dataset asks of every answer, never with the answers of the item. */
export function questionOf({ question, context, instruction }: Sample): string {
  return [context, question, instruction].filter((part) => part !== undefined).join("\n\n");
}

export function gradeText({ marks, reason }: Grade): string {
  const shown = Object.entries(marks).map(([name, mark]) => `${name} ${mark}/5`);
  return `${shown.join(", ")}; ${reason}`;
}
