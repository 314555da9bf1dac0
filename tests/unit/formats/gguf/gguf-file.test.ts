/** @file Tensors read in ranges: whole, by rows, in chunks, from parts; and files that change or do not fit. */
import { copyFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FormatError, InternalError, UnsupportedModelError } from "../../../../src/core/errors.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import { readLoadableModel } from "../../../../src/formats/gguf/gguf-loadable.js";
import { ValueType } from "../../../../src/formats/gguf/gguf-types.js";
import { encodeGguf, gguf } from "../../../../src/formats/gguf/gguf-writer.js";
import { tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { pair, rawGguf, tensorInfo, text } from "../../../support/gguf-bytes.js";
import { sharedPath } from "../../../support/shared.js";
import { splitTinyGguf } from "../../../support/split-gguf.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const SMALL = { vocab: 260, blocks: 1, width: 32, seed: 5 } as const;

function write(bytes: Buffer, name = "model.gguf"): string {
  const path = join(newFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Quicker than toEqual() for half a million numbers. */
function areEqual(one: ArrayBufferView, other: ArrayBufferView): boolean {
  const [a, b] = [one, other].map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  return (a as Buffer).equals(b as Buffer);
}

/** The error of a read that must be refused. */
function errorOf(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error("it was accepted");
}

const OTHER = new Map([
  ["general.architecture", gguf.string("llama")],
  ["general.type", gguf.string("imatrix")],
]);

describe("a tiny model", () => {
  const file = GgufFile.open(write(tinyGgufBytes(SMALL)));

  test("shapes are turned to row-major, sizes add up", () => {
    expect(file.tensors.get("token_embd.weight")).toMatchObject({
      shape: [260, 32],
      typeName: "F32",
      elementCount: 260 * 32,
      sizeBytes: 260 * 32 * 4,
      rowCount: 260,
      rowLength: 32,
      rowBytes: 128,
    });
    expect(file.tensors.get("output_norm.weight")).toMatchObject({
      shape: [32],
      rowCount: 1,
      rowLength: 32,
    });
    expect([...file.tensors.keys()]).toEqual(file.header.tensors.map(({ name }) => name));
    expect(file.has("output.weight")).toBe(true);
    expect(file.has("toString")).toBe(false);
  });

  test("rows are slices of the whole; an array of the caller's is filled", () => {
    const whole = file.readFloats("token_embd.weight");
    const out = new Float32Array(3 * 32);
    expect(file.readFloats("token_embd.weight", { start: 7, end: 10 }, out)).toBe(out);
    expect(out).toEqual(whole.subarray(7 * 32, 10 * 32));
    expect(file.readFloats("token_embd.weight", { start: 4, end: 4 })).toHaveLength(0);
    const bytes = file.readBytes("token_embd.weight", { start: 259, end: 260 });
    expect(new Float32Array(bytes.buffer)).toEqual(whole.subarray(259 * 32));
    expect(file.readFloats("output_norm.weight")).toEqual(new Float32Array(32).fill(1));
  });

  test.each([
    [-1, 2],
    [0, 261],
    [5, 4],
    [0.5, 1],
    [0, Number.NaN],
  ])("rows %d to %d are refused", (start, end) => {
    expect(() => file.readFloats("token_embd.weight", { start, end })).toThrow(RangeError);
    expect(() => file.readBytes("token_embd.weight", { start, end })).toThrow(RangeError);
  });

  test("an array of another length is refused", () => {
    expect(() => file.readFloats("output_norm.weight", undefined, new Float32Array(31))).toThrow(RangeError);
  });

  test("a tensor that is not there", () => {
    const error = errorOf(() => file.readFloats("blk.9.attn_q.weight"));
    expect(error.message).toBe("bad GGUF: tensor blk.9.attn_q.weight: is missing");
    expect(error.byteOffset).toBeGreaterThan(0);
  });
});

test("a tensor of several chunks equals one decoded by hand, with an odd number of blocks at the end", () => {
  const rows = 2 * 512 + 5;
  const bytes = new Uint8Array(rows * 34 * 32).map((_, i) => (i * 7919) % 251);
  // A float16 scale of about one in each block, so that all numbers are finite.
  for (let block = 0; block < bytes.length / 34; block++) bytes[block * 34 + 1] = 0x3c;
  const raw = rawGguf({
    pairs: [
      pair("general.architecture", ValueType.STRING, text("llama")),
      pair("general.type", ValueType.STRING, text("imatrix")),
    ],
    tensors: [tensorInfo({ name: "w", dimensions: [1024, rows], type: 8 })],
  });
  const file = GgufFile.open(write(Buffer.concat([raw, bytes])));
  const floats = file.readFloats("w");
  for (const index of [0, 31, 32, 511_999, 512_000, 530_431, 1024 * rows - 1]) {
    const at = Math.floor(index / 32) * 34;
    const scale = 1 + (bytes[at] as number) / 1024;
    const level = ((bytes[at + 2 + (index % 32)] as number) << 24) >> 24;
    expect(floats[index]).toBe(Math.fround(scale * level));
  }
  const range = { start: 515, end: rows };
  expect(areEqual(file.readFloats("w", range), floats.subarray(515 * 1024))).toBe(true);
  expect(areEqual(file.readBytes("w", range), bytes.subarray(515 * 1024 * (34 / 32)))).toBe(true);
  expect(areEqual(file.readBytes("w"), bytes)).toBe(true);
  file.close();
});

test("types without a dequantiser are named, their bytes still read", () => {
  const raw = rawGguf({
    pairs: [
      pair("general.architecture", ValueType.STRING, text("llama")),
      pair("general.type", ValueType.STRING, text("imatrix")),
    ],
    tensors: [tensorInfo({ name: "grid", dimensions: [256], type: 16 })],
    dataBytes: 66,
  });
  const file = GgufFile.open(write(raw));
  expect(() => file.readFloats("grid")).toThrow(UnsupportedModelError);
  expect(() => file.readFloats("grid")).toThrow("tensor grid has type IQ2_XXS");
  expect(file.readBytes("grid")).toEqual(new Uint8Array(66));
  file.close();
});

describe("split models", () => {
  test("a tensor is read from its part", () => {
    const { parts, whole } = splitTinyGguf(newFolder(), SMALL);
    const file = GgufFile.open(parts[0]);
    const single = GgufFile.open(write(whole));
    expect(file.header.parts).toEqual(parts);
    expect(new Set([...file.tensors.values()].map(({ part }) => part))).toEqual(new Set([0, 1]));
    expect([...file.tensors.keys()].sort()).toEqual([...single.tensors.keys()].sort());
    for (const name of single.tensors.keys()) expect(file.readFloats(name)).toEqual(single.readFloats(name));
    expect(readLoadableModel(parts[0]).tensors.length).toBe(file.tensors.size);
    file.close();
    single.close();
  });

  test("a later part alone, and a missing part", () => {
    const folder = newFolder();
    const { parts } = splitTinyGguf(folder, SMALL);
    const later = errorOf(() => GgufFile.open(parts[1]));
    expect(later.message).toMatch(/^bad GGUF: split\.no: is a later part/);
    expect(later.byteOffset).toBeGreaterThan(0);
    const alone = join(newFolder(), "model-00001-of-00002.gguf");
    copyFileSync(parts[0], alone);
    expect(errorOf(() => GgufFile.open(alone)).message).toBe("bad GGUF: file: does not exist");
  });
});

describe("files that change or are closed", () => {
  test("a file that became shorter", () => {
    const path = write(tinyGgufBytes(SMALL));
    const file = GgufFile.open(path);
    const { fileOffset } = file.tensors.get("output.weight")!;
    truncateSync(path, fileOffset + 8);
    const error = errorOf(() => file.readFloats("output.weight"));
    expect(error.message).toMatch(/^bad GGUF: tensor output\.weight: the file became shorter/);
    expect(error).toMatchObject({ file: path, byteOffset: fileOffset + 8 });
    expect(errorOf(() => file.readBytes("output.weight")).byteOffset).toBe(fileOffset + 8);
    file.close();
  });

  test("a closed file", () => {
    const file = GgufFile.open(write(tinyGgufBytes(SMALL)));
    file.close();
    file.close();
    expect(() => file.readFloats("output.weight")).toThrow(InternalError);
  });

  test("other kinds of file open", () => {
    const path = write(encodeGguf(OTHER, [{ name: "x", dimensions: [2], data: Float32Array.of(3, 4) }]));
    const file = GgufFile.open(path);
    expect(file.header.kind).toBe("other");
    expect([...file.readFloats("x")]).toEqual([3, 4]);
    file.close();
  });
});

const reference = sharedPath("reference");

describe.skipIf(reference === undefined)("golden models (needs ../shared/reference)", () => {
  test.each(["llama", "qwen2", "qwen3", "gemma3"])(
    "%s: model and adapter open, every tensor reads",
    (family) => {
      for (const name of ["model-f32.gguf", "adapter.gguf"]) {
        const file = GgufFile.open(`${reference}/${family}/${name}`);
        for (const tensor of file.tensors.values()) {
          expect(file.readFloats(tensor.name).every(Number.isFinite)).toBe(true);
        }
        file.close();
      }
    },
  );

  /** Largest error, as a share of the tensor's largest value, that each encoder leaves in these files. */
  const LOSS = { q8_0: 0.005, q4_k: 0.1, q5_0: 0.05, q4_1: 0.1 } as const;

  test.each(Object.entries(LOSS))("llama in %s is the float32 model but for rounding", (variant, loss) => {
    const exact = GgufFile.open(`${reference}/llama/model-f32.gguf`);
    const rounded = GgufFile.open(`${reference}/llama/model-${variant}.gguf`);
    for (const name of exact.tensors.keys()) {
      const wanted = exact.readFloats(name);
      const found = rounded.readFloats(name);
      const largest = wanted.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
      const error = wanted.reduce((size, value, i) => Math.max(size, Math.abs(value - found[i]!)), 0);
      expect(error / largest, name).toBeLessThan(loss);
    }
    exact.close();
    rounded.close();
  });
});
