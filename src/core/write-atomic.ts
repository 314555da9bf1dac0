/** @file Small state files: written to a temporary file, fsynced, renamed. A crash leaves the old or the new one. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { messageOf, StorageError } from "./errors.js";

/** @throws {StorageError} naming the file and the reason (full disk, no permission, read-only). */
export async function writeAtomic(path: string, content: string | Buffer): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, content, { mode: 0o600 });
  } catch (error) {
    throw new StorageError(`cannot write ${path}: ${messageOf(error)}`, {
      hint: "free some space or choose another folder, then run the same command again",
      cause: error,
    });
  }
}
