/** @file Answers of a user's records brought into the form of our datasets. */

import { findNumbers } from "../core/reply/find-numbers.js";
import { KIND_METRICS } from "./dataset-manifest.js";
import { printable } from "./reading/printable.js";
import { badRecord } from "./reading/read-records.js";
import { foldText } from "./sample-key.js";
import type { MetricName, TaskKind } from "./task.js";

export interface AnswerRules {
  /** File named in messages. */
  source: string;
  kind: TaskKind;
  metric?: MetricName | undefined;
  answerAfter?: string | undefined;
  answerIndexFrom?: 0 | 1 | undefined;
}

/**
 * The stored answer: a letter for kind choice, a plain decimal for exact-number, else the text.
 * @throws {InputError} naming the line when the answer cannot be read.
 */
export function readAnswer(
  raw: string | string[],
  choices: readonly string[] | undefined,
  rules: AnswerRules,
  line: number,
): string | string[] {
  const mark = rules.answerAfter;
  const cut = (text: string) =>
    (mark === undefined
      ? text
      : text.slice(text.lastIndexOf(mark) < 0 ? 0 : text.lastIndexOf(mark) + mark.length)
    ).trim();
  const texts = typeof raw === "string" ? [cut(raw)] : raw.map(cut);
  if (choices) return choiceLetter(texts[0] ?? "", choices, rules, line);
  if ((rules.metric ?? KIND_METRICS[rules.kind][0]) !== "exact-number")
    return typeof raw === "string" ? texts[0]! : texts;
  const numbers = texts.map((text) => plainNumberText(text, rules.source, line));
  return typeof raw === "string" ? numbers[0]! : numbers;
}

/** "$1,234.50" becomes "1234.50"; what is not one number is refused. */
function plainNumberText(text: string, source: string, line: number): string {
  const numbers = findNumbers(text);
  if (numbers.length !== 1)
    throw badRecord(source, line, `the answer ${printable(text, 40)} is not one number`);
  return numbers[0]!.integer ?? String(numbers[0]!.value);
}

function choiceLetter(answer: string, choices: readonly string[], rules: AnswerRules, line: number): string {
  const byText = choices.findIndex((choice) => foldText(choice) === foldText(answer));
  if (rules.answerIndexFrom !== undefined && /^\d+$/.test(answer)) {
    const index = Number(answer) - rules.answerIndexFrom;
    if (index >= 0 && index < choices.length) return String.fromCharCode(65 + index);
  } else if (/^[A-Za-z]$/.test(answer) && answer.toUpperCase().charCodeAt(0) - 65 < choices.length) {
    return answer.toUpperCase();
  } else if (byText >= 0) return String.fromCharCode(65 + byText);
  throw badRecord(
    rules.source,
    line,
    `the answer ${printable(answer, 40)} names none of the ${choices.length} options`,
  );
}
