/** @file Constraints of tunes: the notation parses, the bars are full, key, meter, length, range. */
import { rangeOf } from "../../core/range-of.js";
import { AbcError } from "../abc/abc-error.js";
import { parseKey } from "../abc/abc-key.js";
import { parseMeter } from "../abc/abc-meter.js";
import { NOTE, pitchOf } from "../abc/abc-note.js";
import type { AbcTune } from "../abc/abc-tune.js";
import { badBars } from "../abc/bad-bars.js";
import { parseAbc } from "../abc/parse-abc.js";
import { type ConstraintCheck, checkRange, type WritingConstraints } from "./constraints.js";
import { hasPhrase } from "./text-parts.js";

const NOWHERE = { line: 1, column: 1 };

/** "parses" and "full bars" are constraints of every tune. What does not parse keeps none of the others. */
export function checkTune(text: string, { tune: asked = {}, title }: WritingConstraints): ConstraintCheck[] {
  let tune: AbcTune | undefined;
  let reason = "";
  try {
    tune = parseAbc(text);
  } catch (error) {
    if (!(error instanceof AbcError)) throw error;
    reason = error.message;
  }
  const checks: ConstraintCheck[] = [{ name: "parses", isKept: tune !== undefined, found: reason }];
  const add = (name: string, judge: (tune: AbcTune) => { isKept: boolean; found: string }) =>
    checks.push({ name, ...(tune ? judge(tune) : { isKept: false, found: "it does not parse" }) });
  add("full bars", (read) => {
    const bad = badBars(read);
    const hasMeter = read.bars.every(({ meter }) => meter.length !== undefined);
    return {
      isKept: hasMeter && bad.length === 0,
      found: hasMeter ? (bad[0]?.reason ?? "") : "there is no meter",
    };
  });
  if (title !== undefined)
    add("title", (read) => ({
      isKept: hasPhrase(read.title, title),
      found: `T: is ${JSON.stringify(read.title)}`,
    }));
  const { key, meter, bars, lowest, highest, endsOnTonic, repeats } = asked;
  if (key !== undefined)
    add(`key ${key}`, (read) => ({
      isKept: read.key.name === parseKey(key, NOWHERE).name,
      found: `K: is ${read.key.name}`,
    }));
  if (meter !== undefined)
    add(`meter ${meter}`, (read) => ({
      isKept: read.bars.every((bar) => bar.meter.text === parseMeter(meter, NOWHERE).text),
      found: `M: is ${read.meter.text}`,
    }));
  if (bars) add("bars", (read) => checkRange("bars", read.bars.length, bars));
  if (lowest !== undefined || highest !== undefined)
    add("range", (read) => checkPitches(read, lowest, highest));
  if (endsOnTonic)
    add("last note", (read) => {
      const last = read.bars.flatMap(({ events }) => events).findLast(({ pitches }) => pitches.length > 0);
      const tonic = /^[A-G][#b]?/.exec(read.key.name)?.[0];
      const wanted = tonic === undefined ? undefined : noteNumber(signed(tonic)) % 12;
      const isKept =
        wanted !== undefined && last?.pitches[0] !== undefined && last.pitches[0] % 12 === wanted;
      return { isKept, found: "it does not end on the tonic" };
    });
  if (repeats)
    add("repeat", (read) => ({
      isKept: read.bars.some(({ closing }) => closing.includes(":")),
      found: "there is no repeat sign",
    }));
  return checks;
}

function checkPitches(
  { bars }: AbcTune,
  lowest: string | undefined,
  highest: string | undefined,
): { isKept: boolean; found: string } {
  const pitches = bars.flatMap(({ events }) => events.flatMap((event) => event.pitches));
  if (pitches.length === 0) return { isKept: false, found: "there is no note" };
  const { lowest: low, highest: high } = rangeOf(pitches);
  if (lowest !== undefined && low < noteNumber(lowest))
    return { isKept: false, found: `it goes ${noteNumber(lowest) - low} semitones below ${lowest}` };
  if (highest !== undefined && high > noteNumber(highest))
    return { isKept: false, found: `it goes ${high - noteNumber(highest)} semitones above ${highest}` };
  return { isKept: true, found: "" };
}

/** F# as ^F, Bb as _B. */
function signed(tonic: string): string {
  return `${tonic.endsWith("#") ? "^" : tonic.endsWith("b") ? "_" : ""}${tonic[0]}`;
}

/** The MIDI number of a note of the constraints, outside any key. */
function noteNumber(text: string): number {
  const [, sign = "", letter = "C", octave = ""] = NOTE.exec(text) as RegExpExecArray;
  return pitchOf({ sign, letter, octave }, new Map(), new Map());
}
