/** @file A checked cursor over a file: ranged reads only, every length compared with what is left before allocation. */
import { isUtf8 } from "node:buffer";
import { FormatError } from "../../core/errors.js";
import type { RangedFile } from "../ranged-file.js";
import { LIMITS } from "./gguf-types.js";

const WINDOW_BYTES = 256 * 1024;

/**
 * Error with the message `bad GGUF: <field>: <why>`.
 * @param hint - what helps, where another copy of the file does not
 */
export function badGguf(
  file: string,
  field: string,
  why: string,
  byteOffset?: number,
  hint = `check ${file}: download it again, or choose another file (w4s inspect FILE shows what can be read)`,
): FormatError {
  return new FormatError(`bad GGUF: ${printable(field)}: ${printable(why)}`, {
    file,
    byteOffset,
    code: "bad-gguf",
    hint,
  });
}

/** Names come from the file: control characters as \xNN, bounded. */
export function printable(text: string, maxLength = 200): string {
  const safe = text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return safe.length > maxLength ? `${safe.slice(0, maxLength)}…` : safe;
}

/** Reads little-endian values one after another; never beyond the file, never more than the header limit. */
export class GgufCursor {
  readonly file: string;
  readonly size: bigint;
  readonly #source: RangedFile;
  #position = 0n;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(source: RangedFile) {
    this.file = source.path;
    this.size = BigInt(source.size);
    this.#source = source;
  }

  get position(): bigint {
    return this.#position;
  }

  /** Goes back to a byte already read. */
  rewind(position: number): void {
    this.#position = BigInt(position);
  }

  /** Bytes between here and the end of the file. */
  get left(): bigint {
    return this.size - this.#position;
  }

  fail(field: string, why: string, hint?: string): never {
    throw badGguf(this.file, field, why, Number(this.#position), hint);
  }

  /** @throws {FormatError} when `count` items of `itemBytes` cannot lie between here and the end of the file. */
  require(count: bigint, itemBytes: number, field: string): void {
    const bytes = count * BigInt(itemBytes);
    if (bytes > this.left) this.fail(field, `needs ${bytes} bytes, the file has ${this.left} left`);
    if (this.#position + bytes > BigInt(LIMITS.headerBytes)) {
      this.fail(field, `makes the header larger than ${LIMITS.headerBytes} bytes`);
    }
  }

  /** The next bytes; a view into the window, valid until the next call. */
  bytes(length: number, field: string): Buffer {
    this.require(BigInt(length), 1, field);
    const at = Number(this.#position);
    if (at < this.#windowStart || at + length > this.#windowStart + this.#window.length)
      this.#fill(at, length, field);
    this.#position += BigInt(length);
    const from = at - this.#windowStart;
    return this.#window.subarray(from, from + length);
  }

  #fill(at: number, length: number, field: string): void {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), Number(this.size) - at);
    const window = Buffer.allocUnsafe(wanted);
    const filled = this.#source.readSome(window, at, field);
    if (filled < length) this.fail(field, "the file became shorter while it was read");
    this.#window = window.subarray(0, filled);
    this.#windowStart = at;
  }

  u32(field: string): number {
    return this.bytes(4, field).readUInt32LE(0);
  }

  i32(field: string): number {
    return this.bytes(4, field).readInt32LE(0);
  }

  u64(field: string): bigint {
    return this.bytes(8, field).readBigUInt64LE(0);
  }

  i64(field: string): bigint {
    return this.bytes(8, field).readBigInt64LE(0);
  }

  /** A length-prefixed UTF-8 string of at most `maxBytes`. */
  string(field: string, maxBytes: number): string {
    const length = this.u64(field);
    if (length > this.left)
      this.fail(field, `length ${length} is beyond the end of the file, ${this.left} bytes are left`);
    if (length > BigInt(maxBytes))
      this.fail(field, `length ${length} is over the limit of ${maxBytes} bytes`);
    const bytes = this.bytes(Number(length), field);
    if (!isUtf8(bytes)) this.fail(field, "is not UTF-8");
    return bytes.toString("utf8");
  }
}
