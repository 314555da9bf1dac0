/** @file The header of a GGUF file to be written: metadata, tensor infos, and where the tensors will lie. */
import type { GgufMetadata, GgufScalar, GgufTypedArray, GgufValue } from "./gguf-metadata.js";
import {
  GGUF_MAGIC,
  LIMITS,
  NUMBER_ARRAYS,
  TENSOR_TYPES_BY_NAME,
  type TensorType,
  ValueType,
} from "./gguf-types.js";

/** A tensor before its data is known. */
export interface TensorHead {
  name: string;
  /** Fastest dimension first, as GGUF wants it. */
  dimensions: readonly number[];
  /** Name of the type, such as `F32`; all names are in TENSOR_TYPES. */
  typeName: string;
}

export interface PlacedTensor extends Omit<TensorHead, "typeName"> {
  type: TensorType;
  sizeBytes: number;
  /** From the start of the data section. */
  offset: number;
}

/** One tensor after the other, each at a multiple of `alignment`. @throws {RangeError} on what no reader accepts */
export function placeTensors(heads: readonly TensorHead[], alignment: number): PlacedTensor[] {
  const names = new Set<string>();
  let offset = 0;
  return heads.map(({ name, dimensions, typeName }) => {
    const length = Buffer.byteLength(name);
    if (length === 0 || length > LIMITS.tensorNameBytes || name.includes("\0")) {
      throw new RangeError(`tensor name ${JSON.stringify(name)}: must have 1 to 63 bytes, none of them 0`);
    }
    if (names.has(name)) throw new RangeError(`tensor ${name} is given twice`);
    names.add(name);
    const type = TENSOR_TYPES_BY_NAME.get(typeName);
    if (!type) throw new RangeError(`tensor ${name}: type ${typeName} is unknown`);
    const [row = 0] = dimensions;
    const areRight =
      dimensions.length <= LIMITS.dimensions &&
      dimensions.every((size) => Number.isSafeInteger(size) && size > 0);
    if (!areRight || row === 0 || row % type.blockSize !== 0) {
      const rule = `1 to 4 positive sizes, the first a multiple of ${type.blockSize} for ${typeName}`;
      throw new RangeError(`tensor ${name}: dimensions ${dimensions.join(" × ")}, expected ${rule}`);
    }
    const elements = dimensions.reduce((product, size) => product * size, 1);
    const sizeBytes = (elements / type.blockSize) * type.blockBytes;
    const placed = { name, dimensions, type, sizeBytes, offset };
    offset = roundUp(offset + sizeBytes, alignment);
    return placed;
  });
}

/** Everything before the first tensor, padding included. */
export function encodeHeader(
  metadata: GgufMetadata,
  tensors: readonly PlacedTensor[],
  alignment: number,
): Buffer {
  const parts: Buffer[] = [u32(GGUF_MAGIC), u32(3), u64(tensors.length), u64(metadata.size)];
  // One part per value: a vocabulary's tokens are more arguments than a call may have.
  for (const [key, entry] of metadata) parts.push(text(key), encodeValue(entry));
  for (const { name, dimensions, type, offset } of tensors) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type.id), u64(offset));
  }
  const header = Buffer.concat(parts);
  return tensors.length > 0 ? Buffer.concat([header, padding(header.length, alignment)]) : header;
}

function encodeValue(entry: GgufValue): Buffer {
  if (entry.type !== ValueType.ARRAY)
    return Buffer.concat([u32(entry.type), encodeScalar(entry.type, entry.value)]);
  const head = [u32(ValueType.ARRAY), u32(entry.elementType), u64(entry.value.length)];
  if (entry.elementType === ValueType.STRING) {
    return Buffer.concat(head.concat((entry.value as string[]).map(text)));
  }
  const { buffer, byteOffset, byteLength } = entry.value as GgufTypedArray;
  return Buffer.concat([...head, Buffer.from(buffer, byteOffset, byteLength)]);
}

function encodeScalar(type: Exclude<ValueType, 9>, value: GgufScalar): Buffer {
  if (type === ValueType.STRING) return text(value as string);
  const isWide = type === ValueType.UINT64 || type === ValueType.INT64;
  // One element: a number is cut to its type as a typed array does it.
  const numbers = new NUMBER_ARRAYS[type](1) as { [index: number]: number | bigint; buffer: ArrayBuffer };
  numbers[0] = isWide ? BigInt(value) : Number(value);
  return Buffer.from(numbers.buffer);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** The next multiple of `step`. */
function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** Zeros that bring `length` to a multiple of `alignment`. */
export function padding(length: number, alignment: number): Buffer {
  return Buffer.alloc(roundUp(length, alignment) - length);
}
