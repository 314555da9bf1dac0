/** @file Answers of a user's records brought into the form of our datasets. */
import { findNumbers } from "../../core/reply/find-numbers.js";
import { printable } from "../reading/printable.js";
import { badRecord, type SourceRecord } from "../reading/read-records.js";
import { foldText } from "../sample-key.js";
import type { MetricName } from "../task.js";
import type { OptionList } from "./option-lists.js";

export interface AnswerRules {
  metric: MetricName;
  answerAfter?: string | undefined;
  answerIndexFrom?: 0 | 1 | undefined;
  /** "1.234,5" is 1234.5. Default false. */
  hasDecimalComma?: boolean | undefined;
  /** The options are one set of labels, so that an answer is the text of one before it is a letter. */
  hasLabels?: boolean | undefined;
}

/**
 * The stored answer: a letter for options, a plain decimal for exact-number, else the text; equal answers of a list once.
 * @throws {InputError} naming the place when the answer cannot be read.
 */
export function readAnswer(
  raw: string | readonly string[],
  options: OptionList | undefined,
  rules: AnswerRules,
  record: SourceRecord,
): string | string[] {
  const texts = [raw].flat().map((text) => afterMark(text, rules.answerAfter));
  if (options) return choiceLetter(texts[0] ?? "", options, rules, record);
  const read =
    rules.metric === "exact-number" ? texts.map((text) => plainNumberText(text, rules, record)) : texts;
  return typeof raw === "string" ? read[0]! : [...new Set(read)];
}

function afterMark(text: string, mark: string | undefined): string {
  const at = mark === undefined ? -1 : text.lastIndexOf(mark);
  return (at < 0 ? text : text.slice(at + mark!.length)).trim();
}

/** "$1,234.50" becomes "1234.50", "(12)" of accountants "-12"; what is not one number is refused. */
function plainNumberText(text: string, rules: AnswerRules, record: SourceRecord): string {
  const plain = rules.hasDecimalComma ? withPoint(text) : text;
  const [number, ...more] = findNumbers(accountingMinus(plain));
  if (number && more.length === 0) return number.integer ?? String(number.value);
  throw badRecord(record, `the answer ${printable(text, 40)} is not one number`, numberHint(text));
}

/** Losses in brackets, or with the minus behind: "(12)", "$(1,234.50)", "12-". */
function accountingMinus(text: string): string {
  const found = /^([$€£¥₹]?)\s*\(\s*([$€£¥₹]?[\d.,'\s]*\d\s?[$€£¥₹%]?)\s*\)(\s?[%$€£¥₹]?)$/.exec(text);
  if (found) return `-${found[1]}${found[2]}${found[3]}`;
  return /^[$€£¥₹]?[\d.,']*\d\s?[-−]$/.test(text) ? `-${text.slice(0, -1)}` : text;
}

function withPoint(text: string): string {
  return text.replace(/(?<=\d)[.\s'’](?=\d{3}(?!\d))/g, "").replace(/(?<=\d),(?=\d)/g, ".");
}

function numberHint(text: string): string {
  if (text.includes("####")) return 'pass --answer-after "####"';
  if (/\\boxed|\\frac|\^|=/.test(text)) return "pass --metric expression for answers that are formulas";
  if (/\d,\d{1,2}(?!\d)|\d[.\s]\d{3},\d/.test(text))
    return "pass --decimal-comma where a comma stands before the decimals";
  return "--answer-after MARK keeps what follows a mark; answers that are no numbers need --kind text or qa";
}

function choiceLetter(
  answer: string,
  { texts, names }: OptionList,
  rules: AnswerRules,
  record: SourceRecord,
): string {
  const fold = (text: string) => foldText(text).replace(/^\(?(\p{L}|\d+)[).:]$/u, "$1");
  const wanted = fold(answer);
  const index = (list: readonly string[]) => list.findIndex((one) => fold(one) === wanted);
  const byText = index(texts);
  const letter = /^[a-z]$/.test(wanted) ? wanted.charCodeAt(0) - 97 : -1;
  const number =
    rules.answerIndexFrom !== undefined && /^\d+$/.test(wanted)
      ? Number(wanted) - rules.answerIndexFrom
      : undefined;
  const named = names ? index(names) : -1;
  const found =
    number ??
    [rules.hasLabels ? byText : -1, named, letter < texts.length ? letter : -1, byText].find((at) => at >= 0);
  if (found !== undefined && found >= 0 && found < texts.length) return String.fromCharCode(65 + found);
  throw badRecord(
    record,
    `the answer ${printable(answer, 40)} names none of the ${texts.length} options: ${texts
      .slice(0, 6)
      .map((text) => printable(text, 30))
      .join(", ")}`,
    /^\d+$/.test(answer)
      ? "pass --answer-index-from 0 or 1 where answers are numbers of options"
      : rules.hasLabels
        ? "list every label: --choices a,b,c, or take them from the data: --choices-from FIELD"
        : "mend it: a letter, the text of an option, or its number with --answer-index-from",
  );
}
