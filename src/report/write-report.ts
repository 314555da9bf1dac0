/** @file Writes a page where a page may go. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { ConfigError, messageOf, StorageError } from "../core/errors.js";
import { writeAtomic } from "../core/write-atomic.js";

/** Mark near the beginning of a page of ours. */
const MARK = '<meta name="generator" content="w4s report">';
const BEGINNING_BYTES = 4096;

/**
 * Writes a report; an older one is replaced, any other file is not.
 * @throws {ConfigError} when the file there is no report; {StorageError} when it cannot be written.
 */
export async function writeReport(path: string, page: string): Promise<void> {
  if (existsSync(path) && !beginning(path).includes(MARK)) {
    throw new ConfigError(`${path} exists and is no report of w4s`, { hint: "choose another --out" });
  }
  try {
    await writeAtomic(path, page);
  } catch (error) {
    throw new StorageError(messageOf(error), {
      hint: "write it elsewhere with --out FILE",
      cause: error,
    });
  }
}

function beginning(path: string): string {
  try {
    const descriptor = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(BEGINNING_BYTES);
      return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, BEGINNING_BYTES, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new StorageError(`cannot read ${path}: ${messageOf(error)}`, {
      hint: "choose another --out",
      cause: error,
    });
  }
}
