/** @file Quantisers: ggml's own bytes, and errors within what each type promises. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantize } from "../../../../src/formats/quant/dequantize.js";
import { type QuantizedType, quantize } from "../../../../src/formats/quant/quantize.js";
import { SafetensorsFile } from "../../../../src/formats/safetensors/safetensors-file.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const golden = SafetensorsFile.open(
  fileURLToPath(new URL("../../../golden/quants/quantize.safetensors", import.meta.url)),
);

function thereAndBack(type: QuantizedType, values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  dequantize(type, quantize(type, values), out);
  return out;
}

test.each(["BF16", "Q8_0"] as const)("%s gives ggml's bytes", (type) => {
  expect(quantize(type, golden.readFloats("input"))).toEqual(golden.readBytes(`${type}.bytes`));
});

test("F32 is a copy of the bytes", () => {
  const values = golden.readFloats("input");
  const bytes = quantize("F32", values);
  expect(thereAndBack("F32", values)).toEqual(values);
  bytes.fill(0);
  expect(values.some((value) => value !== 0)).toBe(true);
});

test("F16 of known numbers", () => {
  const bytes = quantize("F16", Float32Array.of(1, -2, 65_504, 1e9, 2 ** -24, 0.1));
  expect([...new Uint16Array(bytes.buffer)]).toEqual([0x3c00, 0xc000, 0x7bff, 0x7c00, 0x0001, 0x2e66]);
});

describe(`errors of a round trip (seed ${SEED})`, () => {
  const check = (type: QuantizedType, values: fc.Arbitrary<Float32Array>, limits: Limits) =>
    fc.assert(
      fc.property(values, (original) => {
        const back = thereAndBack(type, original);
        original.forEach((value, i) => {
          const error = Math.abs((back[i] as number) - value);
          expect(error).toBeLessThanOrEqual(limits(value, original, i));
        });
      }),
      { seed: SEED, numRuns: 300 },
    );
  /** The largest error allowed for a value at index i. */
  type Limits = (value: number, all: Float32Array, i: number) => number;
  const finite = (max: number) =>
    fc.float32Array({ min: Math.fround(-max), max: Math.fround(max), noNaN: true, maxLength: 64 });

  test("F16: half a unit in the last of 11 bits, or of 2^-24", () => {
    check("F16", finite(65_504), (value) => Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
  });

  test("BF16: half a unit in the last of 8 bits, or of the smallest subnormal", () => {
    check("BF16", finite(3e38), (value) => Math.max(Math.abs(value) * 2 ** -8, 2 ** -134));
  });

  test("Q8_0: half a step, and the scale's own rounding", () => {
    const blocks = fc
      .integer({ min: 1, max: 4 })
      .chain((count) =>
        fc.float32Array({ min: -1e6, max: 1e6, noNaN: true, minLength: count * 32, maxLength: count * 32 }),
      );
    check("Q8_0", blocks, (_value, all, i) => {
      const block = all.subarray(i - (i % 32), i - (i % 32) + 32);
      const largest = block.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
      const scale = largest / 127;
      // 127 steps of a scale that is off by 2^-11 of itself, or by half of the smallest float16.
      const scaleError = 127 * Math.max(scale * 2 ** -11, 2 ** -25);
      // Dividing in float32 moves halves by a few parts in 10^6 of a step.
      return (scale / 2) * (1 + 1e-4) + scaleError;
    });
  });
});

test.each([
  ["a length that is no multiple of 32", new Float32Array(33)],
  ["NaN", new Float32Array(32).fill(Number.NaN, 5, 6)],
  ["infinity", new Float32Array(32).fill(Number.NEGATIVE_INFINITY, 31)],
  ["a scale that float16 does not hold", new Float32Array(32).fill(1e7, 3, 4)],
])("Q8_0 refuses %s", (_what, values) => {
  expect(() => quantize("Q8_0", values)).toThrow(RangeError);
});
