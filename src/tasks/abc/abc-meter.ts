/** @file The fields M: and L:. */
import { AbcError, type AbcPlace } from "./abc-error.js";
import { compare, type Fraction, fraction } from "./fraction.js";

export interface AbcMeter {
  /** Meter as written. */
  text: string;
  /** Length of a bar; undefined = free. */
  length: Fraction | undefined;
  /** Beats in threes (6/8, 9/8, 12/8), which decides what some tuplets mean. */
  isCompound: boolean;
}

export const FREE_METER: AbcMeter = { text: "none", length: undefined, isCompound: false };

/** @throws {AbcError} when it is neither a fraction nor C, C| or none. */
export function parseMeter(text: string, place: AbcPlace): AbcMeter {
  const value = text.trim();
  if (value === "" || /^none$/i.test(value)) return FREE_METER;
  if (value === "C" || value === "C|") return { text: value, length: fraction(1), isCompound: false };
  const match = /^\(?\s*(\d{1,3}(?:\s*\+\s*\d{1,3})*)\s*\)?\s*\/\s*(\d{1,3})$/.exec(value);
  const beats = match ? (match[1] as string).split("+").reduce((sum, part) => sum + Number(part), 0) : 0;
  const unit = Number(match?.[2]);
  if (!match || beats === 0 || unit === 0)
    throw new AbcError(`there is no meter ${JSON.stringify(value)}`, place);
  const isCompound = [6, 9, 12].includes(beats) && !value.includes("+");
  return { text: value, length: fraction(beats, unit), isCompound };
}

/** @throws {AbcError} when it is no fraction such as 1/8. */
export function parseUnit(text: string, place: AbcPlace): Fraction {
  const match = /^(\d{1,2})(?:\s*\/\s*(\d{1,4}))?$/.exec(text.trim());
  const [n, d] = [Number(match?.[1]), Number(match?.[2] ?? 1)];
  if (!match || n === 0 || d === 0)
    throw new AbcError(`there is no note length ${JSON.stringify(text.trim())}`, place);
  return fraction(n, d);
}

/** Unit length where L: is missing: a sixteenth where the bar is shorter than three quarters, else an eighth. */
export function defaultUnit({ length }: AbcMeter): Fraction {
  return length && compare(length, fraction(3, 4)) < 0 ? fraction(1, 16) : fraction(1, 8);
}
