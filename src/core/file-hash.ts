/** @file SHA-256 of big files, remembered by size and modification time so that a model is hashed once. */
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { w4sHome } from "./w4s-home.js";

interface KnownHash {
  size: number;
  /** Nanoseconds, as text: too long for a number. */
  modified: string;
  inode: string;
  sha256: string;
}

const READ_BYTES = 4 * 1024 * 1024;
/** Smaller files are hashed faster than the note is read. */
const REMEMBERED_FROM_BYTES = 16 * 1024 * 1024;

/** Streams a file through SHA-256. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const stream = createReadStream(path, { highWaterMark: READ_BYTES });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** SHA-256 of a file, from `hashes.json` of the home folder where the file is unchanged since. */
export async function cachedFileHash(path: string, home: string = w4sHome()): Promise<string> {
  const key = resolve(path);
  const before = identify(key);
  if (before.size < REMEMBERED_FROM_BYTES) return hashFile(key);
  const known = readKnown(home).get(key);
  if (known !== undefined && isDeepStrictEqual(known, { ...before, sha256: known.sha256 }))
    return known.sha256;
  const sha256 = await hashFile(key);
  if (isDeepStrictEqual(identify(key), before)) rememberHash(key, sha256, home);
  return sha256;
}

/** Notes a hash that was just computed while the file was written. Losing the note only costs time. */
export function rememberHash(path: string, sha256: string, home: string = w4sHome()): void {
  const key = resolve(path);
  try {
    const known = readKnown(home);
    for (const path of known.keys()) if (!existsSync(path)) known.delete(path);
    known.set(key, { ...identify(key), sha256 });
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const file = join(home, "hashes.json");
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(Object.fromEntries(known), null, 1), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // A read-only home: the file is hashed again next time.
  }
}

/** What changes with every other content of a file: its size, its time and its place on the disk. */
export function identify(path: string): Omit<KnownHash, "sha256"> {
  const stat = statSync(path, { bigint: true });
  return { size: Number(stat.size), modified: String(stat.mtimeNs), inode: String(stat.ino) };
}

function readKnown(home: string): Map<string, KnownHash> {
  try {
    const entries = JSON.parse(readFileSync(join(home, "hashes.json"), "utf8")) as Record<string, KnownHash>;
    return new Map(Object.entries(entries));
  } catch {
    return new Map();
  }
}
