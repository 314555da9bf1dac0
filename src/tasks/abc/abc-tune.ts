/** @file What a tune in ABC notation comes to: bars of events with exact lengths. */
import type { AbcKey } from "./abc-key.js";
import type { AbcMeter } from "./abc-meter.js";
import type { Fraction } from "./fraction.js";

/** A note, several at once, or a rest. */
export interface AbcEvent {
  /** MIDI numbers (C = 60, c = 72), in the order written; none for a rest. */
  pitches: number[];
  /** Length in whole notes, tuplets and broken rhythm counted in. */
  length: Fraction;
  /** True for a note that is tied to the next one. */
  isTied: boolean;
  line: number;
  column: number;
}

export interface AbcBar {
  events: AbcEvent[];
  length: Fraction;
  meter: AbcMeter;
  /** The bar line after it; "" where the tune just ends. */
  closing: string;
  line: number;
  column: number;
}

export interface AbcTune {
  /** Fields of the header by letter; several of one letter are joined by line breaks. */
  fields: ReadonlyMap<string, string>;
  title: string;
  key: AbcKey;
  meter: AbcMeter;
  /** The length of a note without a number. */
  unit: Fraction;
  bars: AbcBar[];
}
