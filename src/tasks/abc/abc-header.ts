/** @file The header of a tune: from X: to K:. */
import { AbcError, type AbcPlace } from "./abc-error.js";
import { type AbcKey, parseKey } from "./abc-key.js";
import { type AbcMeter, defaultUnit, FREE_METER, parseMeter, parseUnit } from "./abc-meter.js";
import type { Fraction } from "./fraction.js";

/** A line without its comment. */
export interface AbcLine {
  text: string;
  /** From 1. */
  number: number;
}

export interface AbcHeader {
  fields: Map<string, string>;
  key: AbcKey;
  keyPlace: AbcPlace;
  meter: AbcMeter;
  unit: Fraction;
  /** Index of the first line after K:. */
  bodyStart: number;
}

const FIELD = /^([A-Za-z+]):\s*(.*?)\s*$/;

/** A line that is a field, such as `T:The Wren`. `|:` begins music. */
export function fieldOf(text: string): { letter: string; value: string; valueColumn: number } | undefined {
  const match = FIELD.exec(text);
  if (!match) return undefined;
  const value = match[2] as string;
  return { letter: match[1] as string, value, valueColumn: 1 + text.indexOf(value, 2) };
}

/** Lines without comments, and none of nothing but a comment; a % inside quotation marks is text. */
export function splitLines(text: string): AbcLine[] {
  return text.split(/\r\n?|\n/).flatMap((line, index) => {
    if (/^\s*%/.test(line)) return [];
    const inQuotes = /^((?:[^"%\\]|\\.|"[^"]*")*)%/.exec(line);
    const isField = /^[A-Za-z]:/.test(line);
    const end = isField ? line.search(/(?<!\\)%/) : inQuotes ? (inQuotes[1] as string).length : -1;
    return [{ text: (end < 0 ? line : line.slice(0, end)).trimEnd(), number: index + 1 }];
  });
}

/** @throws {AbcError} when X: is not first, K: is missing, or a field cannot be read. */
export function parseHeader(lines: readonly AbcLine[]): AbcHeader {
  const start = lines.findIndex(({ text }) => text.trim() !== "");
  const first = lines[start];
  if (!first || fieldOf(first.text)?.letter !== "X")
    throw new AbcError("a tune begins with an X: line", { line: first?.number ?? 1, column: 1 });
  const fields = new Map<string, string>();
  let meter: AbcMeter = FREE_METER;
  let unit: Fraction | undefined;
  for (let i = start; i < lines.length; i++) {
    const { text, number } = lines[i] as AbcLine;
    const place = { line: number, column: 1 };
    if (text.trim() === "") {
      if (i > start && lines.slice(i).some((line) => fieldOf(line.text)?.letter === "K"))
        throw new AbcError("an empty line ends the tune before its K: line", place);
      break;
    }
    const field = fieldOf(text);
    if (!field) throw new AbcError("expected a field such as K:G before the music", place);
    const { letter, value, valueColumn } = field;
    const at = { line: number, column: valueColumn };
    if (letter === "X" && (i > start || !/^\d+$/.test(value)))
      throw new AbcError(i > start ? "a second X: line" : "X: needs a number", at);
    const known = fields.get(letter);
    fields.set(letter, known === undefined ? value : `${known}\n${value}`);
    if (letter === "M") meter = parseMeter(value, at);
    if (letter === "L") unit = parseUnit(value, at);
    if (letter === "V") throw new AbcError("several voices are not read", at);
    if (letter !== "K") continue;
    const key = parseKey(value, at);
    return { fields, key, keyPlace: at, meter, unit: unit ?? defaultUnit(meter), bodyStart: i + 1 };
  }
  throw new AbcError("the header has no K: line", { line: first.number, column: 1 });
}
