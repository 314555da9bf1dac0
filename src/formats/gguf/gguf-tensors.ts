/** @file Tensor infos of a GGUF file and the layout of the data behind them, checked in BigInt arithmetic. */
import type { GgufCursor } from "./gguf-reader.js";
import { LIMITS, TENSOR_TYPES, type TensorType } from "./gguf-types.js";

export interface GgufTensor {
  name: string;
  /** Sizes in the order of the file, fastest dimension first. */
  dimensions: number[];
  type: TensorType;
  /** From the start of the data section. */
  offset: number;
  sizeBytes: number;
  elementCount: number;
}

const MAX_INT64 = 2n ** 63n - 1n;

/** Reads `count` tensor infos, noting their bytes in `places`. @throws {FormatError} on any that no reader accepts. */
export function readTensorInfos(
  cursor: GgufCursor,
  count: bigint,
  places: Map<string, number>,
): GgufTensor[] {
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  for (let index = 0; index < Number(count); index++) {
    const start = Number(cursor.position);
    const name = cursor.string(`tensor ${index} name`, LIMITS.keyBytes);
    if (name === "") cursor.fail(`tensor ${index}`, "has an empty name");
    if (name.includes("\0")) cursor.fail(`tensor ${index}`, "has NUL in its name");
    if (Buffer.byteLength(name) > LIMITS.tensorNameBytes) {
      cursor.fail(`tensor ${index}`, `has a name longer than ${LIMITS.tensorNameBytes} bytes`);
    }
    if (names.has(name)) cursor.fail(`tensor ${name}`, "appears twice");
    names.add(name);
    places.set(`tensor ${name}`, start);
    tensors.push(readTensorInfo(cursor, name));
  }
  return tensors;
}

function readTensorInfo(cursor: GgufCursor, name: string): GgufTensor {
  const field = `tensor ${name}`;
  const rank = cursor.u32(field);
  if (rank < 1 || rank > LIMITS.dimensions) {
    cursor.fail(field, `has ${rank} dimensions, must be 1 to ${LIMITS.dimensions}`);
  }
  const dimensions: bigint[] = [];
  let elements = 1n;
  for (let axis = 0; axis < rank; axis++) {
    const length = cursor.i64(field);
    if (length <= 0n) cursor.fail(field, `dimension ${axis} is ${length}`);
    elements *= length;
    if (elements > MAX_INT64) cursor.fail(field, "has more elements than 2^63");
    dimensions.push(length);
  }
  const typeId = cursor.i32(field);
  const type = TENSOR_TYPES.get(typeId);
  if (!type)
    cursor.fail(field, `has unknown tensor type ${typeId}, known are ${[...TENSOR_TYPES.keys()].join(", ")}`);
  const [row] = dimensions as [bigint];
  if (row % BigInt(type.blockSize) !== 0n) {
    cursor.fail(
      field,
      `rows of ${row} elements are no multiple of ${type.name}'s block of ${type.blockSize}`,
    );
  }
  const bytes = (elements / BigInt(type.blockSize)) * BigInt(type.blockBytes);
  // Also what keeps the numbers below inside the safe integers.
  if (bytes > cursor.size) cursor.fail(field, `needs ${bytes} bytes, the whole file has ${cursor.size}`);
  const offset = cursor.u64(field);
  if (offset > cursor.size)
    cursor.fail(field, `offset ${offset} is beyond the end of the file of ${cursor.size} bytes`);
  return {
    name,
    dimensions: dimensions.map(Number),
    type,
    offset: Number(offset),
    sizeBytes: Number(bytes),
    elementCount: Number(elements),
  };
}

/**
 * Tensors lie one after another in the order of their infos, each padded to the alignment: anything else
 * overlaps, leaves holes or is misaligned, and llama.cpp refuses it.
 * @returns the number of bytes the data section needs (the last tensor unpadded).
 * @throws {FormatError}
 */
export function checkLayout(
  cursor: GgufCursor,
  tensors: readonly GgufTensor[],
  dataStart: bigint,
  alignment: number,
): bigint {
  const step = BigInt(alignment);
  let expected = 0n;
  let end = 0n;
  for (const tensor of tensors) {
    const offset = BigInt(tensor.offset);
    if (offset % step !== 0n)
      cursor.fail(`tensor ${tensor.name}`, `offset ${offset} is not aligned to ${alignment}`);
    if (offset !== expected) {
      const what = offset < expected ? "overlaps the tensor before it" : "leaves a hole before it";
      cursor.fail(`tensor ${tensor.name}`, `${what}: offset ${offset}, expected ${expected}`);
    }
    end = offset + BigInt(tensor.sizeBytes);
    if (dataStart + end > cursor.size) {
      cursor.fail(`tensor ${tensor.name}`, `ends at byte ${dataStart + end}, the file has ${cursor.size}`);
    }
    expected = ((end + step - 1n) / step) * step;
  }
  return end;
}
