/** @file Instructions out of a reply: lines or JSON, cleaned so that a grammar and a template text can hold them. */
import { withoutThinking } from "../../core/reply/marked-answers.js";
import { parseKeys } from "../../core/reply/parse-keys.js";
import { foldText } from "../../tasks/sample-key.js";
import type { Sample } from "../../tasks/task.js";
import { MAX_INSTRUCTION } from "./instruction-prompt.js";

/** Shorter ones are headings and scraps of lists. */
const MIN_INSTRUCTION = 15;

/** Marks before an item of a list, also in bold: "1.", "2)", "-", "*", "•". */
const ITEM_MARK = /^\s*(?:\*\*)?(?:\d{1,2}[.):]|[-*•])(?:\*\*)?\s+/;

/** Letters, marks, digits, punctuation and spaces of any script, but nothing that ends a template text or looks like a tag. */
const SAFE = /^(?!.*\$\{)[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;
const UNSAFE = /[\\`<]/;

/** Characters that have a plain form. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/[`‘’‚′]/g, "'"],
  [/[“”„″]/g, '"'],
  [/[‐-―]/g, "-"],
  [/…/g, "..."],
  [/\s+/g, " "],
];

/**
 * At most `count` instructions, in the order of the reply. Left out: what is too short or too long, or holds characters
 * that are not safe, repeats another, or holds an answer of one of the items that the writer was shown.
 * @param isCut - the reply was cut at its token limit: its last line does not count
 */
export function readInstructions(
  reply: string,
  samples: readonly Sample[],
  { count, isCut = false }: { count: number; isCut?: boolean | undefined },
): string[] {
  const text = withoutThinking(reply);
  const answers = tellingAnswers(samples);
  const found = new Map<string, string>();
  for (const line of listIn(text) ?? linesOf(text, isCut)) {
    const instruction = cleaned(line);
    if (!isUsable(instruction) || holdsAny(instruction, answers)) continue;
    const key = foldText(instruction);
    if (!found.has(key)) found.set(key, instruction);
  }
  return [...found.values()].slice(0, count);
}

/** The strings of a JSON list, or of a list of objects with one string each. */
function listIn(text: string): string[] | undefined {
  const list = /\[\s*["'{][\s\S]*\]/.exec(text)?.[0];
  const read = list && parseKeys(`{"instructions":${list}}`, ["instructions"])?.instructions;
  if (!read) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(read);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const texts = value.map((entry) =>
    typeof entry === "object" && entry !== null ? Object.values(entry).find(isText) : entry,
  );
  return texts.every(isText) ? texts : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Items of a list, with the indented lines that go on with them; all lines where there is no list. */
function linesOf(text: string, isCut: boolean): string[] {
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => !/^\s*(?:```|~~~|#)/.test(line));
  if (isCut) lines.pop();
  if (!lines.some((line) => ITEM_MARK.test(line))) return lines;
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM_MARK.test(line)) items.push(line);
    else if (/^\s+\S/.test(line) && items.length > 0) items.push(`${items.pop()} ${line}`);
  }
  return items;
}

function cleaned(line: string): string {
  let text = line
    .replace(ITEM_MARK, "")
    .replace(/\*\*|__/g, "")
    .normalize("NFC");
  for (const [pattern, plain] of PLAIN) text = text.replace(pattern, plain);
  text = text.trim().replace(/^(?:instruction|prompt)\s*\d*\s*[:.-]\s*/i, "");
  text = /^(["'])(.*)\1[.,]?$/.exec(text)?.[2]?.trim() ?? text;
  return text === "" || /[\p{P}]$/u.test(text) ? text : `${text}.`;
}

function isUsable(text: string): boolean {
  if (text.length < MIN_INSTRUCTION || text.length > MAX_INSTRUCTION) return false;
  // "Here are four instructions:" announces some and is none.
  return SAFE.test(text) && !UNSAFE.test(text) && text.isWellFormed() && !/[:：]$/.test(text);
}

/** Answers that tell of one item: letters of options do not, nor labels that several items share. */
function tellingAnswers(samples: readonly Sample[]): string[] {
  const byItem = samples.map(({ answers, choices }) => {
    const option = choices?.[(answers[0] ?? "").charCodeAt(0) - 65];
    return new Set((choices ? [option ?? ""] : answers).map(foldText).filter((text) => text !== ""));
  });
  const all = byItem.flatMap((texts) => [...texts]);
  return all.filter((text) => all.indexOf(text) === all.lastIndexOf(text));
}

/** As words of their own: the answer 5 does not stand in 15. */
function holdsAny(text: string, answers: readonly string[]): boolean {
  const folded = foldText(text);
  const isPart = (character: string | undefined) =>
    character !== undefined && /[\p{L}\p{N}]/u.test(character);
  return answers.some((answer) => {
    for (let at = folded.indexOf(answer); at >= 0; at = folded.indexOf(answer, at + 1)) {
      const isInside =
        (isPart(answer[0]) && isPart(folded[at - 1])) ||
        (isPart(answer.at(-1)) && isPart(folded[at + answer.length]));
      if (!isInside) return true;
    }
    return false;
  });
}
