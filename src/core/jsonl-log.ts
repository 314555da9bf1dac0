/** @file Append-only JSONL with a checksum per line: what was appended before a crash is read back, no more. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { messageOf, StorageError } from "./errors.js";
import { sha256 } from "./hash.js";

const CHECKSUM_DIGITS = 8;
/** Member of a chained line: the hash of the line before it. */
export const PREVIOUS = "prev";

/** End of a chained log. */
export interface ChainHead {
  lines: number;
  hash: string;
}

/** The line written for a record: its JSON with the checksum as the last member `"sum"`. */
export function encodeLine(record: Record<string, unknown>): string {
  const json = JSON.stringify(record);
  const sum = sha256(json).slice(0, CHECKSUM_DIGITS);
  return json === "{}" ? `{"sum":"${sum}"}` : `${json.slice(0, -1)},"sum":"${sum}"}`;
}

/** The record of a line, or undefined when the checksum does not fit or the line is cut. */
export function decodeLine(line: string): Record<string, unknown> | undefined {
  const match = /^(.*?),?"sum":"([0-9a-f]{8})"\}$/s.exec(line);
  if (!match) return undefined;
  const json = `${match[1]}}`;
  if (sha256(json).slice(0, CHECKSUM_DIGITS) !== match[2]) return undefined;
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export class JsonlLog {
  readonly path: string;
  #descriptor: number;
  #lineCount: number;
  /** Hash of the last line, or of what stands before the first; undefined where lines are not chained. */
  #head: string | undefined;

  private constructor(path: string, descriptor: number, lineCount: number, head: string | undefined) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#lineCount = lineCount;
    this.#head = head;
  }

  /** End of a chained log: number of lines, and the hash of the last one. */
  get head(): ChainHead {
    return { lines: this.#lineCount, hash: this.#head ?? "" };
  }

  /**
   * Opens or creates a log. A torn last line (crash while writing) is moved to `<path>.torn`.
   * @param genesis - where given, every line appended carries the hash of the line before it as `"prev"`, and the first
   *   one this (verifyChain() of verify-chain.ts checks it)
   * @throws {StorageError} when a complete line is damaged, or the file cannot be opened.
   */
  static open(
    path: string,
    genesis?: string,
  ): { log: JsonlLog; records: Record<string, unknown>[]; isTorn: boolean } {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const { records, tornAt, torn, lastLine } = JsonlLog.read(path);
      if (tornAt !== undefined) {
        appendFileSync(`${path}.torn`, `${torn}\n`, { mode: 0o600 });
        truncateSync(path, tornAt);
      }
      const descriptor = openSync(path, "a", 0o600);
      const head = genesis === undefined || lastLine === undefined ? genesis : sha256(lastLine);
      const log = new JsonlLog(path, descriptor, records.length, head);
      return { log, records, isTorn: tornAt !== undefined };
    } catch (error) {
      if (error instanceof StorageError) throw error;
      throw new StorageError(`cannot open ${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Reads without opening for writing; a torn last line is left out. */
  static read(path: string): {
    records: Record<string, unknown>[];
    tornAt?: number | undefined;
    torn?: string | undefined;
    lastLine?: string | undefined;
  } {
    if (!existsSync(path)) return { records: [] };
    const text = readFileSync(path, "utf8");
    const lines = text.split("\n");
    const records: Record<string, unknown>[] = [];
    let offset = 0;
    let lastLine: string | undefined;
    for (const [index, line] of lines.entries()) {
      const isLast = index === lines.length - 1;
      if (line === "" && isLast) break;
      const record = isLast ? undefined : decodeLine(line);
      if (record === undefined) {
        // A cut while appending never leaves a line break; a bad line that has one was changed later.
        if (isLast) {
          return { records, tornAt: offset, torn: line, lastLine };
        }
        throw new StorageError(`${path}: line ${index + 1} is damaged (checksum does not fit)`, {
          code: "damaged-log",
          hint: "restore the file from a copy, or start again with --fresh",
        });
      }
      records.push(record);
      lastLine = line;
      offset += Buffer.byteLength(line) + 1;
    }
    return { records, lastLine };
  }

  /**
   * Appends one record; with `isDurable` it is on the disk when this returns.
   * @throws {StorageError} after which nothing of the record is left in the file
   */
  append(record: Record<string, unknown>, isDurable = false): void {
    let written = 0;
    try {
      const line = encodeLine(this.#head === undefined ? record : { ...record, [PREVIOUS]: this.#head });
      const bytes = Buffer.from(`${line}\n`);
      // A disk that fills up takes a part and says so in the count alone.
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      if (isDurable) fsyncSync(this.#descriptor);
      if (this.#head !== undefined) this.#head = sha256(line);
      this.#lineCount++;
    } catch (error) {
      if (written > 0) this.#undo(written);
      throw new StorageError(`cannot append to ${this.path}: ${messageOf(error)}`, {
        hint: "free some space, then run the same command again; nothing finished is lost",
        cause: error,
      });
    }
  }

  #undo(bytes: number): void {
    try {
      ftruncateSync(this.#descriptor, fstatSync(this.#descriptor).size - bytes);
    } catch {
      // Nothing may be written behind half a line; opening the log again sets that aside.
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }
}
