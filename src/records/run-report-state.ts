/** @file Small JSON state files of a run, checked as they are read for a report. */
import { existsSync, readFileSync } from "node:fs";
import type { z } from "zod";
import { InputError, messageOf, StorageError } from "../core/errors.js";

/**
 * A state file, or undefined where there is none.
 * @throws {StorageError} when it is no JSON; {InputError} when its fields are not those of the schema.
 */
export function readState<T>(path: string, schema: z.ZodType<T>): T | undefined {
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new StorageError(`${path} is damaged: ${messageOf(error)}`, {
      hint: "run the command of this run again: it rewrites the file",
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new InputError(`${path}: ${issue?.path.join(".") || "content"}: ${issue?.message}`, {
    hint: "it was changed by hand, or written by another version of w4s",
  });
}
