/** @file Kinds of settings: each says its range in its error, so that one line is enough to put it right. */
import { z } from "zod";

/**
 * What a setting decides. `results` (where nothing is said): what a run finds, so it may not differ when the run goes on,
 * and a suite's file keeps it; `learning`: the same, for `w4s learn` only. `terms`: on which terms calls are made; a suite's
 * file keeps it, and it may differ when a run goes on. `pace`: how fast and how far a run goes, and what it ends with.
 * `session`: where a run lies and what one session may spend; a suite has no say in it.
 */
export type Decides = "results" | "learning" | "terms" | "pace" | "session";

/** Note on a key beside its range, default and meaning, for `.meta()`. */
export const decides = (what: Decides) => ({ decides: what });

/** A whole number in a range; the error says the range, so that one line is enough to put it right. */
export const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};

export const between = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};

export const positive = (max: number) => {
  const error = `must be a number above 0 and up to ${max}`;
  return z.number({ error }).gt(0, { error }).max(max, { error });
};

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` });

export const text = (what: string, max = 4096) => {
  const error = `must be ${what}`;
  return z
    .string({ error })
    .min(1, { error })
    .max(max, { error: `must be at most ${max} characters` })
    .refine((value) => !/[\x00-\x1f\x7f]/.test(value), { error: "must not contain control characters" });
};

export const flag = () => z.boolean({ error: "must be true or false" });

/** One value for all rounds or one per round, the last repeated: 0.5, "0.7,0.5,0.3" or [0.7, 0.5, 0.3]. */
export const schedule = (min: number, max: number, isWhole = false) => {
  const error = `must be ${isWhole ? "whole numbers" : "numbers"} from ${min} to ${max}, separated by commas`;
  return z
    .union([z.number(), z.string(), z.array(z.number())], { error })
    .transform((value) =>
      typeof value === "string"
        ? value.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)))
        : [value].flat(),
    )
    .refine(
      (values) =>
        values.length > 0 &&
        values.every((value) => value >= min && value <= max && (!isWhole || Number.isInteger(value))),
      { error },
    );
};
