/** @file The door to the dequantisers: tensor bytes of a GGUF type to float32. */
import { UnsupportedModelError } from "../../core/errors.js";
import { TENSOR_TYPES_BY_NAME } from "../gguf/gguf-types.js";
import { CODED_QUANTS } from "./dequantize-coded.js";
import { K_QUANTS } from "./dequantize-k.js";
import { LEGACY_QUANTS } from "./dequantize-legacy.js";
import { type Dequantizers, decodeBfloat16, decodeFloat16 } from "./half-float.js";

const DEQUANTIZERS = {
  F32: (bytes, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes),
  F16: (bytes, out) => void decodeFloat16(pairsOf(bytes), out),
  BF16: (bytes, out) => void decodeBfloat16(pairsOf(bytes), out),
  ...LEGACY_QUANTS,
  ...K_QUANTS,
  ...CODED_QUANTS,
} as const satisfies Dequantizers;

/** Tensor types whose numbers can be read. */
type DequantizableType = keyof typeof DEQUANTIZERS;

/** Whether dequantize() knows the type; names as in TENSOR_TYPES, such as `Q4_K`. */
export function isDequantizable(typeName: string): typeName is DequantizableType {
  return Object.hasOwn(DEQUANTIZERS, typeName);
}

/**
 * Turns the bytes of whole blocks into the numbers they stand for, bit for bit those of ggml's own decoders.
 * @param bytes little-endian, any byte alignment
 * @param out exactly as many numbers as the blocks hold
 * @throws {UnsupportedModelError} naming a type that is not supported
 * @throws {RangeError} when the lengths do not fit each other or the block size
 */
export function dequantize(typeName: string, bytes: Uint8Array, out: Float32Array): void {
  const type = TENSOR_TYPES_BY_NAME.get(typeName);
  if (!type || !isDequantizable(typeName)) {
    throw new UnsupportedModelError(`tensor type ${typeName} cannot be dequantised`, {
      hint: `choose a file with other types; supported are ${Object.keys(DEQUANTIZERS).join(", ")}`,
    });
  }
  const blocks = out.length / type.blockSize;
  if (!Number.isInteger(blocks) || bytes.length !== blocks * type.blockBytes) {
    const block = `${type.blockBytes} bytes for ${type.blockSize}`;
    throw new RangeError(`${bytes.length} bytes for ${out.length} numbers, but ${typeName} takes ${block}`);
  }
  DEQUANTIZERS[typeName](bytes, out);
}

/** A view of 16-bit words; a copy where the bytes start at an odd place. */
function pairsOf(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}
