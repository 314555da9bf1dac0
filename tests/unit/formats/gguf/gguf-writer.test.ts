/** @file Written GGUF files: read back alike, refused when they could not be read, complete or not there at all. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StorageError } from "../../../../src/core/errors.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { GgufMetadata, GgufValue } from "../../../../src/formats/gguf/gguf-metadata.js";
import { TENSOR_TYPES, ValueType } from "../../../../src/formats/gguf/gguf-types.js";
import {
  encodeGguf,
  gguf,
  type TensorToStream,
  writeGguf,
} from "../../../../src/formats/gguf/gguf-writer.js";
import { tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { dequantize } from "../../../../src/formats/quant/dequantize.js";
import { type QuantizedType, quantize } from "../../../../src/formats/quant/quantize.js";
import { sharedPath } from "../../../support/shared.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const folder = useTemporaryFolder()();
let files = 0;
const newPath = () => join(folder, `${files++}.gguf`);

/** A kind of file that needs no keys of a model. */
const KEYS: readonly (readonly [string, GgufValue])[] = [
  ["general.architecture", gguf.string("llama")],
  ["general.type", gguf.string("imatrix")],
];

const scalar: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((value) => ({ type: ValueType.UINT8, value })),
  fc.integer({ min: -128, max: 127 }).map((value) => ({ type: ValueType.INT8, value })),
  fc.integer({ min: 0, max: 65_535 }).map((value) => ({ type: ValueType.UINT16, value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ type: ValueType.INT16, value })),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => ({ type: ValueType.UINT32, value })),
  fc.integer().map((value) => ({ type: ValueType.INT32, value })),
  fc.float({ noNaN: true }).map((value) => ({ type: ValueType.FLOAT32, value })),
  fc.boolean().map((value) => ({ type: ValueType.BOOL, value })),
  fc.string({ unit: "binary" }).map((value) => ({ type: ValueType.STRING, value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type: ValueType.UINT64, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: ValueType.INT64, value })),
  fc.double({ noNaN: true }).map((value) => ({ type: ValueType.FLOAT64, value })),
);
const list: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.array(fc.string()).map((value) => ({ type: ValueType.ARRAY, elementType: ValueType.STRING, value })),
  fc.int32Array().map((value) => ({ type: ValueType.ARRAY, elementType: ValueType.INT32, value })),
  fc
    .float32Array({ noNaN: true })
    .map((value) => ({ type: ValueType.ARRAY, elementType: ValueType.FLOAT32, value })),
);
const key = fc.string({ minLength: 1, maxLength: 20 }).map((text) => `x.${text}`);
const metadata: fc.Arbitrary<GgufMetadata> = fc
  .array(fc.tuple(key, fc.oneof(scalar, list)), { maxLength: 8 })
  .map((items) => new Map([...KEYS, ...items]));

/** A tensor of any type with stored bytes: one to three rows of one or two blocks. */
const stored = fc
  .tuple(
    fc.constantFrom(...TENSOR_TYPES.values()),
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .chain(([type, blocks, rows]) => {
    const length = blocks * rows * type.blockBytes;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({
      shape: rows === 1 ? [blocks * type.blockSize] : [rows, blocks * type.blockSize],
      typeName: type.name,
      data,
    }));
  });

describe("what is written is read back", () => {
  test(`metadata and stored bytes of all types, streamed and at once (seed ${SEED})`, async () => {
    const path = newPath();
    const alignment = fc.constantFrom(undefined, 8, 32, 64, 4096);
    await fc.assert(
      fc.asyncProperty(
        metadata,
        fc.array(stored, { maxLength: 6 }),
        alignment,
        async (keys, tensors, step) => {
          if (step !== undefined) keys.set("general.alignment", gguf.uint32(step));
          const streams = tensors.map(({ data, ...rest }, i) => ({
            ...rest,
            name: `t${i}`,
            data: () => data,
          }));
          await writeGguf(path, keys, streams);
          const file = GgufFile.open(path);
          expect(file.header.metadata).toEqual(keys);
          expect([...file.tensors.keys()]).toEqual(streams.map(({ name }) => name));
          tensors.forEach(({ shape, typeName, data }, i) => {
            expect(file.tensors.get(`t${i}`)).toMatchObject({ shape, typeName });
            expect(file.readBytes(`t${i}`)).toEqual(data);
          });
          const heads = tensors.map((tensor, i) => {
            return { ...tensor, name: `t${i}`, dimensions: tensor.shape.toReversed() };
          });
          expect(readFileSync(path).equals(encodeGguf(keys, heads, step))).toBe(true);
          file.close();
        },
      ),
      { seed: SEED, numRuns: 150 },
    );
  });

  test(`numbers in every type that is written; rows are slices of the whole (seed ${SEED})`, async () => {
    const path = newPath();
    const sizes = fc.record({ rows: fc.integer({ min: 1, max: 7 }), blocks: fc.integer({ min: 1, max: 3 }) });
    const subject = sizes.chain(({ rows, blocks }) => {
      const length = rows * blocks * 32;
      return fc.record({
        rows: fc.constant(rows),
        values: fc.float32Array({ min: -1e4, max: 1e4, noNaN: true, minLength: length, maxLength: length }),
        type: fc.constantFrom<QuantizedType>("F32", "F16", "BF16", "Q8_0"),
        range: fc.tuple(fc.integer({ min: 0, max: rows }), fc.integer({ min: 0, max: rows })),
      });
    });
    await fc.assert(
      fc.asyncProperty(subject, async ({ rows, values, type, range }) => {
        const width = values.length / rows;
        // In pieces of one row: what a merge of a large model does.
        const pieces = function* () {
          for (let row = 0; row < rows; row++) yield values.subarray(row * width, (row + 1) * width);
        };
        const tensors: TensorToStream[] = [{ name: "w", shape: [rows, width], typeName: type, data: pieces }];
        await writeGguf(path, new Map(KEYS), tensors);
        const file = GgufFile.open(path);
        const expected = new Float32Array(values.length);
        dequantize(type, quantize(type, values), expected);
        expect(file.readFloats("w")).toEqual(expected);
        const [start, end] = range.toSorted((a, b) => a - b) as [number, number];
        expect(file.readFloats("w", { start, end })).toEqual(expected.subarray(start * width, end * width));
        const { rowBytes } = file.tensors.get("w")!;
        expect(file.readBytes("w", { start, end })).toEqual(
          file.readBytes("w").subarray(start * rowBytes, end * rowBytes),
        );
        file.close();
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  test("a model copied tensor by tensor is the same file", async () => {
    const [from, to] = [newPath(), newPath()];
    writeFileSync(from, tinyGgufBytes({ vocab: 260, blocks: 1, width: 32 }));
    const source = GgufFile.open(from);
    const order: string[] = [];
    const tensors = [...source.tensors.values()].map(({ name, shape, typeName }) => {
      const data = () => {
        order.push(name);
        return source.readBytes(name);
      };
      return { name, shape, typeName, data };
    });
    await writeGguf(to, source.header.metadata, tensors);
    expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
    expect(order).toEqual([...source.tensors.keys()]);
    source.close();
  });
});

describe("large vocabularies", () => {
  test("two hundred thousand tokens are written and read back", () => {
    const tokens = Array.from({ length: 200_000 }, (_, i) => `token ${i}`);
    const path = newPath();
    writeFileSync(path, encodeGguf(new Map([...KEYS, ["tokenizer.ggml.tokens", gguf.strings(tokens)]]), []));
    const file = GgufFile.open(path);
    expect(file.header.metadata.get("tokenizer.ggml.tokens")?.value).toEqual(tokens);
    file.close();
  });
});

describe("what no reader accepts is refused before a byte is written", () => {
  const good: TensorToStream = {
    name: "w",
    shape: [2, 32],
    typeName: "F32",
    data: () => new Float32Array(64),
  };

  test.each<[string, TensorToStream[]]>([
    ["no name", [{ ...good, name: "" }]],
    ["a name of 64 bytes", [{ ...good, name: "ä".repeat(32) }]],
    ["NUL in a name", [{ ...good, name: "a\0b" }]],
    ["a name twice", [good, good]],
    ["an unknown type", [{ ...good, typeName: "Q9_9" }]],
    ["no dimensions", [{ ...good, shape: [] }]],
    ["five dimensions", [{ ...good, shape: [1, 1, 1, 2, 32] }]],
    ["a size of 0", [{ ...good, shape: [0, 32] }]],
    ["rows that are no whole blocks", [{ ...good, typeName: "Q8_0", shape: [32, 2] }]],
  ])("%s", async (_what, tensors) => {
    const path = newPath();
    await expect(writeGguf(path, new Map(KEYS), tensors)).rejects.toThrow(RangeError);
    expect(existsSync(path)).toBe(false);
  });

  const endless = function* () {
    for (;;) yield new Float32Array(32);
  };

  test.each<[string, TensorToStream]>([
    ["too few numbers", { ...good, data: () => new Float32Array(63) }],
    ["too many numbers", { ...good, data: () => [new Float32Array(64), new Float32Array(1)] }],
    ["a source that does not end", { ...good, data: endless }],
    ["numbers for a type that is not encoded here", { ...good, shape: [256], typeName: "Q4_K" }],
    [
      "a source that fails",
      {
        ...good,
        data: () => {
          throw new RangeError("the source failed");
        },
      },
    ],
  ])("%s: a file that was there stays, nothing else is left", async (_what, tensor) => {
    const path = newPath();
    writeFileSync(path, "before");
    await expect(writeGguf(path, new Map(KEYS), [good, { ...tensor, name: "v" }])).rejects.toThrow(
      RangeError,
    );
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("at once, too", () => {
    const tensor = { name: "w", dimensions: [32], data: new Float32Array(31) };
    expect(() => encodeGguf(new Map(KEYS), [tensor])).toThrow("124 bytes of data, expected 128");
  });

  test("a place that cannot be written is named", async () => {
    const path = newPath();
    writeFileSync(path, "a file, no folder");
    const writing = writeGguf(join(path, "x.gguf"), new Map(KEYS), []);
    await expect(writing).rejects.toThrow(StorageError);
    await expect(writing).rejects.toThrow(`cannot write ${join(path, "x.gguf")}`);
  });
});

const reference = sharedPath("reference");

test.skipIf(reference === undefined)(
  "a golden adapter made again is the same file (needs ../shared/reference)",
  async () => {
    const from = `${reference}/llama/adapter.gguf`;
    const source = GgufFile.open(from);
    const path = newPath();
    const tensors = [...source.tensors.values()].map(({ name, shape, typeName }) => ({
      name,
      shape,
      typeName,
      data: () => source.readFloats(name),
    }));
    await writeGguf(path, source.header.metadata, tensors);
    const made = GgufFile.open(path);
    expect(made.header.metadata).toEqual(source.header.metadata);
    for (const name of source.tensors.keys()) expect(made.readBytes(name)).toEqual(source.readBytes(name));
    made.close();
    source.close();
  },
);
