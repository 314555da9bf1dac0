/** @file Float16 and bfloat16, to and from float32: one number, or whole arrays of bits at once. */

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The float32 of every float16, 256 KB, as numbers and as bits; made at the first use. */
let values: Float32Array | undefined;
let wide = new Uint32Array(0);

/** Decoders of blocks by tensor type; each fills the whole of `out`, the lengths were checked. */
export type Dequantizers = Readonly<Record<string, (bytes: Uint8Array, out: Float32Array) => void>>;

function float16Values(): Float32Array {
  if (values) return values;
  wide = new Uint32Array(65_536);
  for (let bits = 0; bits < 65_536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >>> 10) & 31;
    const fraction = bits & 0x3ff;
    if (exponent === 31) {
      wide[bits] = ((bits & 0x8000) << 16) | 0x7f800000 | (fraction << 13);
    } else {
      // Float16 is a subset of float32: these are exact.
      float[0] = sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
      wide[bits] = floatBits[0] as number;
    }
  }
  values = new Float32Array(wide.buffer);
  return values;
}

/** The float16 in two bytes, little-endian; exact. */
export function float16At(bytes: Uint8Array, at: number): number {
  return (values ?? float16Values())[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/**
 * Bits of the nearest float16, ties to even; from 65,520 on infinity, below 2^-25 zero, NaN stays NaN.
 * The value is rounded to float32 first.
 */
export function float32ToFloat16(value: number): number {
  float[0] = value;
  return narrow(floatBits[0] as number);
}

function narrow(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x38800000) {
    // The highest bit of a NaN's fraction is set, so that dropping bits cannot make it infinity.
    if (size > 0x7f800000) return sign | 0x7e00 | ((size >>> 13) & 0x3ff);
    if (size >= 0x477ff000) return sign | 0x7c00;
    return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  }
  const exponent = size >>> 23;
  if (exponent < 102) return sign;
  // Subnormal: the whole fraction in units of 2^-24.
  const fraction = (size & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** Float16 bits to float32 numbers. @throws {RangeError} when the lengths differ */
export function decodeFloat16(bits: Uint16Array, out: Float32Array): Float32Array {
  requireLength(bits.length, out.length);
  float16Values();
  // Moved as integers: a NaN keeps all its bits, and no number is converted.
  const target = wordsOf(out);
  for (let i = 0; i < bits.length; i++) target[i] = wide[bits[i] as number] as number;
  return out;
}

/** Float32 numbers to the bits of the nearest float16, see float32ToFloat16(). @throws {RangeError} */
export function encodeFloat16(values: Float32Array, out: Uint16Array): Uint16Array {
  requireLength(values.length, out.length);
  const words = wordsOf(values);
  for (let i = 0; i < words.length; i++) out[i] = narrow(words[i] as number);
  return out;
}

/** Bits of the nearest bfloat16, ties to even, NaN stays NaN. */
function shorten(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  // The sum may pass 2^32 for no number: the largest finite ones round to infinity below it.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Bfloat16 bits to float32 numbers. @throws {RangeError} when the lengths differ */
export function decodeBfloat16(bits: Uint16Array, out: Float32Array): Float32Array {
  requireLength(bits.length, out.length);
  const target = wordsOf(out);
  for (let i = 0; i < bits.length; i++) target[i] = (bits[i] as number) << 16;
  return out;
}

/** Float32 numbers to the bits of the nearest bfloat16, ties to even. @throws {RangeError} */
export function encodeBfloat16(values: Float32Array, out: Uint16Array): Uint16Array {
  requireLength(values.length, out.length);
  const words = wordsOf(values);
  for (let i = 0; i < words.length; i++) out[i] = shorten(words[i] as number);
  return out;
}

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function requireLength(found: number, expected: number): void {
  if (found !== expected) throw new RangeError(`${found} numbers for an array of ${expected}`);
}
