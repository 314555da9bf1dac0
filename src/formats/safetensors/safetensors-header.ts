/** @file The header of a safetensors file: no length, shape or range is believed before it was checked. */
import { isUtf8 } from "node:buffer";
import { FormatError, messageOf } from "../../core/errors.js";
import { printable } from "../gguf/gguf-reader.js";
import type { RangedFile } from "../ranged-file.js";

/** Longest header that is read, the limit of the format's own library. @source safetensors: MAX_HEADER_SIZE */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const FIELDS: ReadonlySet<string> = new Set(["dtype", "shape", "data_offsets"]);

/** Bytes of one number, by dtype. Types of less than a byte are not known. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["F8_E8M0", 1],
  ["U16", 2],
  ["I16", 2],
  ["F16", 2],
  ["BF16", 2],
  ["U32", 4],
  ["I32", 4],
  ["F32", 4],
  ["U64", 8],
  ["I64", 8],
  ["F64", 8],
]);

const DTYPES = [...DTYPE_BYTES.keys()].join(" ");

export interface SafetensorsTensor {
  /** Name of the type, such as `F32`. */
  dtype: string;
  /** Row-major; empty for a single number. */
  shape: readonly number[];
  elementCount: number;
  /** First byte and the byte after the last one, in the file. */
  byteRange: readonly [start: number, end: number];
}

interface SafetensorsHeader {
  tensors: Map<string, SafetensorsTensor>;
  metadata: Map<string, string>;
}

/** The error `bad safetensors: <field>: <why>`. */
export function badSafetensors(file: string, field: string, why: string, byteOffset?: number): FormatError {
  return new FormatError(`bad safetensors: ${printable(field)}: ${printable(why)}`, {
    file,
    byteOffset,
    code: "bad-safetensors",
    hint: `check ${file}: copy or make it again, or choose another file`,
  });
}

/** Reads and checks the header. @throws {FormatError} */
export function readSafetensorsHeader(file: RangedFile): SafetensorsHeader {
  if (file.size < 8) {
    throw badSafetensors(file.path, "file", `has ${file.size} bytes, expected at least 8`, file.size);
  }
  const start = Buffer.alloc(8);
  file.readExactly(start, 0, "header length");
  const length = start.readBigUInt64LE(0);
  const left = file.size - 8;
  if (length > BigInt(left)) {
    throw badSafetensors(file.path, "header length", `is ${length}, the file has ${left} bytes left`, 0);
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw badSafetensors(file.path, "header length", `is ${length}, the limit is ${MAX_HEADER_BYTES}`, 0);
  }
  const bytes = Buffer.allocUnsafe(Number(length));
  file.readExactly(bytes, 8, "header");
  return new HeaderCheck(file, bytes).run();
}

class HeaderCheck {
  readonly #file: RangedFile;
  readonly #bytes: Buffer;
  readonly #dataStart: number;

  constructor(file: RangedFile, bytes: Buffer) {
    this.#file = file;
    this.#bytes = bytes;
    this.#dataStart = 8 + bytes.length;
  }

  run(): SafetensorsHeader {
    const entries = Object.entries(this.#object("header", this.#parse()));
    let keys = entries.length;
    const tensors = new Map<string, SafetensorsTensor>();
    const metadata = new Map<string, string>();
    for (const [name, value] of entries) {
      const entry = this.#object(name === "__metadata__" ? name : `tensor ${name}`, value, name);
      keys += Object.keys(entry).length;
      if (name !== "__metadata__") {
        tensors.set(name, this.#tensor(name, entry));
        continue;
      }
      for (const [key, text] of Object.entries(entry)) {
        if (typeof text !== "string") this.#fail(`__metadata__.${key}`, "is not a string", key);
        metadata.set(key, text);
      }
    }
    // The parser keeps the last of several equal keys in silence.
    const written = countColons(this.#bytes);
    if (written !== keys) this.#fail("header", `has ${written} keys, only ${keys} are different`);
    this.#checkLayout(tensors);
    return { tensors, metadata };
  }

  #fail(field: string, why: string, key?: string): never {
    const at = key === undefined ? -1 : this.#bytes.indexOf(JSON.stringify(key));
    throw badSafetensors(this.#file.path, field, why, 8 + Math.max(0, at));
  }

  #parse(): unknown {
    if (this.#bytes[0] !== 0x7b) this.#fail("header", "does not begin with {");
    if (!isUtf8(this.#bytes)) this.#fail("header", "is not UTF-8");
    try {
      return JSON.parse(this.#bytes.toString("utf8"));
    } catch (error) {
      this.#fail("header", `is not JSON (${messageOf(error, 120)})`);
    }
  }

  #object(field: string, value: unknown, key?: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#fail(field, "is not an object", key);
    }
    return value as Record<string, unknown>;
  }

  #tensor(name: string, entry: Record<string, unknown>): SafetensorsTensor {
    const field = `tensor ${name}`;
    for (const key of Object.keys(entry)) {
      if (!FIELDS.has(key)) this.#fail(field, `has the unknown field ${JSON.stringify(key)}`, name);
    }
    const { dtype } = entry;
    const itemBytes = typeof dtype === "string" ? DTYPE_BYTES.get(dtype) : undefined;
    if (itemBytes === undefined)
      this.#fail(field, `dtype ${JSON.stringify(dtype)} is unknown, expected one of ${DTYPES}`, name);
    const shape = this.#integers(name, "shape", entry.shape);
    const offsets = this.#integers(name, "data_offsets", entry.data_offsets);
    const [begin, end] = offsets;
    if (offsets.length !== 2 || begin === undefined || end === undefined) {
      this.#fail(field, `data_offsets has ${offsets.length} numbers, expected 2`, name);
    }
    const dataBytes = this.#file.size - this.#dataStart;
    if (begin > end || end > dataBytes) {
      this.#fail(field, `data_offsets ${begin} to ${end} do not lie in 0 to ${dataBytes}`, name);
    }
    let elements = 1n;
    for (const size of shape) {
      elements *= BigInt(size);
      if (elements > MAX_SAFE) this.#fail(field, "has more elements than 2^53", name);
    }
    const needed = elements * BigInt(itemBytes);
    if (needed !== BigInt(end - begin)) {
      const what = `${dtype} of shape [${shape.join(", ")}] needs ${needed} bytes`;
      this.#fail(field, `${what}, data_offsets hold ${end - begin}`, name);
    }
    return {
      dtype: dtype as string,
      shape,
      elementCount: Number(elements),
      byteRange: [this.#dataStart + begin, this.#dataStart + end],
    };
  }

  #integers(name: string, key: string, value: unknown): number[] {
    if (!Array.isArray(value)) this.#fail(`tensor ${name}`, `${key} is missing or not an array`, name);
    const bad = value.find((item) => !Number.isSafeInteger(item) || item < 0);
    if (bad !== undefined || value.includes(undefined)) {
      const found = JSON.stringify(bad);
      this.#fail(`tensor ${name}`, `${key} holds ${found}, expected integers from 0 on`, name);
    }
    return value as number[];
  }

  /** Tensors cover the data from its first to its last byte, each byte once. */
  #checkLayout(tensors: ReadonlyMap<string, SafetensorsTensor>): void {
    const ordered = [...tensors].sort(([, a], [, b]) => {
      return a.byteRange[0] - b.byteRange[0] || a.byteRange[1] - b.byteRange[1];
    });
    let expected = this.#dataStart;
    for (const [name, { byteRange }] of ordered) {
      if (byteRange[0] !== expected) {
        const what = byteRange[0] < expected ? "overlaps another tensor" : "leaves a hole before it";
        this.#fail(`tensor ${name}`, `${what}: starts at byte ${byteRange[0]}, expected ${expected}`, name);
      }
      expected = byteRange[1];
    }
    if (expected !== this.#file.size) {
      const why = `ends at byte ${expected} by the header, the file has ${this.#file.size} bytes`;
      throw badSafetensors(this.#file.path, "data", why, expected);
    }
  }
}

/** Colons outside strings of valid JSON: one per key written. */
function countColons(json: Buffer): number {
  let count = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === 0x22) isInString = !isInString;
    else if (byte === 0x5c) at++;
    else if (byte === 0x3a && !isInString) count++;
  }
  return count;
}
