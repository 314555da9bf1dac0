/** @file Writes safetensors files: aligned, without holes, complete or not at all. */
import { encodeBfloat16, encodeFloat16 } from "../quant/half-float.js";
import { writeStreamed } from "../write-streamed.js";
import { DTYPE_BYTES } from "./safetensors-header.js";

interface SafetensorsTensorToWrite {
  dtype: "F32" | "F16" | "BF16" | "I32" | "I64" | "U8";
  /** Row-major; empty for a single number. */
  shape: readonly number[];
  /** Numbers, which are turned into the dtype (floats for F32, F16, BF16), or its little-endian bytes. */
  data: Float32Array | Int32Array | Uint8Array;
}

export interface SafetensorsContent {
  /** Entries under `__metadata__`, such as `format: "pt"`. Default: none. */
  metadata?: ReadonlyMap<string, string> | undefined;
  tensors: ReadonlyMap<string, SafetensorsTensorToWrite>;
}

/**
 * Writes a file; it appears under its name when it is complete. Tensors lie in the order given, those with
 * larger numbers first, so that each is aligned to its own numbers.
 * @throws {RangeError} on data that does not fit dtype and shape, and on names that the format does not allow
 * @throws {StorageError} naming the file and the reason (full disk, no permission, read-only)
 */
export async function writeSafetensors(path: string, content: SafetensorsContent): Promise<void> {
  const { header, ordered } = encodeLayout(content);
  await writeStreamed(path, async (write) => {
    await write(header);
    for (const [name, tensor] of ordered) await write(storedBytes(name, tensor));
  });
}

/** Length and JSON of the header, padded to 8 bytes, and the tensors in the order of their data. */
function encodeLayout({ metadata, tensors }: SafetensorsContent): {
  header: Buffer;
  ordered: [string, SafetensorsTensorToWrite][];
} {
  const ordered = [...tensors].sort(([, a], [, b]) => itemBytes(b) - itemBytes(a));
  // Put together by hand: a key like __proto__ would be lost in an object.
  const members: string[] = [];
  if (metadata && metadata.size > 0) {
    const texts = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`"__metadata__":{${texts.join(",")}}`);
  }
  let begin = 0;
  for (const [name, tensor] of ordered) {
    if (name === "__metadata__" || !name.isWellFormed()) {
      throw new RangeError(`tensor name ${JSON.stringify(name)} is not allowed in a safetensors file`);
    }
    const end = begin + sizeOf(name, tensor);
    const entry = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    begin = end;
  }
  const json = Buffer.from(`{${members.join(",")}}`);
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return { header, ordered };
}

function itemBytes({ dtype }: SafetensorsTensorToWrite): number {
  return DTYPE_BYTES.get(dtype) as number;
}

function sizeOf(name: string, tensor: SafetensorsTensorToWrite): number {
  const { dtype, shape, data } = tensor;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new RangeError(`tensor ${name}: shape [${shape.join(", ")}], expected integers from 0 on`);
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const isStored = data instanceof Uint8Array;
  const isFloat = dtype === "F32" || dtype === "F16" || dtype === "BF16";
  if (!isStored && isFloat !== data instanceof Float32Array) {
    throw new RangeError(`tensor ${name}: ${data.constructor.name} cannot be written as ${dtype}`);
  }
  const expected = isStored ? elements * itemBytes(tensor) : elements;
  if (data.length !== expected) {
    const what = isStored ? "bytes" : "numbers";
    const shaped = `${dtype} of shape [${shape.join(", ")}]`;
    throw new RangeError(`tensor ${name}: ${data.length} ${what}, expected ${expected} for ${shaped}`);
  }
  return elements * itemBytes(tensor);
}

function storedBytes(name: string, { dtype, data }: SafetensorsTensorToWrite): Uint8Array {
  if (data instanceof Uint8Array) return data;
  const converted =
    data instanceof Float32Array ? convertFloats(dtype, data) : convertIntegers(name, dtype, data);
  return new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength);
}

function convertFloats(dtype: string, data: Float32Array): Float32Array | Uint16Array {
  if (dtype === "F32") return data;
  const bits = new Uint16Array(data.length);
  return dtype === "F16" ? encodeFloat16(data, bits) : encodeBfloat16(data, bits);
}

function convertIntegers(
  name: string,
  dtype: string,
  data: Int32Array,
): Int32Array | BigInt64Array | Uint8Array {
  if (dtype === "I32") return data;
  if (dtype === "I64") return BigInt64Array.from(data, BigInt);
  const bad = data.find((value) => value < 0 || value > 255);
  if (bad !== undefined) throw new RangeError(`tensor ${name}: ${bad} cannot be written as U8`);
  return Uint8Array.from(data);
}
