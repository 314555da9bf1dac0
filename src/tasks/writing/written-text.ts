/** @file The text in an answer: without fences, tags and list marks that chat models put around it; and whether it is a refusal. */
import { answerText } from "../scorers/answer-text.js";
import type { WritingConstraints } from "./constraints.js";
import { linesOf, wordsOf } from "./text-parts.js";

const FENCE = /^[ \t]*(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^[ \t]*\1[`~]*[ \t]*$/gm;
const MAX_REFUSAL_WORDS = 80;
/** At the beginning only: a character of a story may be sorry. */
const REFUSAL =
  /^(?:(?:i['’]?m|i am)\s+(?:really |very |so )?(?:sorry|afraid|unable)|sorry|(?:unfortunately,? )?i\s+(?:can['’]?t|cannot|can not|won['’]?t|am not able)|as an? (?:ai|language model|ai language model))\b/i;
/** Refusals of an act to write: "I cannot sleep" is the line of a poem. */
const REFUSED_ACT =
  /\b(?:can['’]?t|cannot|can not|unable to|not able to|won['’]?t|will not|don['’]?t|do not)\s+(?:\p{L}+\s+){0,2}?(?:help|assist|write|create|compose|provide|produce|generate|fulfil|fulfill|comply|complete|do (?:this|that|so)|have)\b|\bas an? (?:ai|language model)\b/iu;

/**
 * The text as it is checked: the inside of the last `<answer>`, else of the longest fence, else everything. Marks of a list on
 * every line ("1. ", "- ", "> ") and emphasis around words (`**`, `__`) are layout and taken off; a tune is left alone.
 * Words around a text without tag or fence ("Here is your poem:") stay: they were not asked for.
 * @returns "" when there is none
 */
export function writtenText(answer: unknown, form: WritingConstraints["form"]): string {
  const whole = (answerText(answer) ?? "").replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n").normalize("NFC");
  const tagged = [...whole.matchAll(/<answer>([\s\S]*?)<\/answer>/gi)].at(-1)?.[1];
  const text = inFence(tagged ?? whole).replace(/^\s*\n|\s+$/g, "");
  return form === "tune" ? text.trimStart() : withoutLayout(text);
}

function inFence(text: string): string {
  const blocks = [...`${text}\n`.matchAll(FENCE)].map((match) => match[2] as string);
  if (blocks.length > 0)
    return blocks.reduce((longest, block) => (block.length > longest.length ? block : longest));
  // One that was never closed, as when a reply is cut.
  return text.replace(/^[ \t]*(?:`{3,}|~{3,})[^\n]*$/gm, "");
}

function withoutLayout(text: string): string {
  const isListed =
    linesOf(text).length > 1 && linesOf(text).every((line) => /^(?:\d{1,3}[.)]|[-*•>])\s/.test(line));
  const bare = isListed ? text.replace(/^[ \t]*(?:\d{1,3}[.)]|[-*•>])[ \t]+/gm, "") : text;
  return bare
    .replace(/(\*\*|__)(?=\S)([^\n]*?\S)\1/g, "$2")
    .replace(/(?<![*\w])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![*\w])/g, "$1");
}

/** A short text that begins with an apology or "I cannot" and says so; it keeps no constraint, whatever its length. */
export function isRefusal(text: string): boolean {
  const start = text.trimStart().replace(/^["'“*_]+/, "");
  return REFUSAL.test(start) && REFUSED_ACT.test(start) && wordsOf(text).length <= MAX_REFUSAL_WORDS;
}
