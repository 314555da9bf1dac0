/**
 * @file Blocks of 32 weights with one float16 scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
 * Each product of a scale and a small integer is exact, so storing to float32 is the only rounding, as in ggml.
 */
import { type Dequantizers, float16At } from "./half-float.js";

/** Decoders by type; bytes and numbers of a block are those of TENSOR_TYPES. */
export const LEGACY_QUANTS = {
  /** scale f16, 16 bytes of nibbles (weight j low, weight j + 16 high): w = scale · (n − 8). */
  Q4_0(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
      const scale = float16At(bytes, at);
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 2 + j]!;
        out[to + j] = scale * ((pair & 15) - 8);
        out[to + 16 + j] = scale * ((pair >>> 4) - 8);
      }
    }
  },

  /** scale f16, minimum f16, 16 bytes of nibbles: w = scale · n + minimum. */
  Q4_1(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 20, to += 32) {
      const scale = float16At(bytes, at);
      const minimum = float16At(bytes, at + 2);
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 4 + j]!;
        out[to + j] = scale * (pair & 15) + minimum;
        out[to + 16 + j] = scale * (pair >>> 4) + minimum;
      }
    }
  },

  /** scale f16, 32 fifth bits, 16 bytes of nibbles: w = scale · (n − 16). */
  Q5_0(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 22, to += 32) {
      const scale = float16At(bytes, at);
      const high = bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 24);
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 6 + j]!;
        const fifth = high >>> j;
        out[to + j] = scale * (((pair & 15) | ((fifth & 1) << 4)) - 16);
        out[to + 16 + j] = scale * (((pair >>> 4) | ((fifth >>> 12) & 16)) - 16);
      }
    }
  },

  /** scale f16, minimum f16, 32 fifth bits, 16 bytes of nibbles: w = scale · n + minimum. */
  Q5_1(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 24, to += 32) {
      const scale = float16At(bytes, at);
      const minimum = float16At(bytes, at + 2);
      const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 8 + j]!;
        const fifth = high >>> j;
        out[to + j] = scale * ((pair & 15) | ((fifth & 1) << 4)) + minimum;
        out[to + 16 + j] = scale * ((pair >>> 4) | ((fifth >>> 12) & 16)) + minimum;
      }
    }
  },

  /** scale f16, 32 signed bytes: w = scale · n. */
  Q8_0(bytes, out) {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0, to = 0; to < out.length; at += 34, to += 32) {
      const scale = float16At(bytes, at);
      for (let j = 0; j < 32; j++) out[to + j] = scale * signed[at + 2 + j]!;
    }
  },
} as const satisfies Dequantizers;
