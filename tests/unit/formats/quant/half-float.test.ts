/** @file Float16 and bfloat16: every one of the 65,536 both ways, and rounding against exact arithmetic. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  float16At,
  float32ToFloat16,
} from "../../../../src/formats/quant/half-float.js";

const float32ToBfloat16 = (value: number) =>
  encodeBfloat16(Float32Array.of(value), new Uint16Array(1))[0] as number;
const float16ToFloat32 = (bits: number) => float16At(Uint8Array.of(bits & 255, bits >>> 8), 0);
const bfloat16ToFloat32 = (bits: number) =>
  decodeBfloat16(Uint16Array.of(bits), new Float32Array(1))[0] as number;

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const ALL = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

const isNaN16 = (bits: number) => (bits & 0x7fff) > 0x7c00;
const isNaNB16 = (bits: number) => (bits & 0x7fff) > 0x7f80;

describe("float16", () => {
  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65_504],
    [0x0400, 2 ** -14],
    [0x03ff, 2 ** -14 - 2 ** -24],
    [0x0001, 2 ** -24],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])("bits %i are %d", (bits, value) => {
    expect(float16ToFloat32(bits)).toBe(value);
    expect(float32ToFloat16(value)).toBe(bits);
  });

  test("every number survives the way there and back; NaN stays NaN", () => {
    const wide = decodeFloat16(ALL, new Float32Array(65_536));
    const back = encodeFloat16(wide, new Uint16Array(65_536));
    for (const bits of ALL) {
      if (isNaN16(bits)) {
        expect(wide[bits]).toBeNaN();
        expect(isNaN16(back[bits] as number)).toBe(true);
      } else if (back[bits] !== bits) {
        throw new Error(`0x${bits.toString(16)} came back as 0x${back[bits]?.toString(16)}`);
      }
    }
  });

  test("halfway cases go to the even neighbour, all others to the nearer one", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = float16ToFloat32(bits);
      const high = float16ToFloat32(bits + 1);
      // Float32 holds 13 more bits, so the middle and its neighbours are exact.
      const middle = (low + high) / 2;
      const step = (high - low) / 1024;
      const found = [middle - step, middle, middle + step].map(float32ToFloat16);
      if (found[0] !== bits || found[1] !== bits + (bits & 1) || found[2] !== bits + 1)
        throw new Error(`around the middle above 0x${bits.toString(16)}: ${found}`);
    }
  });

  test.each([
    [65_519.996, 0x7bff],
    [65_520, 0x7c00],
    [1e30, 0x7c00],
    [-1e30, 0xfc00],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.0001, 0x0001],
    [-(2 ** -30), 0x8000],
    [1e-45, 0x0000],
  ])("%d has bits %i", (value, bits) => {
    expect(float32ToFloat16(value)).toBe(bits);
  });

  test("a NaN whose set bits are dropped does not become infinity", () => {
    const odd = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    const bits = encodeFloat16(odd, new Uint16Array(2));
    expect([...bits].map(isNaN16)).toEqual([true, true]);
    expect([...bits].map((value) => value >>> 15)).toEqual([0, 1]);
    expect(isNaN16(float32ToFloat16(Number.NaN))).toBe(true);
  });
});

describe("bfloat16", () => {
  test("every number survives the way there and back; NaN stays NaN", () => {
    const wide = decodeBfloat16(ALL, new Float32Array(65_536));
    const back = encodeBfloat16(wide, new Uint16Array(65_536));
    for (const bits of ALL) {
      if (isNaNB16(bits) ? !isNaNB16(back[bits] as number) : back[bits] !== bits)
        throw new Error(`0x${bits.toString(16)} came back as 0x${back[bits]?.toString(16)}`);
    }
  });

  test.each([
    [1, 0x3f80],
    [-0, 0x8000],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [3.4028234663852886e38, 0x7f80],
    [Number.NEGATIVE_INFINITY, 0xff80],
  ])("%d has bits %i", (value, bits) => {
    expect(float32ToBfloat16(value)).toBe(bits);
  });

  test("known values", () => {
    expect(bfloat16ToFloat32(0x4049)).toBe(3.140625);
    expect(bfloat16ToFloat32(0x8000)).toBe(-0);
    expect(float32ToBfloat16(Number.NaN) & 0x7fff).toBeGreaterThan(0x7f80);
  });
});

test(`one number and whole arrays agree (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 64 }), (values) => {
      const half = encodeFloat16(values, new Uint16Array(values.length));
      const brain = encodeBfloat16(values, new Uint16Array(values.length));
      expect([...half]).toEqual(Array.from(values, float32ToFloat16));
      expect([...brain]).toEqual(Array.from(values, float32ToBfloat16));
      expect([...decodeFloat16(half, new Float32Array(half.length))]).toEqual(
        Array.from(half, float16ToFloat32),
      );
      expect([...decodeBfloat16(brain, new Float32Array(brain.length))]).toEqual(
        Array.from(brain, bfloat16ToFloat32),
      );
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test("arrays of other lengths are refused", () => {
  expect(() => decodeFloat16(new Uint16Array(2), new Float32Array(3))).toThrow(RangeError);
  expect(() => encodeBfloat16(new Float32Array(2), new Uint16Array(1))).toThrow(RangeError);
});
