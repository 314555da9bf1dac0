/** @file Metric expression: a mathematical answer in LaTeX or plain text that means the same as an accepted one. */
import { seedFrom } from "../../core/hash.js";
import { readMarks } from "../../core/reply/reply-readers.js";
import type { InstantScorer, Score } from "../task.js";
import { answerText } from "./answer-text.js";
import { latexValue } from "./latex-value.js";
import { MAX_EXPRESSION, plainLatex, splitTop } from "./plain-latex.js";

/** Rounding of the evaluation itself, not of answers: 0.333 is not 1/3. */
const TOLERANCE = 1e-9;
/** Expressions with letters are compared at these many points. */
const POINTS = 5;
const MAX_PARTS = 50;

export function expressionScorer(): InstantScorer {
  return {
    metric: "expression",
    score(answer, sample): Score {
      const text = readExpression(answer);
      if (text === undefined) return { value: 0, isCorrect: false, extracted: "" };
      const isCorrect = sample.answers.some((expected) => isSameExpression(text, expected));
      return { value: isCorrect ? 1 : 0, isCorrect, extracted: text };
    },
  };
}

/** Text in the last \boxed{…} or behind a mark, or all of it where it is short enough to be an answer. */
function readExpression(answer: unknown): string | undefined {
  const text = answerText(answer)?.trim();
  if (!text) return undefined;
  const found = readMarks(text)[0] ?? text;
  return found.length > MAX_EXPRESSION || found.trim() === "" ? undefined : found.trim();
}

/** Whether two answers mean the same; see docs/datasets.md for what counts. */
export function isSameExpression(given: string, expected: string): boolean {
  return isSame(plainLatex(given), plainLatex(expected));
}

function isSame(given: string, expected: string): boolean {
  if (folded(given) === folded(expected)) return given !== "";
  return (
    isSameValue(given, expected) ||
    isSameRelation(given, expected) ||
    isSameParts(given, expected) ||
    isSameWords(given, expected)
  );
}

/** White space and needless braces decide nothing. */
function folded(text: string): string {
  return text.replace(/\s+/g, "").replace(/\{(\w)\}/g, "$1");
}

/** Values at fixed points; a thousands separator is read as one where the other side has a plain number. */
function isSameValue(given: string, expected: string): boolean {
  if (isWords(given) || isWords(expected)) return false;
  const a = ungrouped(given);
  const b = ungrouped(expected);
  let compared = 0;
  for (let point = 0; point < POINTS; point++) {
    const at = (letter: string) => 0.3 + (2 * (seedFrom("expression", point, letter) % 10_007)) / 10_007;
    const [x, y] = [latexValue(a, at), latexValue(b, at)];
    if (x === undefined || y === undefined) return false;
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    if (x !== y && !(Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y)))) return false;
    compared++;
  }
  return compared > 0;
}

/** Letters that would be read as a product of variables: "no" is not "on" times anything. */
function isWords(text: string): boolean {
  return /(?<![\\a-zA-Z])[a-zA-Z]{4,}/.test(text);
}

function ungrouped(text: string): string {
  return /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text;
}

const RELATION = /\\le(?![a-z])|\\ge(?![a-z])|\\ne(?![a-z])|\\in(?![a-z])|[=<>]/y;

/** "x = 5" is 5; equations and inequalities are compared side by side, chains too. */
function isSameRelation(given: string, expected: string): boolean {
  const [a, b] = [splitTop(given, RELATION), splitTop(expected, RELATION)];
  if (!a || !b || (a.length === 1 && b.length === 1)) return false;
  if (a.length === b.length && signs(given) === signs(expected)) {
    return a.every((side, index) => isSame(side, b[index]!));
  }
  const bare = (sides: string[], text: string) =>
    sides.length === 2 &&
    /^(?:[a-zA-Z](?:_\w)?|[a-z]\([a-z]\))$/.test(folded(sides[0]!)) &&
    /^(?:=|\\in)$/.test(signs(text))
      ? sides[1]
      : sides.length === 1
        ? text
        : undefined;
  const [left, right] = [bare(a, given), bare(b, expected)];
  return left !== undefined && right !== undefined && isSame(left, right);
}

function signs(text: string): string {
  return (text.match(new RegExp(RELATION.source, "g")) ?? []).join(" ");
}

/** Unions, tuples and intervals in order and with their brackets; sets and bare lists in any order; matrices by cell. */
function isSameParts(given: string, expected: string): boolean {
  const [a, b] = [partsOf(given), partsOf(expected)];
  if (!a || !b || a.kind !== b.kind || a.parts.length !== b.parts.length || a.parts.length > MAX_PARTS)
    return false;
  if (a.isOrdered) return a.parts.every((part, index) => isSame(part, b.parts[index]!));
  const open = [...b.parts];
  return a.parts.every((part) => {
    const at = open.findIndex((other) => isSame(part, other));
    if (at >= 0) open.splice(at, 1);
    return at >= 0;
  });
}

interface Parts {
  kind: string;
  isOrdered: boolean;
  parts: string[];
}

function partsOf(text: string): Parts | undefined {
  const matrix = /^\\begin\{([pbv]?)matrix\}(.*)\\end\{\1matrix\}$/s.exec(text);
  if (matrix) {
    const rows = matrix[2]!
      .replace(/\\\\\s*$/, "")
      .split("\\\\")
      .map((row) => row.split("&"));
    return {
      kind: `matrix ${rows.map((row) => row.length)}`,
      isOrdered: true,
      parts: rows.flat().map((cell) => cell.trim()),
    };
  }
  const union = splitTop(text, /\\cup(?![a-z])|\bor\b/y);
  if (union && union.length > 1) return { kind: "list", isOrdered: false, parts: union };
  const list = splitTop(text, /,|\band\b/y)?.filter((part) => part !== "");
  if (list && list.length > 1) return { kind: "list", isOrdered: false, parts: list };
  const plusMinus = splitTop(text, /\\pm(?![a-z])/y);
  if (plusMinus?.length === 2) {
    const [before, after] = plusMinus as [string, string];
    return { kind: "list", isOrdered: false, parts: ["+", "-"].map((sign) => `${before}${sign}${after}`) };
  }
  const set = /^\\\{(.*)\\\}$/s.exec(text);
  if (set) {
    const parts = splitTop(set[1]!, /,/y) ?? [];
    return { kind: "list", isOrdered: false, parts };
  }
  const tuple = /^([([])(.*)([)\]])$/s.exec(text);
  const inner = tuple && splitTop(tuple[2]!, /,/y);
  return tuple && inner && inner.length > 1
    ? { kind: `${tuple[1]}${tuple[3]}`, isOrdered: true, parts: inner }
    : undefined;
}

/** Answers in words, and letters of options: "\text{(B)}", "Tuesday". */
function isSameWords(given: string, expected: string): boolean {
  const words = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} ]/gu, " ")
      .replace(/\b(?:the|a|an)\b(?! *$)/g, " ")
      .replace(/\s+/g, " ")
      .trim();
  const isWordy = /^[\p{L}\s().,'-]+$/u;
  return (
    isWordy.test(given) &&
    isWordy.test(expected) &&
    words(expected) !== "" &&
    words(given) === words(expected)
  );
}
