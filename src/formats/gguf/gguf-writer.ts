/** @file Writes GGUF files: version 3, little-endian, aligned; small ones in memory, large ones tensor by tensor. */

import { type QuantizedType, quantize } from "../quant/quantize.js";
import { writeStreamed } from "../write-streamed.js";
import {
  encodeHeader,
  type PlacedTensor,
  padding,
  placeTensors,
  type TensorHead,
} from "./gguf-header-writer.js";
import type { GgufMetadata, GgufValue } from "./gguf-metadata.js";
import { DEFAULT_ALIGNMENT, ValueType } from "./gguf-types.js";

/** Numbers, which are turned into the tensor's type (F32, F16, BF16, Q8_0), or stored bytes of any type. */
type TensorData = Float32Array | Uint8Array;

export interface TensorToWrite {
  name: string;
  /** Fastest dimension first, as GGUF wants it. */
  dimensions: readonly number[];
  /** Default `F32`. */
  typeName?: string | undefined;
  data: TensorData;
}

/** Tensor for writeGguf(), whose numbers are asked for when it is its turn. */
export interface TensorToStream {
  name: string;
  /** Row-major: `[out, in]` for a weight, as GgufFileTensor has it. */
  shape: readonly number[];
  /** Name of the type, such as `Q8_0`; all names are in TENSOR_TYPES. */
  typeName: string;
  /** Called once, when all tensors before it are written: all data, or pieces of whole rows in their order. */
  data: () => TensorData | Iterable<TensorData>;
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

const QUANTIZED: ReadonlySet<string> = new Set<QuantizedType>(["F32", "F16", "BF16", "Q8_0"]);

/**
 * The bytes of a file with these keys and tensors, in their order.
 * @throws {RangeError} on tensors that no reader accepts, and data that does not fit dimensions and type
 */
export function encodeGguf(
  metadata: GgufMetadata,
  tensors: readonly TensorToWrite[],
  alignment: number = DEFAULT_ALIGNMENT,
): Buffer {
  const sources = tensors.map(({ name, dimensions, typeName = "F32", data }) => {
    return { name, dimensions, typeName, data: () => data };
  });
  return Buffer.concat([...filePieces(metadata, sources, alignment)]);
}

/**
 * Writes a file of any size; one tensor (or one piece of it) is in memory at a time. The file appears under its
 * name when it is complete; until then, and after an error, a file that was there before stays.
 * `general.alignment` is obeyed where the metadata has it.
 * @throws {RangeError} on tensors that no reader accepts, and data that does not fit shape and type
 * @throws {StorageError} naming the file and the reason (full disk, no permission, read-only)
 */
export async function writeGguf(
  path: string,
  metadata: GgufMetadata,
  tensors: readonly TensorToStream[],
): Promise<void> {
  const sources = tensors.map(({ shape, ...rest }) => ({ ...rest, dimensions: shape.toReversed() }));
  const alignment = Number(metadata.get("general.alignment")?.value ?? DEFAULT_ALIGNMENT);
  await writeStreamed(path, async (write) => {
    for (const piece of filePieces(metadata, sources, alignment)) await write(piece);
  });
}

/** A file from its first byte to its last. */
function* filePieces(
  metadata: GgufMetadata,
  tensors: readonly (TensorHead & Pick<TensorToStream, "data">)[],
  alignment: number,
): Generator<Uint8Array> {
  const placed = placeTensors(tensors, alignment);
  yield encodeHeader(metadata, placed, alignment);
  for (const [index, tensor] of placed.entries()) {
    const data = (tensors[index] as Pick<TensorToStream, "data">).data();
    let size = 0;
    for (const piece of ArrayBuffer.isView(data) ? [data] : data) {
      const bytes = storedBytes(tensor, piece);
      size += bytes.length;
      // Checked on the way too: an endless source must not fill the disk.
      if (size > tensor.sizeBytes) requireSize(tensor, size);
      yield bytes;
    }
    requireSize(tensor, size);
    yield padding(size, alignment);
  }
}

function storedBytes({ name, type }: PlacedTensor, data: TensorData): Uint8Array {
  if (!(data instanceof Float32Array)) return data;
  if (!QUANTIZED.has(type.name)) {
    throw new RangeError(`tensor ${name}: numbers cannot be written as ${type.name}; give stored bytes`);
  }
  return quantize(type.name as QuantizedType, data);
}

function requireSize({ name, dimensions, type, sizeBytes }: PlacedTensor, found: number): void {
  if (found === sizeBytes) return;
  const expected = `${sizeBytes} for ${dimensions.join(" × ")} in ${type.name}`;
  throw new RangeError(`tensor ${name}: ${found} bytes of data, expected ${expected}`);
}
