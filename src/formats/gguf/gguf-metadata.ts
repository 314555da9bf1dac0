/** @file Metadata of a GGUF file: typed values in a Map, so that no key can touch a prototype. */
import type { GgufCursor } from "./gguf-reader.js";
import { LIMITS, SCALAR_SIZE, ValueType } from "./gguf-types.js";

export type GgufScalar = number | bigint | boolean | string;
export type GgufTypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export type GgufValue =
  | { type: Exclude<ValueType, 9>; value: GgufScalar }
  | { type: 9; elementType: Exclude<ValueType, 9>; value: string[] | GgufTypedArray };

export type GgufMetadata = Map<string, GgufValue>;

/** Reads `count` key-value pairs and notes the byte of each in `places`. @throws {FormatError} */
export function readMetadata(cursor: GgufCursor, count: bigint, places: Map<string, number>): GgufMetadata {
  const metadata: GgufMetadata = new Map();
  for (let index = 0; index < Number(count); index++) {
    const start = Number(cursor.position);
    const key = cursor.string(`key ${index}`, LIMITS.keyBytes);
    if (key === "") cursor.fail(`key ${index}`, "is empty");
    if (key.includes("\0")) cursor.fail(`key ${index}`, "contains NUL");
    if (metadata.has(key)) cursor.fail(key, "appears twice");
    places.set(key, start);
    metadata.set(key, readValue(cursor, key));
  }
  return metadata;
}

function readValue(cursor: GgufCursor, key: string): GgufValue {
  const type = cursor.i32(key);
  if (type !== ValueType.ARRAY)
    return { type: scalarType(cursor, key, type), value: readScalar(cursor, key, type) };
  const element = cursor.i32(key);
  if (element === ValueType.ARRAY) cursor.fail(key, "is an array of arrays, which no reader accepts");
  const elementType = scalarType(cursor, key, element);
  const length = cursor.u64(key);
  const minimumBytes = elementType === ValueType.STRING ? 8 : (SCALAR_SIZE[elementType] as number);
  if (length * BigInt(minimumBytes) > cursor.left) {
    cursor.fail(key, `claims ${length} elements, the file has ${cursor.left} bytes left`);
  }
  if (length > BigInt(LIMITS.arrayElements)) {
    cursor.fail(key, `claims ${length} elements, the limit is ${LIMITS.arrayElements}`);
  }
  cursor.require(length, minimumBytes, key);
  const value =
    elementType === ValueType.STRING
      ? Array.from({ length: Number(length) }, (_, i) => cursor.string(`${key}[${i}]`, LIMITS.stringBytes))
      : readNumbers(cursor, key, elementType, Number(length));
  return { type: ValueType.ARRAY, elementType, value };
}

function scalarType(cursor: GgufCursor, key: string, type: number): Exclude<ValueType, 9> {
  if (type !== ValueType.STRING && SCALAR_SIZE[type] === undefined) {
    cursor.fail(key, `has unknown value type ${type}`);
  }
  return type as Exclude<ValueType, 9>;
}

function readScalar(cursor: GgufCursor, key: string, type: number): GgufScalar {
  if (type === ValueType.STRING) {
    const isTemplate = key.startsWith("tokenizer.chat_template");
    return cursor.string(key, isTemplate ? LIMITS.chatTemplateBytes : LIMITS.stringBytes);
  }
  const bytes = cursor.bytes(SCALAR_SIZE[type] as number, key);
  switch (type) {
    case ValueType.UINT8:
      return bytes.readUInt8(0);
    case ValueType.INT8:
      return bytes.readInt8(0);
    case ValueType.UINT16:
      return bytes.readUInt16LE(0);
    case ValueType.INT16:
      return bytes.readInt16LE(0);
    case ValueType.UINT32:
      return bytes.readUInt32LE(0);
    case ValueType.INT32:
      return bytes.readInt32LE(0);
    case ValueType.FLOAT32:
      return bytes.readFloatLE(0);
    case ValueType.BOOL: {
      const flag = bytes.readUInt8(0);
      if (flag > 1) cursor.fail(key, `is a bool with value ${flag}`);
      return flag === 1;
    }
    case ValueType.UINT64:
      return bytes.readBigUInt64LE(0);
    case ValueType.INT64:
      return bytes.readBigInt64LE(0);
    default:
      return bytes.readDoubleLE(0);
  }
}

function readNumbers(cursor: GgufCursor, key: string, type: number, length: number): GgufTypedArray {
  const bytes = cursor.bytes(length * (SCALAR_SIZE[type] as number), key);
  // A copy: the window is reused, and typed arrays need an aligned start.
  const buffer = new Uint8Array(bytes).buffer;
  switch (type) {
    case ValueType.UINT8:
      return new Uint8Array(buffer);
    case ValueType.INT8:
      return new Int8Array(buffer);
    case ValueType.UINT16:
      return new Uint16Array(buffer);
    case ValueType.INT16:
      return new Int16Array(buffer);
    case ValueType.UINT32:
      return new Uint32Array(buffer);
    case ValueType.INT32:
      return new Int32Array(buffer);
    case ValueType.FLOAT32:
      return new Float32Array(buffer);
    case ValueType.BOOL: {
      const flags = new Uint8Array(buffer);
      const bad = flags.findIndex((flag) => flag > 1);
      if (bad >= 0) cursor.fail(key, `element ${bad} is a bool with value ${flags[bad]}`);
      return flags;
    }
    case ValueType.UINT64:
      return new BigUint64Array(buffer);
    case ValueType.INT64:
      return new BigInt64Array(buffer);
    default:
      return new Float64Array(buffer);
  }
}

/** The string under a key; undefined where it is absent or of another type. */
export function stringValue(metadata: GgufMetadata, key: string): string | undefined {
  const entry = metadata.get(key);
  return entry?.type === ValueType.STRING ? (entry.value as string) : undefined;
}

const INTEGER_TYPES: ReadonlySet<number> = new Set([
  ValueType.UINT8,
  ValueType.INT8,
  ValueType.UINT16,
  ValueType.INT16,
  ValueType.UINT32,
  ValueType.INT32,
  ValueType.UINT64,
  ValueType.INT64,
]);

/** The integer under a key; undefined where it is absent or of another type. */
export function integerValue(metadata: GgufMetadata, key: string): number | undefined {
  const entry = metadata.get(key);
  return entry && INTEGER_TYPES.has(entry.type) ? Number(entry.value) : undefined;
}

/** The strings under a key; undefined where it is absent or of another type. */
export function stringsValue(metadata: GgufMetadata, key: string): string[] | undefined {
  const entry = metadata.get(key);
  return entry?.type === ValueType.ARRAY && entry.elementType === ValueType.STRING
    ? (entry.value as string[])
    : undefined;
}
