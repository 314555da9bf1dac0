/** @file Writes small GGUF files: metadata and F32 tensors, version 3, little-endian, aligned. */
import type { GgufMetadata, GgufScalar, GgufTypedArray, GgufValue } from "./gguf-metadata.js";
import { DEFAULT_ALIGNMENT, GGUF_MAGIC, ValueType } from "./gguf-types.js";

export interface TensorToWrite {
  name: string;
  /** Fastest dimension first, as GGUF wants it. */
  dimensions: readonly number[];
  data: Float32Array;
}

/** Shorthands for metadata values. */
export const gguf = {
  string: (value: string): GgufValue => ({ type: ValueType.STRING, value }),
  uint32: (value: number): GgufValue => ({ type: ValueType.UINT32, value }),
  float32: (value: number): GgufValue => ({ type: ValueType.FLOAT32, value }),
  bool: (value: boolean): GgufValue => ({ type: ValueType.BOOL, value }),
  strings: (value: string[]): GgufValue => ({ type: ValueType.ARRAY, elementType: ValueType.STRING, value }),
  int32s: (value: readonly number[]): GgufValue => ({
    type: ValueType.ARRAY,
    elementType: ValueType.INT32,
    value: Int32Array.from(value),
  }),
};

/** The bytes of a file with these keys and tensors, in their order. */
export function encodeGguf(
  metadata: GgufMetadata,
  tensors: readonly TensorToWrite[],
  alignment: number = DEFAULT_ALIGNMENT,
): Buffer {
  const parts: Buffer[] = [u32(GGUF_MAGIC), u32(3), u64(tensors.length), u64(metadata.size)];
  for (const [key, entry] of metadata) parts.push(text(key), ...encodeValue(entry));
  let offset = 0;
  const data: Buffer[] = [];
  for (const tensor of tensors) {
    const elements = tensor.dimensions.reduce((product, length) => product * length, 1);
    if (elements !== tensor.data.length) {
      throw new RangeError(
        `tensor ${tensor.name}: ${tensor.data.length} numbers for ${tensor.dimensions.join(" × ")}`,
      );
    }
    parts.push(
      text(tensor.name),
      u32(tensor.dimensions.length),
      ...tensor.dimensions.map(u64),
      u32(0),
      u64(offset),
    );
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    data.push(bytes, padding(bytes.length, alignment));
    offset = roundUp(offset + bytes.length, alignment);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat(tensors.length > 0 ? [header, padding(header.length, alignment), ...data] : [header]);
}

function encodeValue(entry: GgufValue): Buffer[] {
  if (entry.type !== ValueType.ARRAY) return [u32(entry.type), encodeScalar(entry.type, entry.value)];
  const head = [u32(ValueType.ARRAY), u32(entry.elementType), u64(entry.value.length)];
  if (entry.elementType === ValueType.STRING) return [...head, ...(entry.value as string[]).map(text)];
  const { buffer, byteOffset, byteLength } = entry.value as GgufTypedArray;
  return [...head, Buffer.from(buffer, byteOffset, byteLength)];
}

function encodeScalar(type: ValueType, value: GgufScalar): Buffer {
  const out = Buffer.alloc(8);
  switch (type) {
    case ValueType.STRING:
      return text(value as string);
    case ValueType.BOOL:
      return Buffer.of(value ? 1 : 0);
    case ValueType.UINT8:
    case ValueType.INT8:
      return Buffer.of(Number(value) & 0xff);
    case ValueType.UINT16:
    case ValueType.INT16:
      out.writeUInt16LE(Number(value) & 0xffff);
      return out.subarray(0, 2);
    case ValueType.UINT32:
    case ValueType.INT32:
      out.writeUInt32LE(Number(value) >>> 0);
      return out.subarray(0, 4);
    case ValueType.FLOAT32:
      out.writeFloatLE(Number(value));
      return out.subarray(0, 4);
    case ValueType.FLOAT64:
      out.writeDoubleLE(Number(value));
      return out;
    default:
      out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as bigint)));
      return out;
  }
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

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function padding(length: number, alignment: number): Buffer {
  return Buffer.alloc(roundUp(length, alignment) - length);
}
