/** @file A regular file opened with care and read in ranges; the format decides how its errors read. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { FormatError, InternalError, messageOf } from "../core/errors.js";

/** Makes the error `bad <format>: <field>: <why>` of the format that is read. */
type BadFile = (file: string, field: string, why: string, byteOffset?: number) => FormatError;

export class RangedFile {
  readonly path: string;
  /** Bytes of the file when it was opened. */
  readonly size: number;
  readonly #bad: BadFile;
  #descriptor: number;

  private constructor(path: string, descriptor: number, size: number, bad: BadFile) {
    this.path = path;
    this.size = size;
    this.#bad = bad;
    this.#descriptor = descriptor;
  }

  /**
   * Opens a regular file. Directories, devices, pipes and dangling links are refused without waiting on them.
   * @throws {FormatError}
   */
  static open(path: string, bad: BadFile): RangedFile {
    let descriptor: number;
    try {
      // Looked at before it is opened: opening alone makes some devices act.
      const stat = statSync(path);
      if (stat.isDirectory()) throw bad(path, "file", "is a directory");
      if (!stat.isFile()) throw bad(path, "file", "is not a regular file");
      // Without O_NONBLOCK the open itself would wait for a writer of a pipe.
      descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      if (error instanceof FormatError) throw error;
      const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
      throw bad(path, "file", isAbsent ? "does not exist" : `cannot be opened (${messageOf(error)})`);
    }
    try {
      const stat = fstatSync(descriptor);
      // Again: the name may point elsewhere by now.
      if (!stat.isFile()) throw bad(path, "file", "is not a regular file");
      return new RangedFile(path, descriptor, stat.size, bad);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Further reads fail; a second call does nothing. */
  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  /**
   * Fills `target` from byte `position` as far as the file goes and returns how many bytes that were.
   * @throws {FormatError} when the system cannot read it; {InternalError} after close()
   */
  readSome(target: Uint8Array, position: number, field: string): number {
    if (this.#descriptor < 0) throw new InternalError(`${this.path} was read after it was closed`);
    let filled = 0;
    while (filled < target.length) {
      let count: number;
      try {
        count = readSync(this.#descriptor, target, filled, target.length - filled, position + filled);
      } catch (error) {
        throw this.#bad(this.path, field, `cannot be read (${messageOf(error)})`, position + filled);
      }
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /**
   * Fills `target` wholly from byte `position`.
   * @throws {FormatError} when the file has become shorter
   */
  readExactly(target: Uint8Array, position: number, field: string): void {
    const filled = this.readSome(target, position, field);
    if (filled === target.length) return;
    const end = position + target.length;
    const why = `the file became shorter while it was read: expected bytes up to ${end}, found ${position + filled}`;
    throw this.#bad(this.path, field, why, position + filled);
  }
}
