/** @file Constraints of stories and poems, each checked on the text alone. */
import { type ConstraintCheck, checkRange, type WritingConstraints } from "./constraints.js";
import { pointOfViewOf } from "./point-of-view.js";
import { foldedWords, hasPhrase, linesOf, sentencesOf, stanzasOf, wordsOf } from "./text-parts.js";

/** One check per constraint, in the order of the schema; each required or forbidden phrase is one. */
export function checkText(text: string, asked: WritingConstraints): ConstraintCheck[] {
  const lines = linesOf(text);
  const stanzas = stanzasOf(text);
  const checks: ConstraintCheck[] = [];
  const add = (name: string, isKept: boolean, found: string) => checks.push({ name, isKept, found });
  if (asked.words) checks.push(checkRange("words", wordsOf(text).length, asked.words));
  if (asked.sentences) checks.push(checkRange("sentences", sentencesOf(text).length, asked.sentences));
  if (asked.paragraphs) checks.push(checkRange("paragraphs", stanzas.length, asked.paragraphs));
  if (asked.lines) checks.push(checkRange("lines", lines.length, asked.lines));
  if (asked.stanzas) checks.push(checkRange("stanzas", stanzas.length, asked.stanzas));
  if (asked.linesPerStanza) {
    const counts = stanzas.map((stanza) => stanza.length);
    checks.push(worst("lines of a stanza", counts, asked.linesPerStanza));
  }
  if (asked.wordsPerLine) {
    const counts = lines.map((line) => wordsOf(line).length);
    checks.push(worst("words of a line", counts, asked.wordsPerLine));
  }
  for (const phrase of asked.require ?? [])
    add(`with ${JSON.stringify(phrase)}`, hasPhrase(text, phrase), "it is missing");
  for (const phrase of asked.forbid ?? [])
    add(`without ${JSON.stringify(phrase)}`, !hasPhrase(text, phrase), "it occurs");
  if (asked.withoutLetter) {
    const letter = asked.withoutLetter;
    const found = wordsOf(text).find((word) => withoutMarks(word).includes(letter));
    add(`without the letter ${letter}`, found === undefined, `it stands in ${JSON.stringify(found ?? "")}`);
  }
  if (asked.startsWith) add("beginning", beginsWith(text, asked.startsWith), `it begins ${start(text)}`);
  if (asked.endsWith) add("end", endsIn(text, asked.endsWith), `it ends ${end(text)}`);
  if (asked.pointOfView) {
    const found = pointOfViewOf(text);
    add(`${asked.pointOfView} person`, found === asked.pointOfView, `told in the ${found} person`);
  }
  if (asked.acrostic) {
    const letters = lines.map(firstLetter).join("");
    add(`acrostic ${asked.acrostic}`, letters === asked.acrostic, `the lines begin ${letters.slice(0, 40)}`);
  }
  if (asked.refrain) {
    const last = new Set(stanzas.map((stanza) => foldedWords(stanza.at(-1) ?? "").join(" ")));
    const found = `${last.size} different last lines in ${stanzas.length} stanzas`;
    add("refrain", stanzas.length > 1 && last.size === 1, found);
  }
  if (asked.quotes) checks.push(checkRange("quotations", quotesOf(text), asked.quotes));
  return checks;
}

/** The first count out of range decides; no line or stanza at all keeps nothing. */
function worst(
  name: string,
  counts: readonly number[],
  range: { min?: number | undefined; max?: number | undefined },
): ConstraintCheck {
  const checks = counts.map((count) => checkRange(name, count, range));
  return checks.find(({ isKept }) => !isKept) ?? checks[0] ?? { name, isKept: false, found: "there is none" };
}

function beginsWith(text: string, wanted: string): boolean {
  const words = foldedWords(wanted);
  const first = foldedWords(text.slice(0, wanted.length * 4 + 200));
  return words.length > 0 && words.every((word, i) => first[i] === word);
}

function endsIn(text: string, wanted: string): boolean {
  const words = foldedWords(wanted);
  const last = foldedWords(text);
  return words.length > 0 && words.every((word, i) => last[last.length - words.length + i] === word);
}

function firstLetter(line: string): string {
  return withoutMarks(/[\p{L}\p{N}]/u.exec(line.normalize("NFC"))?.[0] ?? "").toUpperCase();
}

/** É counts as E. */
function withoutMarks(word: string): string {
  return word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function quotesOf(text: string): number {
  return (text.match(/"[^"\n]*\p{L}[^"\n]*"|“[^”]*\p{L}[^”]*”|«[^»]*\p{L}[^»]*»/gu) ?? []).length;
}

function start(text: string): string {
  return JSON.stringify(wordsOf(text.slice(0, 200)).slice(0, 4).join(" "));
}

function end(text: string): string {
  return JSON.stringify(wordsOf(text.slice(-200)).slice(-4).join(" "));
}
