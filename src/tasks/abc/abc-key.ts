/** @file The field K: tonic, mode and the accidentals of the signature. */
import { AbcError, type AbcPlace } from "./abc-error.js";

export interface AbcKey {
  /** Tonic and mode as `G`, `Em`, `Ddor`; `none` where the field names no tonic. */
  name: string;
  /** −1 flat, 1 sharp (2 and −2 doubled) by capital letter; natural letters are absent. */
  accidentals: ReadonlyMap<string, number>;
}

const SHARPS = "FCGDAEB";
const FIFTHS: Readonly<Record<string, number>> = { F: -1, C: 0, G: 1, D: 2, A: 3, E: 4, B: 5 };

/** Fifths that a mode lies below major, by the first three letters of its name. */
const MODES: Readonly<Record<string, { shift: number; suffix: string }>> = {
  "": { shift: 0, suffix: "" },
  maj: { shift: 0, suffix: "" },
  ion: { shift: 0, suffix: "" },
  m: { shift: -3, suffix: "m" },
  min: { shift: -3, suffix: "m" },
  aeo: { shift: -3, suffix: "m" },
  mix: { shift: -1, suffix: "mix" },
  dor: { shift: -2, suffix: "dor" },
  phr: { shift: -4, suffix: "phr" },
  lyd: { shift: 1, suffix: "lyd" },
  loc: { shift: -5, suffix: "loc" },
};

/** Semitones that an accidental moves a note. */
export const SIGNS: Readonly<Record<string, number>> = { "^^": 2, "^": 1, "=": 0, _: -1, __: -2 };

/** @throws {AbcError} on a tonic, mode or signature there is not. */
export function parseKey(text: string, place: AbcPlace): AbcKey {
  // Clefs and transpositions change nothing about what is written.
  const value = text.replace(/\b(?:clef|middle|transpose|octave|stafflines|t|m)=\S+/g, "").trim();
  if (value === "" || /^none\b/i.test(value)) return { name: "none", accidentals: new Map() };
  if (/^H[Pp]\b/.test(value)) return pipes(value);
  const match = /^([A-G])([#b]?)\s*([A-Za-z]*)(.*)$/.exec(value);
  if (!match) throw new AbcError(`there is no key ${JSON.stringify(value)}`, place);
  const [, letter = "", sign = "", word = "", rest = ""] = match;
  const isClef = /^(?:treble|bass|alto|tenor|perc)/i.test(word);
  const isExplicit = /^exp$/i.test(word);
  const mode = isClef || isExplicit ? MODES[""] : modeOf(word);
  if (!mode) throw new AbcError(`there is no mode ${JSON.stringify(word)}`, place);
  const accidentals = new Map<string, number>();
  if (!isExplicit) {
    const fifths = (FIFTHS[letter] as number) + (sign === "#" ? 7 : sign === "b" ? -7 : 0) + mode.shift;
    if (Math.abs(fifths) > 7) throw new AbcError(`key ${letter}${sign}${word} has no signature`, place);
    for (let i = 0; i < Math.abs(fifths); i++)
      accidentals.set(SHARPS[fifths > 0 ? i : 6 - i] as string, Math.sign(fifths));
  }
  for (const token of rest.split(/\s+/).filter(Boolean)) {
    const change = /^(\^\^?|__?|=)([A-Ga-g])$/.exec(token);
    if (!change && /^(?:treble|bass|alto|tenor|perc|clef)/i.test(token)) continue;
    if (!change) throw new AbcError(`${JSON.stringify(token)} is no accidental of a key`, place);
    accidentals.set((change[2] as string).toUpperCase(), SIGNS[change[1] as string] as number);
  }
  return { name: `${letter}${sign}${mode.suffix}`, accidentals };
}

function modeOf(word: string): { shift: number; suffix: string } | undefined {
  const lower = word.toLowerCase();
  // Only the first three letters count, and case does not; but M alone is written for major by some.
  return lower === "m" ? MODES[word === "m" ? "m" : "maj"] : MODES[lower.slice(0, 3)];
}

/** Highland pipes: HP has no signature written, Hp two sharps and a natural G. */
function pipes(value: string): AbcKey {
  if (value.startsWith("HP")) return { name: "HP", accidentals: new Map() };
  return { name: "Hp", accidentals: new Map([..."FC"].map((letter) => [letter, 1] as const)) };
}
