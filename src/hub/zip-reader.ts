/** @file Reads members of a zip file one after another, streamed; nothing is ever written by a member's name. */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { InputError } from "../core/errors.js";

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 65_535;
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;
const STORED = 0;
const DEFLATED = 8;

export interface ZipMember {
  name: string;
  method: number;
  compressedBytes: number;
  bytes: number;
  /** Offset of the local header, bytes. */
  offset: number;
}

/** The members of an archive. @throws {InputError} on a damaged one, or one with names that leave the archive. */
export async function listZip(path: string): Promise<ZipMember[]> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const tail = await readAt(
      handle,
      Math.max(0, size - END_BYTES - MAX_COMMENT),
      Math.min(size, END_BYTES + MAX_COMMENT),
      path,
    );
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0 || end + END_BYTES > tail.length || tail.readUInt32LE(end) !== END_SIGNATURE)
      throw damaged(path, "no directory");
    const count = tail.readUInt16LE(end + 10);
    const bytes = tail.readUInt32LE(end + 12);
    const offset = tail.readUInt32LE(end + 16);
    if (bytes > MAX_DIRECTORY_BYTES || offset + bytes > size)
      throw damaged(path, "the directory lies outside the file");
    return parseDirectory(await readAt(handle, offset, bytes, path), count, path);
  } finally {
    await handle.close();
  }
}

function parseDirectory(directory: Buffer, count: number, path: string): ZipMember[] {
  const members: ZipMember[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw damaged(path, "cut directory");
    const nameBytes = directory.readUInt16LE(at + 28);
    const name = directory.toString("utf8", at + 46, at + 46 + nameBytes);
    if (
      name.startsWith("/") ||
      name.includes("\\") ||
      name.includes("\0") ||
      name.split("/").includes("..")
    ) {
      throw damaged(path, `member ${JSON.stringify(name)} would leave the archive`);
    }
    members.push({
      name,
      method: directory.readUInt16LE(at + 10),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return members;
}

/** Streams the content of a member. @throws {InputError} when it gives other than the stated number of bytes. */
export async function* readZipMember(path: string, member: ZipMember): AsyncGenerator<Buffer> {
  if (member.method !== STORED && member.method !== DEFLATED)
    throw damaged(path, `compression method ${member.method}`);
  const handle = await open(path, "r");
  let start: number;
  try {
    const local = await readAt(handle, member.offset, 30, path);
    if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) throw damaged(path, `no header for ${member.name}`);
    start = member.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await handle.close();
  }
  if (member.bytes === 0) return;
  const raw = createReadStream(path, {
    start,
    end: start + member.compressedBytes - 1,
    highWaterMark: 1024 * 1024,
  });
  let content: Readable = raw;
  if (member.method === DEFLATED) {
    const inflate = createInflateRaw({ chunkSize: 1024 * 1024 });
    raw.on("error", (error) => inflate.destroy(error));
    content = raw.pipe(inflate);
  }
  let total = 0;
  try {
    for await (const chunk of content) {
      total += (chunk as Buffer).length;
      // Stops a bomb at the size the directory states.
      if (total > member.bytes) throw damaged(path, `${member.name} is larger than stated`);
      yield chunk as Buffer;
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw damaged(path, `${member.name} cannot be read`);
  } finally {
    raw.destroy();
    content.destroy();
  }
  if (total !== member.bytes) throw damaged(path, `${member.name} is shorter than stated`);
}

async function readAt(handle: FileHandle, offset: number, length: number, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  if (bytesRead !== length) throw damaged(path, "is cut");
  return buffer;
}

function damaged(path: string, why: string): InputError {
  return new InputError(`damaged archive ${path}: ${why}`, {
    code: "bad-download",
    hint: "run the same command again",
  });
}
