/** @file Blocks whose weights are numbers of a code: IQ4_NL, IQ4_XS, ternary TQ1_0 and TQ2_0, MXFP4, NVFP4. */
import { type Dequantizers, float16At } from "./half-float.js";

/** The 16 levels of IQ4_NL and IQ4_XS, denser near zero. @source ggml: kvalues_iq4nl */
const NON_LINEAR = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
/** Twice the values of an e2m1 float; ggml knows no negative zero here. @source OCP Microscaling Formats 1.0 */
const DOUBLED_E2M1 = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

const POWERS_OF_3 = [1, 3, 9, 27, 81] as const;
/** First byte, bytes per run, base-3 digits per byte: the three parts of a TQ1_0 block. */
const TERNARY_RUNS = [
  [0, 32, 5],
  [32, 16, 5],
  [48, 4, 4],
] as const;

/** 2^(e − 128) by exponent byte; the smallest are subnormal floats. */
const HALVED_E8M0 = Float32Array.from({ length: 256 }, (_, bits) => 2 ** (bits - 128));

/** Half the value of an e4m3 number; the sign bit is not used, and NaN counts as 0. */
const HALVED_E4M3 = Float32Array.from({ length: 256 }, (_, bits) => {
  if ((bits & 0x7f) === 0x7f) return 0;
  const exponent = (bits >>> 3) & 15;
  const fraction = bits & 7;
  return exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11);
});

/** Decoders by type; bytes and numbers of a block are those of TENSOR_TYPES. */
export const CODED_QUANTS = {
  /** scale f16, 16 bytes of nibbles: w = scale · level[n]. */
  IQ4_NL(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 18, to += 32) {
      const scale = float16At(bytes, at);
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 2 + j]!;
        out[to + j] = scale * NON_LINEAR[pair & 15]!;
        out[to + 16 + j] = scale * NON_LINEAR[pair >>> 4]!;
      }
    }
  },

  /** scale f16, 8 scales of 6 bits (2 high bits in a u16, 4 low ones in 4 bytes), 128 bytes of nibbles. */
  IQ4_XS(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 136) {
      const d = float16At(bytes, at);
      const highs = bytes[at + 2]! | (bytes[at + 3]! << 8);
      for (let group = 0; group < 8; group++, to += 32) {
        const low = (bytes[at + 4 + (group >>> 1)]! >>> ((group & 1) << 2)) & 15;
        const scale = d * ((low | (((highs >>> (group << 1)) & 3) << 4)) - 32);
        const from = at + 8 + (group << 4);
        for (let j = 0; j < 16; j++) {
          const pair = bytes[from + j]!;
          out[to + j] = scale * NON_LINEAR[pair & 15]!;
          out[to + 16 + j] = scale * NON_LINEAR[pair >>> 4]!;
        }
      }
    }
  },

  /** 52 bytes of five (the last four: four) base-3 digits each, scale f16: w = scale · (digit − 1). */
  TQ1_0(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 54) {
      const scale = float16At(bytes, at + 52);
      for (const [first, length, digits] of TERNARY_RUNS) {
        for (let digit = 0; digit < digits; digit++, to += length) {
          const power = POWERS_OF_3[digit]!;
          // A byte is a fraction of 256; times 3^k modulo 256 it starts with digit k.
          for (let j = 0; j < length; j++) {
            const rest = (bytes[at + first + j]! * power) & 255;
            out[to + j] = scale * (((rest * 3) >>> 8) - 1);
          }
        }
      }
    }
  },

  /** 64 bytes of four 2-bit n, scale f16: w = scale · (n − 1). */
  TQ2_0(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 66) {
      const scale = float16At(bytes, at + 64);
      for (let run = 0; run < 8; run++, to += 32) {
        const from = at + ((run >>> 2) << 5);
        const shift = (run & 3) << 1;
        for (let j = 0; j < 32; j++) out[to + j] = scale * (((bytes[from + j]! >>> shift) & 3) - 1);
      }
    }
  },

  /** One exponent byte, 16 bytes of e2m1 nibbles: w = 2^(e − 128) · doubled e2m1. */
  MXFP4(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 17, to += 32) {
      const scale = HALVED_E8M0[bytes[at]!]!;
      for (let j = 0; j < 16; j++) {
        const pair = bytes[at + 1 + j]!;
        out[to + j] = scale * DOUBLED_E2M1[pair & 15]!;
        out[to + 16 + j] = scale * DOUBLED_E2M1[pair >>> 4]!;
      }
    }
  },

  /** Four e4m3 scales, four times 8 bytes of e2m1 nibbles: w = scale / 2 · doubled e2m1. */
  NVFP4(bytes, out) {
    for (let at = 0, to = 0; to < out.length; at += 36) {
      for (let group = 0; group < 4; group++, to += 16) {
        const scale = HALVED_E4M3[bytes[at + group]!]!;
        const from = at + 4 + (group << 3);
        for (let j = 0; j < 8; j++) {
          const pair = bytes[from + j]!;
          out[to + j] = scale * DOUBLED_E2M1[pair & 15]!;
          out[to + 8 + j] = scale * DOUBLED_E2M1[pair >>> 4]!;
        }
      }
    }
  },
} as const satisfies Dequantizers;
