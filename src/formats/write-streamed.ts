/** @file Large files written piece by piece to a temporary one beside them, fsynced, renamed: old or new, never half. */
import { mkdirSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, StorageError, W4sError } from "../core/errors.js";

/** Appends bytes; they may be changed once it has resolved. */
type WriteBytes = (bytes: Uint8Array) => Promise<void>;

let written = 0;

/**
 * Calls `produce` with a function that appends to the new file. When it throws, the temporary file is removed,
 * `path` is as before, and its error goes on.
 * @throws {StorageError} naming the file and the reason (full disk, no permission, read-only)
 */
export async function writeStreamed(
  path: string,
  produce: (write: WriteBytes) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${process.pid}-${written++}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(temporary, "wx", 0o600);
    try {
      await produce((bytes) => append(handle, bytes));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The error that counts is the first one.
    await rm(temporary, { force: true }).catch(() => undefined);
    const isFromSystem = typeof (error as NodeJS.ErrnoException).syscall === "string";
    if (W4sError.is(error) || !isFromSystem) throw error;
    throw new StorageError(`cannot write ${path}: ${messageOf(error)}`, {
      hint: "free some space or choose another folder, then run the same command again",
      cause: error,
    });
  }
  await syncFolder(dirname(path));
}

async function append(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

/** Makes the new name last through a power cut, where the system lets folders be synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
