/** @file Dequantisers bit for bit against gguf-py and ggml, types refused by name, and lengths that must fit. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { UnsupportedModelError } from "../../../../src/core/errors.js";
import { TENSOR_TYPES, TENSOR_TYPES_BY_NAME } from "../../../../src/formats/gguf/gguf-types.js";
import { dequantize, isDequantizable } from "../../../../src/formats/quant/dequantize.js";
import { SafetensorsFile } from "../../../../src/formats/safetensors/safetensors-file.js";

const golden = SafetensorsFile.open(
  fileURLToPath(new URL("../../../golden/quants/dequantize.safetensors", import.meta.url)),
);
const goldenTypes = [...golden.tensors.keys()]
  .filter((name) => name.endsWith(".bytes"))
  .map((name) => name.slice(0, -".bytes".length));

/** Types with big lookup grids, and those that carry no weights. */
const REFUSED = [
  ...["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"],
  ...["Q8_1", "Q8_K", "Q1_0", "Q2_0", "I8", "I16", "I32", "I64", "F64"],
];

const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe("dequantize", () => {
  const readable = goldenTypes.filter(isDequantizable);

  test("every type of the golden set but the grids is readable", () => {
    expect(readable).toHaveLength(18);
    expect(goldenTypes.filter((name) => !isDequantizable(name)).sort()).toEqual(REFUSED.slice(0, 7).sort());
  });

  test.each(readable)("%s gives the golden bits", (name) => {
    const bytes = golden.readBytes(`${name}.bytes`);
    const values = golden.readFloats(`${name}.values`);
    const out = new Float32Array(values.length).fill(Number.NaN);
    dequantize(name, bytes, out);
    // As integers: 0 and −0 differ, and so does every last bit.
    expect(bitsOf(out)).toEqual(bitsOf(values));
  });

  test.each(readable)("%s from an odd address, into the middle of an array", (name) => {
    const bytes = golden.readBytes(`${name}.bytes`);
    const values = golden.readFloats(`${name}.values`);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const out = new Float32Array(values.length + 2).fill(7);
    dequantize(name, shifted.subarray(1), out.subarray(1, -1));
    expect(bitsOf(out.subarray(1, -1))).toEqual(bitsOf(values));
    expect([out[0], out.at(-1)]).toEqual([7, 7]);
  });

  test("F32 is copied, NaN bits and all", () => {
    const bytes = Uint8Array.of(1, 0, 0xa0, 0x7f, 0, 0, 0x80, 0xbf);
    const out = new Float32Array(2);
    dequantize("F32", bytes, out);
    expect(new Uint8Array(out.buffer)).toEqual(bytes);
  });

  test("the table and the list of all types agree", () => {
    const names = [...TENSOR_TYPES.values()].map(({ name }) => name);
    expect(names.filter((name) => !isDequantizable(name)).sort()).toEqual([...REFUSED].sort());
  });

  test.each([...REFUSED, "Q9_9", "toString", "__proto__"])("%s is refused by name", (name) => {
    const size = TENSOR_TYPES_BY_NAME.get(name);
    const bytes = new Uint8Array(size?.blockBytes ?? 4);
    const read = () => dequantize(name, bytes, new Float32Array(size?.blockSize ?? 1));
    expect(isDequantizable(name)).toBe(false);
    expect(read).toThrow(UnsupportedModelError);
    expect(read).toThrow(name);
  });

  test.each([
    ["Q4_K", 144, 255],
    ["Q4_K", 143, 256],
    ["Q8_0", 34, 64],
    ["F16", 3, 1],
    ["Q4_0", 0, 32],
  ])("%s: %i bytes for %i numbers are refused", (name, bytes, numbers) => {
    expect(() => dequantize(name, new Uint8Array(bytes), new Float32Array(numbers))).toThrow(RangeError);
  });

  test("no blocks give no numbers", () => {
    const out = new Float32Array(0);
    for (const name of readable) dequantize(name, new Uint8Array(0), out);
    expect(out).toHaveLength(0);
  });
});
