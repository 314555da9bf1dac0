/**
 * @file K-quants: blocks of 256 weights in 16 or 8 groups, whose scales are small integers times a float16.
 * All products below have at most 25 bits, so doubles hold them exactly and storing rounds once, as in ggml.
 */
import { type Dequantizers, float16At } from "./half-float.js";

const BLOCK = 256;

/** The 6-bit scale of group 0–7 in the 12 bytes at `at` of Q4_K and Q5_K. */
function scaleAt(bytes: Uint8Array, at: number, group: number): number {
  return group < 4
    ? bytes[at + group]! & 63
    : (bytes[at + group + 4]! & 15) | ((bytes[at + group - 4]! >>> 6) << 4);
}

/** The 6-bit minimum of group 0–7, likewise. */
function minimumAt(bytes: Uint8Array, at: number, group: number): number {
  return group < 4
    ? bytes[at + group + 4]! & 63
    : (bytes[at + group + 4]! >>> 4) | ((bytes[at + group]! >>> 6) << 4);
}

/** Decoders by type; bytes and numbers of a block are those of TENSOR_TYPES. */
export const K_QUANTS = {
  /** 16 bytes (scale, minimum as nibbles), 64 bytes of 2-bit n, scale f16, minimum f16: w = d·s·n − dmin·m. */
  Q2_K(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 84) {
      const d = float16At(bytes, at + 80);
      const dmin = float16At(bytes, at + 82);
      for (let group = 0; group < 16; group++, to += 16) {
        const packed = bytes[at + group]!;
        const scale = d * (packed & 15);
        const minimum = dmin * (packed >>> 4);
        // Groups 0–7 share the first 32 bytes: even ones the first 16, each pair two bits further up.
        const from = at + 16 + ((group >>> 3) << 5) + ((group & 1) << 4);
        const shift = group & 6;
        for (let j = 0; j < 16; j++) out[to + j] = scale * ((bytes[from + j]! >>> shift) & 3) - minimum;
      }
    }
  },

  /** 32 bytes of high bits, 64 of 2-bit n, 12 of 6-bit scales, scale f16: w = d · (s − 32) · (n − 4·[bit clear]). */
  Q3_K(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 110) {
      const d = float16At(bytes, at + 108);
      for (let group = 0; group < 16; group++, to += 16) {
        const low = bytes[at + 96 + (group & 7)]! >>> ((group >>> 3) << 2);
        const high = bytes[at + 104 + (group & 3)]! >>> ((group >>> 2) << 1);
        const scale = d * (((low & 15) | ((high & 3) << 4)) - 32);
        const mask = at + ((group & 1) << 4);
        const from = mask + 32 + ((group >>> 3) << 5);
        const shift = group & 6;
        const bit = group >>> 1;
        for (let j = 0; j < 16; j++) {
          const third = ((bytes[mask + j]! >>> bit) & 1) << 2;
          out[to + j] = scale * (((bytes[from + j]! >>> shift) & 3) + third - 4);
        }
      }
    }
  },

  /** scale f16, minimum f16, 12 bytes of 6-bit pairs, 128 bytes of nibbles: w = d·s·n − dmin·m. */
  Q4_K(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 144) {
      const d = float16At(bytes, at);
      const dmin = float16At(bytes, at + 2);
      for (let group = 0; group < 8; group += 2, to += 64) {
        const scale1 = d * scaleAt(bytes, at + 4, group);
        const minimum1 = dmin * minimumAt(bytes, at + 4, group);
        const scale2 = d * scaleAt(bytes, at + 4, group + 1);
        const minimum2 = dmin * minimumAt(bytes, at + 4, group + 1);
        const from = at + 16 + (group << 4);
        for (let j = 0; j < 32; j++) {
          const pair = bytes[from + j]!;
          out[to + j] = scale1 * (pair & 15) - minimum1;
          out[to + 32 + j] = scale2 * (pair >>> 4) - minimum2;
        }
      }
    }
  },

  /** Blocks laid out like Q4_K, with 32 bytes of fifth bits (bit g belongs to group g) before the nibbles. */
  Q5_K(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 176) {
      const d = float16At(bytes, at);
      const dmin = float16At(bytes, at + 2);
      for (let group = 0; group < 8; group += 2, to += 64) {
        const scale1 = d * scaleAt(bytes, at + 4, group);
        const minimum1 = dmin * minimumAt(bytes, at + 4, group);
        const scale2 = d * scaleAt(bytes, at + 4, group + 1);
        const minimum2 = dmin * minimumAt(bytes, at + 4, group + 1);
        const from = at + 48 + (group << 4);
        for (let j = 0; j < 32; j++) {
          const pair = bytes[from + j]!;
          const fifth = bytes[at + 16 + j]! >>> group;
          out[to + j] = scale1 * ((pair & 15) | ((fifth & 1) << 4)) - minimum1;
          out[to + 32 + j] = scale2 * ((pair >>> 4) | ((fifth & 2) << 3)) - minimum2;
        }
      }
    }
  },

  /** 128 bytes of nibbles, 64 of 2-bit tops, 16 signed scales, scale f16: w = d · s · (n − 32). */
  Q6_K(bytes, out) {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0, to = 0; to < out.length; at += 210, to += BLOCK) {
      const d = float16At(bytes, at + 208);
      for (let part = 0; part < 4; part++) {
        // 16 weights of each of four groups of 32 lie in the same bytes.
        const start = (part & 1) << 4;
        const low = at + ((part >>> 1) << 6) + start;
        const top = at + 128 + ((part >>> 1) << 5) + start;
        const scales = at + 192 + ((part >>> 1) << 3) + (part & 1);
        const scale1 = d * signed[scales]!;
        const scale2 = d * signed[scales + 2]!;
        const scale3 = d * signed[scales + 4]!;
        const scale4 = d * signed[scales + 6]!;
        const first = to + ((part >>> 1) << 7) + start;
        for (let j = 0; j < 16; j++) {
          const a = bytes[low + j]!;
          const b = bytes[low + 32 + j]!;
          const tops = bytes[top + j]!;
          out[first + j] = scale1 * (((a & 15) | ((tops & 3) << 4)) - 32);
          out[first + 32 + j] = scale2 * (((b & 15) | ((tops & 12) << 2)) - 32);
          out[first + 64 + j] = scale3 * (((a >>> 4) | (tops & 48)) - 32);
          out[first + 96 + j] = scale4 * (((b >>> 4) | ((tops & 192) >>> 2)) - 32);
        }
      }
    }
  },
} as const satisfies Dequantizers;
