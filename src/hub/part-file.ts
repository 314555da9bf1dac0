/** @file A download under way: appended and hashed as it arrives, resumed later, renamed only when its hash fits. */
import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError, messageOf, StorageError } from "../core/errors.js";
import { requireSpace } from "../formats/require-space.js";

export interface Expected {
  /** Name of the file in messages. */
  name: string;
  bytes: number;
  sha256: string;
}

export class PartFile {
  readonly path: string;
  readonly expected: Expected;
  #length = 0;
  #hash: Hash = createHash("sha256");
  #handle: FileHandle;

  private constructor(path: string, expected: Expected, handle: FileHandle) {
    this.path = path;
    this.expected = expected;
    this.#handle = handle;
  }

  /**
   * Opens `path`, keeping at most `keepBytes` of what an earlier try left there.
   * @throws {StorageError} when the folder cannot be written or the disk has too little room.
   */
  static async open(
    path: string,
    expected: Expected,
    keepBytes = Number.POSITIVE_INFINITY,
  ): Promise<PartFile> {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const known = existsSync(path) ? lstatSync(path) : undefined;
      // A link put here by someone else must not be written through; too long a file is not ours.
      if (known && (!known.isFile() || known.size > expected.bytes)) rmSync(path, { recursive: true });
      else if (known && known.size > keepBytes) truncateSync(path, keepBytes);
      const missing = expected.bytes - (existsSync(path) ? lstatSync(path).size : 0);
      const hint = "free some space, or set W4S_HOME to another disk";
      await requireSpace(dirname(path), missing, "the download", hint);
      const part = new PartFile(path, expected, await open(path, "a", 0o600));
      for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 * 1024 })) {
        part.#hash.update(chunk as Buffer);
        part.#length += (chunk as Buffer).length;
      }
      return part;
    } catch (error) {
      throw asStorageError(error, path);
    }
  }

  get length(): number {
    return this.#length;
  }

  /** @throws {InputError} when more arrives than the model has: the source lies about its size. */
  async append(chunk: Uint8Array): Promise<void> {
    if (this.#length + chunk.length > this.expected.bytes) {
      await this.discard();
      throw badDownload(this.expected.name, `has more than the ${this.expected.bytes} bytes it should have`);
    }
    try {
      await this.#handle.appendFile(chunk);
    } catch (error) {
      throw asStorageError(error, this.path);
    }
    this.#hash.update(chunk);
    this.#length += chunk.length;
  }

  /** Starts from nothing: the source cannot continue where the file ends. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#length = 0;
    this.#hash = createHash("sha256");
  }

  /** Keeps what has arrived for a later try. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    rmSync(this.path, { force: true });
  }

  /**
   * Moves the whole file to its place.
   * @throws {InputError} when size or hash do not fit; the part file is removed.
   */
  async finish(target: string): Promise<void> {
    if (this.#length !== this.expected.bytes) {
      await this.discard();
      throw badDownload(this.expected.name, `has ${this.#length} bytes, expected ${this.expected.bytes}`);
    }
    const found = this.#hash.digest("hex");
    if (found !== this.expected.sha256) {
      await this.discard();
      throw badDownload(this.expected.name, `has SHA-256 ${found}, expected ${this.expected.sha256}`);
    }
    try {
      await this.#handle.sync();
      await this.#handle.close();
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      renameSync(this.path, target);
    } catch (error) {
      throw asStorageError(error, target);
    }
  }
}

/** A source gave something else than the pinned file. */
export function badDownload(name: string, why: string): InputError {
  return new InputError(`download of ${name} refused: it ${why}`, {
    code: "bad-download",
    hint: "run the same command again; if it stays so, the source has changed and must not be used",
  });
}

function asStorageError(error: unknown, path: string): unknown {
  if (error instanceof StorageError) return error;
  return new StorageError(`cannot write ${path}: ${messageOf(error)}`, {
    hint: "check the folder, or set W4S_HOME to another one",
    cause: error,
  });
}
