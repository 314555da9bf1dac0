/** @file JSON records of a run: checked against their schema when they are read, replaced in one step when written. */
import { existsSync, readFileSync } from "node:fs";
import type { z } from "zod";
import { InputError, messageOf, StorageError } from "../core/errors.js";
import { issueLine } from "../core/issue-line.js";
import { writeAtomic } from "../core/write-atomic.js";

/**
 * A record, or undefined where there is no such file.
 * @param hint - what to do about a damaged file
 * @throws {StorageError} when it is no JSON; {InputError} when its fields are not those of the schema.
 */
export function readRecord<T>(
  path: string,
  schema: z.ZodType<T>,
  hint = "run the command of this run again: it rewrites the file",
): T | undefined {
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new StorageError(`${path} is damaged: ${messageOf(error)}`, { hint, cause: error });
  }
  return checkRecord(value, schema, path);
}

/**
 * A value as its schema has it: fields of older versions in their present form, unknown ones left out.
 * @param place - the file, with the line where it has several
 * @throws {InputError} naming the field that does not fit
 */
export function checkRecord<T>(value: unknown, schema: z.ZodType<T>, place: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError(`${place}: ${issueLine(parsed.error)}`, {
    hint: "it was changed by hand, or written by another version of w4s",
  });
}

export async function writeRecord(path: string, record: unknown): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
}
