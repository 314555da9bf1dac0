/** @file What a writing task asks for that can be checked without judgement. */
import { z } from "zod";
import { AbcError, type AbcPlace } from "../abc/abc-error.js";
import { parseKey } from "../abc/abc-key.js";
import { parseMeter } from "../abc/abc-meter.js";

const count = z.int().min(0).max(100_000);
/** `7`, or the least and the most, both included. */
const range = z.union([
  count.transform((value) => ({ min: value, max: value })),
  z
    .strictObject({ min: count.optional(), max: count.optional() })
    .refine(
      ({ min, max }) =>
        (min !== undefined || max !== undefined) && (min ?? 0) <= (max ?? Number.POSITIVE_INFINITY),
      "expected a number, or min and max in order",
    ),
]);
const phrases = z.array(z.string().trim().min(1).max(200)).min(1).max(20);
const note = z.string().regex(/^[\^_=]?[A-Ga-g][,']*$/, "expected a note such as C, or ^f'");

const PLACE: AbcPlace = { line: 1, column: 1 };
/** A text that the reader of tunes understands, so that a typing mistake shows before anything is run. */
const readBy = (parse: (text: string, place: AbcPlace) => unknown, expected: string) =>
  z
    .string()
    .min(1)
    .max(20)
    .refine((text) => {
      try {
        parse(text, PLACE);
        return true;
      } catch (error) {
        if (error instanceof AbcError) return false;
        throw error;
      }
    }, expected);

const tuneSchema = z.strictObject({
  /** Key as K: names it: G, Em, Ddor. */
  key: readBy(parseKey, "expected a key such as G or Em").optional(),
  /** Meter as M: names it. */
  meter: readBy(parseMeter, "expected a meter such as 6/8").optional(),
  bars: range.optional(),
  /** Lowest and highest note allowed, key and bar accidentals counted in. */
  lowest: note.optional(),
  highest: note.optional(),
  /** The last note is the key's tonic, in any octave. */
  endsOnTonic: z.literal(true).optional(),
  /** At least one repeat sign. */
  repeats: z.literal(true).optional(),
});

/** Constraints of one item. `tune` and the counts of text exclude each other. */
export const constraintsSchema = z
  .strictObject({
    form: z.enum(["story", "poem", "tune"]),
    words: range.optional(),
    sentences: range.optional(),
    paragraphs: range.optional(),
    /** Lines that are not empty. */
    lines: range.optional(),
    /** Groups of lines between empty ones. */
    stanzas: range.optional(),
    linesPerStanza: range.optional(),
    wordsPerLine: range.optional(),
    /** Each counts as a constraint of its own; whole words, case does not matter. */
    require: phrases.optional(),
    forbid: phrases.optional(),
    /** Letter that stands in no word. */
    withoutLetter: z
      .string()
      .regex(/^[a-z]$/, "expected one small letter")
      .optional(),
    startsWith: z.string().trim().min(1).max(200).optional(),
    endsWith: z.string().trim().min(1).max(200).optional(),
    pointOfView: z.enum(["first", "second", "third"]).optional(),
    /** First letters of the lines. */
    acrostic: z
      .string()
      .regex(/^[A-Z]{2,30}$/, "expected capital letters")
      .optional(),
    /** The last line of every stanza is the same. */
    refrain: z.literal(true).optional(),
    /** Passages in quotation marks. */
    quotes: range.optional(),
    title: z.string().min(1).max(100).optional(),
    tune: tuneSchema.optional(),
  })
  .superRefine((value, context) => {
    const fail = (message: string) => context.addIssue({ code: "custom", message });
    if ((value.form === "tune") !== (value.tune !== undefined))
      fail('form "tune" and the field tune belong together');
    const { form: _, tune: __, title: ___, ...others } = value;
    const named = Object.keys(others).filter((key) => others[key as keyof typeof others] !== undefined);
    if (value.form === "tune" && named.length > 0) fail(`${named[0]} does not fit a tune`);
    if (value.form !== "tune" && named.length === 0) fail("expected at least one constraint");
    if (value.form !== "tune" && value.title !== undefined) fail("title fits tunes only");
  });

export type WritingConstraints = z.output<typeof constraintsSchema>;

export type CountRange = z.output<typeof range>;

/** One constraint and whether a text keeps it. */
export interface ConstraintCheck {
  /** `lines`, `word "lantern"`. */
  name: string;
  isKept: boolean;
  /** Finding where the constraint is not kept. */
  found: string;
}

export function checkRange(name: string, value: number, { min, max }: CountRange): ConstraintCheck {
  const isKept = value >= (min ?? 0) && value <= (max ?? Number.POSITIVE_INFINITY);
  return { name, isKept, found: `${value}, asked for ${rangeText({ min, max })}` };
}

export function rangeText({ min, max }: { min?: number | undefined; max?: number | undefined }): string {
  if (min === max) return String(min);
  if (max === undefined) return `at least ${min}`;
  return min === undefined ? `at most ${max}` : `${min} to ${max}`;
}
