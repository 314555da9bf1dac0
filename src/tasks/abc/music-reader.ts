/** @file The music of a tune, line by line: notes, rests, chords, tuplets, broken rhythm, bar lines, inline fields. */
import { AbcError, type AbcPlace } from "./abc-error.js";
import { type AbcHeader, type AbcLine, fieldOf } from "./abc-header.js";
import { type AbcKey, parseKey } from "./abc-key.js";
import { type AbcMeter, parseMeter, parseUnit } from "./abc-meter.js";
import { lengthOf, NOTE, type NoteMatch, pitchOf } from "./abc-note.js";
import type { AbcBar, AbcEvent } from "./abc-tune.js";
import { AbcTuplet, TUPLET } from "./abc-tuplet.js";
import { add, type Fraction, fraction, multiply, ZERO } from "./fraction.js";

/** Longest first: `:|:` is one line, not two. */
const BAR_LINE = /^(?:\[\|:*|:*\|+\]|:+\|+:+|:+\|+|\|+:+|::+|\|+)/;
const ENDING = /^\s*\[?(?=\d)\d+(?:[,-]\d+)*\.?(?![/:\d])/;
const BRACKET_ENDING = /^\[\d+(?:[,-]\d+)*/;
const BROKEN = /^(>{1,3}|<{1,3})/;
const REST = /^([zx])(\d*\/*\d*)/;
const BAR_REST = /^([ZX])(\d*)/;
const MAX_BAR_REST = 100;
/** Without any length of their own: decorations, slurs, spacers, line continuation. */
const SILENT = /^(?:[.~HLMOPSTuv](?=[\s.~HLMOPSTuv^_=A-Ga-g[{"!(]|$)|y\d*|\\$|[()]|\s+|`+)/;
const ENCLOSED: Readonly<Record<string, string>> = { '"': '"', "!": "!", "{": "}" };

export class MusicReader {
  readonly #bars: AbcBar[] = [];
  #key: AbcKey;
  #meter: AbcMeter;
  #unit: Fraction;
  #bar: AbcEvent[] = [];
  /** Accidentals of the current bar by letter: they hold in every octave. */
  #accidentals = new Map<string, number>();
  #tuplet: AbcTuplet | undefined;
  /** Factor that a broken rhythm puts on the next note, and its place. */
  #broken: { factor: Fraction; place: AbcPlace } | undefined;
  #last: AbcEvent | undefined;

  constructor({ key, meter, unit }: Pick<AbcHeader, "key" | "meter" | "unit">) {
    this.#key = key;
    this.#meter = meter;
    this.#unit = unit;
  }

  /** @throws {AbcError} */
  readLine({ text, number }: AbcLine): void {
    const field = fieldOf(text);
    if (field) {
      this.#changeField(field.letter, field.value, { line: number, column: field.valueColumn });
      return;
    }
    for (let at = 0; at < text.length; ) {
      const used = this.#readOne(text.slice(at), { line: number, column: at + 1 });
      at += used;
    }
  }

  /** @throws {AbcError} when something is left open. */
  finish(): AbcBar[] {
    if (this.#bar.length > 0) this.#closeBar("");
    this.#refuseOpen();
    return this.#bars;
  }

  /** @returns how many characters were read */
  #readOne(rest: string, place: AbcPlace): number {
    const inline = /^\[([A-Za-z]):([^\]]*)\]/.exec(rest);
    if (inline) {
      this.#changeField(inline[1] as string, (inline[2] as string).trim(), place);
      return inline[0].length;
    }
    const ending = BRACKET_ENDING.exec(rest);
    if (ending) return ending[0].length;
    const line = BAR_LINE.exec(rest);
    if (line) return this.#readBarLine(line[0], rest);
    if (rest.startsWith("[")) return this.#readChord(rest, place);
    const tuplet = TUPLET.exec(rest);
    if (tuplet) {
      if (this.#tuplet) throw new AbcError("a tuplet begins inside a tuplet", place);
      this.#tuplet = new AbcTuplet(tuplet, this.#meter.isCompound, place);
      return tuplet[0].length;
    }
    const broken = BROKEN.exec(rest);
    if (broken) return this.#readBroken(broken[1] as string, place);
    if (rest.startsWith("-")) {
      if (!this.#last || this.#last.pitches.length === 0) throw new AbcError("a tie follows no note", place);
      this.#last.isTied = true;
      return 1;
    }
    return this.#readSounding(rest, place) ?? this.#readOver(rest, place);
  }

  #readSounding(rest: string, place: AbcPlace): number | undefined {
    const note = NOTE.exec(rest) as NoteMatch | null;
    if (note) {
      this.#addEvent([this.#pitch(note)], lengthOf(note[4], place), place);
      return note[0].length;
    }
    const silence = REST.exec(rest);
    if (silence) {
      this.#addEvent([], lengthOf(silence[2] as string, place), place);
      return silence[0].length;
    }
    const bars = BAR_REST.exec(rest);
    if (!bars) return undefined;
    this.#addBarRests(bars[2] === "" ? 1 : Number(bars[2]), place);
    return bars[0].length;
  }

  #readOver(rest: string, place: AbcPlace): number {
    const closing = ENCLOSED[rest[0] as string];
    if (closing !== undefined) {
      const end = rest.indexOf(closing, 1);
      if (end < 0) throw new AbcError(`${rest[0]} is not closed on this line`, place);
      return end + 1;
    }
    const silent = SILENT.exec(rest);
    if (silent) return silent[0].length;
    const [character = ""] = rest;
    throw new AbcError(`${JSON.stringify(character)} is no ABC music`, place);
  }

  #readBarLine(mark: string, rest: string): number {
    if (this.#bar.length > 0) this.#closeBar(mark);
    else if (this.#bars.length > 0) (this.#bars.at(-1) as AbcBar).closing += mark;
    const ending = ENDING.exec(rest.slice(mark.length));
    return mark.length + (ending?.[0].length ?? 0);
  }

  #readChord(rest: string, place: AbcPlace): number {
    const end = rest.indexOf("]");
    if (end < 0) throw new AbcError("[ is not closed on this line", place);
    const pitches: number[] = [];
    let first: Fraction | undefined;
    for (let at = 1; at < end; ) {
      const here = { line: place.line, column: place.column + at };
      const note = NOTE.exec(rest.slice(at, end)) as NoteMatch | null;
      const other = /^(?:-|\s+|[.~HLMOPSTuv]|"[^"]*"|![^!]*!)/.exec(rest.slice(at, end));
      if (!note && !other) throw new AbcError(`${JSON.stringify(rest[at])} is no note of a chord`, here);
      if (note) {
        pitches.push(this.#pitch(note));
        first ??= lengthOf(note[4], here);
      }
      at += ((note ?? other) as RegExpExecArray)[0].length;
    }
    if (!first) throw new AbcError("a chord without notes", place);
    const suffix = (/^\d*\/*\d*/.exec(rest.slice(end + 1)) as RegExpExecArray)[0];
    this.#addEvent(pitches, multiply(first, lengthOf(suffix, place)), place);
    return end + 1 + suffix.length;
  }

  #readBroken(marks: string, place: AbcPlace): number {
    if (!this.#last || this.#bar.at(-1) !== this.#last)
      throw new AbcError(`${marks} needs a note before it in the same bar`, place);
    if (this.#broken) throw new AbcError("two broken rhythms in a row", place);
    const part = 2 ** marks.length;
    const [long, short] = [fraction(2 * part - 1, part), fraction(1, part)];
    const isDotted = marks.startsWith(">");
    this.#last.length = multiply(this.#last.length, isDotted ? long : short);
    this.#broken = { factor: isDotted ? short : long, place };
    return marks.length;
  }

  #pitch([, sign = "", letter, octave]: NoteMatch): number {
    return pitchOf({ sign, letter, octave }, this.#key.accidentals, this.#accidentals);
  }

  /** @param count - in units of L: */
  #addEvent(pitches: number[], count: Fraction, place: AbcPlace): void {
    let length = multiply(count, this.#unit);
    if (this.#broken) length = multiply(length, this.#broken.factor);
    this.#broken = undefined;
    if (this.#tuplet) {
      length = multiply(length, this.#tuplet.take());
      if (this.#tuplet.isFull) this.#tuplet = undefined;
    }
    this.#last = { pitches, length, isTied: false, ...place };
    this.#bar.push(this.#last);
  }

  #addBarRests(count: number, place: AbcPlace): void {
    const { length } = this.#meter;
    if (!length) throw new AbcError("a rest of whole bars needs a meter", place);
    if (count === 0 || count > MAX_BAR_REST) throw new AbcError(`a rest of ${count} bars`, place);
    for (let i = 0; i < count; i++) {
      if (this.#bar.length > 0) this.#closeBar("|");
      this.#last = { pitches: [], length, isTied: false, ...place };
      this.#bar.push(this.#last);
    }
  }

  #closeBar(closing: string): void {
    if (this.#broken) throw new AbcError("a broken rhythm needs a note after it", this.#broken.place);
    const { line, column } = this.#bar[0] as AbcEvent;
    const length = this.#bar.reduce((sum, event) => add(sum, event.length), ZERO);
    this.#bars.push({ events: this.#bar, length, meter: this.#meter, closing, line, column });
    this.#bar = [];
    this.#accidentals.clear();
  }

  #refuseOpen(): void {
    if (this.#broken) throw new AbcError("a broken rhythm needs a note after it", this.#broken.place);
    if (this.#tuplet) throw new AbcError(`a tuplet lacks ${this.#tuplet.left} notes`, this.#tuplet.place);
  }

  #changeField(letter: string, value: string, place: AbcPlace): void {
    switch (letter) {
      case "K":
        this.#key = parseKey(value, place);
        break;
      case "M":
        this.#meter = parseMeter(value, place);
        break;
      case "L":
        this.#unit = parseUnit(value, place);
        break;
      case "V":
        throw new AbcError("several voices are not read", place);
      case "X":
        throw new AbcError("a second X: line", place);
      default:
      // Lyrics, tempo, parts, notes: nothing that has a length.
    }
  }
}
