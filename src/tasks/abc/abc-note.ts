/** @file One note: its pitch under key and bar accidentals, and its length. */
import { AbcError, type AbcPlace } from "./abc-error.js";
import { SIGNS } from "./abc-key.js";
import { type Fraction, fraction } from "./fraction.js";

/** Accidental, letter, octave marks, length. */
export const NOTE = /^(\^\^?|__?|=)?([A-Ga-g])([,']*)(\d*\/*\d*)/;
export type NoteMatch = RegExpExecArray & [string, string | undefined, string, string, string];

const SEMITONES: Readonly<Record<string, number>> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const MIDDLE_C = 60;
const MAX_LENGTH_DIGITS = 3;

/**
 * The MIDI number. An accidental holds to the end of the bar for its letter in every octave, as the standard's default says.
 * @param inBar - accidentals of the bar so far; a new one is noted there
 */
export function pitchOf(
  { sign, letter, octave }: { sign: string; letter: string; octave: string },
  inKey: ReadonlyMap<string, number>,
  inBar: Map<string, number>,
): number {
  const name = letter.toUpperCase();
  if (sign !== "") inBar.set(name, SIGNS[sign] as number);
  const accidental = inBar.get(name) ?? inKey.get(name) ?? 0;
  let octaves = letter === name ? 0 : 1;
  for (const mark of octave) octaves += mark === "'" ? 1 : -1;
  return MIDDLE_C + (SEMITONES[name] as number) + 12 * octaves + accidental;
}

/**
 * `3`, `/2`, `/`, `//`, `3/2` as a multiple of the unit.
 * @throws {AbcError} on a length of 0 or with too many digits
 */
export function lengthOf(text: string, place: AbcPlace): Fraction {
  const [, count = "", slashes = "", divisor = ""] = /^(\d*)(\/*)(\d*)$/.exec(text) as RegExpExecArray;
  if (count.length > MAX_LENGTH_DIGITS || divisor.length > MAX_LENGTH_DIGITS || slashes.length > 4)
    throw new AbcError(`a note length of ${text}`, place);
  const n = count === "" ? 1 : Number(count);
  const d = divisor === "" ? 2 ** slashes.length : Number(divisor);
  if (n === 0 || d === 0 || (divisor !== "" && slashes.length > 1))
    throw new AbcError(`a note length of ${text}`, place);
  return fraction(n, d);
}
