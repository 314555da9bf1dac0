/** @file Metadata of a GGUF file: typed values in a Map, so that no key can touch a prototype. */
import type { GgufCursor } from "./gguf-reader.js";
import { LIMITS, NUMBER_ARRAYS, type NumberType, ValueType } from "./gguf-types.js";

export type GgufScalar = number | bigint | boolean | string;
export type GgufTypedArray = InstanceType<(typeof NUMBER_ARRAYS)[NumberType]>;

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
  if (type !== ValueType.ARRAY) return readScalar(cursor, key, scalarType(cursor, key, type));
  const element = cursor.i32(key);
  if (element === ValueType.ARRAY) cursor.fail(key, "is an array of arrays, which no reader accepts");
  const elementType = scalarType(cursor, key, element);
  const length = cursor.u64(key);
  const minimumBytes = elementType === ValueType.STRING ? 8 : NUMBER_ARRAYS[elementType].BYTES_PER_ELEMENT;
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

function scalarType(cursor: GgufCursor, key: string, type: number): NumberType | typeof ValueType.STRING {
  if (type !== ValueType.STRING && !Object.hasOwn(NUMBER_ARRAYS, type)) {
    cursor.fail(key, `has unknown value type ${type}`);
  }
  return type as NumberType;
}

function readScalar(cursor: GgufCursor, key: string, type: NumberType | typeof ValueType.STRING): GgufValue {
  if (type === ValueType.STRING) {
    const isTemplate = key.startsWith("tokenizer.chat_template");
    return { type, value: cursor.string(key, isTemplate ? LIMITS.chatTemplateBytes : LIMITS.stringBytes) };
  }
  const value = typedArray(cursor, key, type, 1)[0] as number | bigint;
  if (type !== ValueType.BOOL) return { type, value };
  if (value > 1) cursor.fail(key, `is a bool with value ${value}`);
  return { type, value: value === 1 };
}

function readNumbers(cursor: GgufCursor, key: string, type: NumberType, length: number): GgufTypedArray {
  const numbers = typedArray(cursor, key, type, length);
  const bad = type === ValueType.BOOL ? (numbers as Uint8Array).findIndex((flag) => flag > 1) : -1;
  if (bad >= 0) cursor.fail(key, `element ${bad} is a bool with value ${numbers[bad]}`);
  return numbers;
}

/** A copy: the window is reused, and typed arrays need an aligned start. */
function typedArray(cursor: GgufCursor, key: string, type: NumberType, length: number): GgufTypedArray {
  const { BYTES_PER_ELEMENT: size } = NUMBER_ARRAYS[type];
  return new NUMBER_ARRAYS[type](new Uint8Array(cursor.bytes(length * size, key)).buffer);
}

/** The string under a key; undefined where it is absent or of another type. */
export function stringValue(metadata: GgufMetadata, key: string): string | undefined {
  const entry = metadata.get(key);
  return entry?.type === ValueType.STRING ? (entry.value as string) : undefined;
}

/** The integer under a key; undefined where it is absent or of another type. */
export function integerValue(metadata: GgufMetadata, key: string): number | undefined {
  const entry = metadata.get(key);
  const isFloat = entry?.type === ValueType.FLOAT32 || entry?.type === ValueType.FLOAT64;
  const isNumber = typeof entry?.value === "number" || typeof entry?.value === "bigint";
  return isNumber && !isFloat ? Number(entry.value) : undefined;
}

/** The strings under a key; undefined where it is absent or of another type. */
export function stringsValue(metadata: GgufMetadata, key: string): string[] | undefined {
  const entry = metadata.get(key);
  return entry?.type === ValueType.ARRAY && entry.elementType === ValueType.STRING
    ? (entry.value as string[])
    : undefined;
}
