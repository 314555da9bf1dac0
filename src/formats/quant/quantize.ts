/** @file From float32 to the tensor types that are written: F32, F16, BF16, Q8_0. */
import { encodeBfloat16, encodeFloat16, float32ToFloat16 } from "./half-float.js";

/** Tensor types that quantize() makes. */
export type QuantizedType = "F32" | "F16" | "BF16" | "Q8_0";

const Q8_BLOCK = 32;
const Q8_BYTES = 34;

/**
 * The bytes of a tensor of this type, little-endian, bit for bit those of ggml.
 * The relative error is at most 2^-11 for F16 (from 2^-14 to 65,504), 2^-8 for BF16; for Q8_0 the absolute one
 * is at most 1/254 of the largest size in the block of 32, plus the rounding of the scale to float16.
 * @throws {RangeError} for Q8_0: when the length is no multiple of 32, or a value is not finite or too large
 */
export function quantize(typeName: QuantizedType, values: Float32Array): Uint8Array {
  switch (typeName) {
    case "F32":
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    case "F16":
      return new Uint8Array(encodeFloat16(values, new Uint16Array(values.length)).buffer);
    case "BF16":
      return new Uint8Array(encodeBfloat16(values, new Uint16Array(values.length)).buffer);
    case "Q8_0":
      return quantizeQ8_0(values);
  }
}

/** Per block: scale = largest size / 127 as f16, then 32 × round(value / scale), halves away from zero. */
function quantizeQ8_0(values: Float32Array): Uint8Array {
  if (values.length % Q8_BLOCK !== 0) {
    throw new RangeError(`${values.length} numbers are no multiple of Q8_0's block of ${Q8_BLOCK}`);
  }
  const bytes = new Uint8Array((values.length / Q8_BLOCK) * Q8_BYTES);
  const signed = new Int8Array(bytes.buffer);
  for (let from = 0, at = 0; from < values.length; from += Q8_BLOCK, at += Q8_BYTES) {
    let largest = 0;
    let sum = 0;
    for (let j = 0; j < Q8_BLOCK; j++) {
      const size = Math.abs(values[from + j]!);
      sum += size;
      if (size > largest) largest = size;
    }
    // Both are rounded to float32, because ggml divides in float32.
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const bits = float32ToFloat16(scale);
    // A NaN shows in the sum only: comparisons with it are false.
    if (!Number.isFinite(sum) || bits >= 0x7c00) {
      throw new RangeError(`block of 32 at ${from}: Q8_0 needs finite numbers below 8.3e6`);
    }
    bytes[at] = bits & 255;
    bytes[at + 1] = bits >>> 8;
    for (let j = 0; j < Q8_BLOCK; j++) {
      const scaled = Math.fround(values[from + j]! * inverse);
      const size = Math.floor(Math.abs(scaled) + 0.5);
      signed[at + 2 + j] = scaled < 0 ? -size : size;
    }
  }
  return bytes;
}
