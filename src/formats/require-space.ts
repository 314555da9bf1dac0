/** @file Room on a disk, asked for before a large file is written, so that the message can name both figures. */
import { statfs } from "node:fs/promises";
import { StorageError } from "../core/errors.js";

const MIB = 1024 * 1024;

/**
 * Nothing where the system does not tell.
 * @param what - needs the room, for the message
 * @throws {StorageError} "disk-full"
 */
export async function requireSpace(folder: string, bytes: number, what: string, hint: string): Promise<void> {
  const space = await statfs(folder).catch(() => undefined);
  const free = space === undefined ? bytes : space.bavail * space.bsize;
  if (free >= bytes) return;
  const [needed, left] = [Math.ceil(bytes / MIB), Math.floor(free / MIB)];
  throw new StorageError(`${what} needs ${needed} MiB, ${folder} has ${left} MiB left`, {
    hint,
    code: "disk-full",
  });
}
