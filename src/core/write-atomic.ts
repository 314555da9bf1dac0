/** @file Small state files: written to a temporary file, fsynced, renamed. A crash leaves the old or the new one. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { ConfigError, messageOf, StorageError } from "./errors.js";

/** @throws {StorageError} naming the file and the reason (full disk, no permission, read-only). */
export async function writeAtomic(path: string, content: string | Buffer): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, content, { mode: 0o600 });
  } catch (error) {
    const isRefused = /^(EACCES|EPERM|EROFS)$/.test(String((error as { code?: unknown }).code));
    throw new StorageError(`cannot write ${path}: ${messageOf(error)}`, {
      hint: `${isRefused ? "make the folder writable" : "free some space"} or choose another folder, then run the same command again`,
      cause: error,
    });
  }
}

/** @throws {ConfigError} where something lies there already and it may not be written over */
export function refuseExisting(path: string, isForced = false): void {
  if (isForced || !existsSync(path)) return;
  throw new ConfigError(`${path} exists already`, {
    hint: "choose another --out, or add --force to write over it",
  });
}
