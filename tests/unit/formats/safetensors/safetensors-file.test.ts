/** @file safetensors: what is written is read back, known bytes, and each kind of lie is refused by name. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FormatError,
  InternalError,
  StorageError,
  UnsupportedModelError,
} from "../../../../src/core/errors.js";
import { SafetensorsFile } from "../../../../src/formats/safetensors/safetensors-file.js";
import {
  type SafetensorsContent,
  writeSafetensors,
} from "../../../../src/formats/safetensors/write-safetensors.js";
import { readInts } from "../../../support/read-ints.js";
import { sharedPath } from "../../../support/shared.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_123);
const folder = useTemporaryFolder()();
let files = 0;

const newPath = () => join(folder, `${files++}.safetensors`);

/** A file with this header text and so many bytes of data. */
function raw(header: string | Buffer, dataBytes = 0, length?: bigint): string {
  const path = newPath();
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(Buffer.from(header).length));
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.alloc(dataBytes)]));
  return path;
}

const tensor = (dtype: string, shape: unknown, begin: unknown, end: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

function refusal(path: string): FormatError {
  try {
    SafetensorsFile.open(path).close();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).file).toBe(path);
    return error as FormatError;
  }
  throw new Error("the file was accepted");
}

async function write(content: SafetensorsContent): Promise<string> {
  const path = newPath();
  await writeSafetensors(path, content);
  return path;
}

describe("reading", () => {
  test("a file made by hand", () => {
    const data = Buffer.alloc(14);
    data.writeFloatLE(1.5, 0);
    data.writeFloatLE(-2, 4);
    data.writeUInt16LE(0x3c00, 8);
    data.writeInt32LE(-7, 10);
    const header = `{"__metadata__":{"format":"pt"},"w":${tensor("F32", [2, 1], 0, 8)},"h":${tensor("F16", [], 8, 10)},"i":${tensor("I32", [1], 10, 14)}}  `;
    const path = raw(header);
    writeFileSync(path, Buffer.concat([readFileSync(path), data]));
    const file = SafetensorsFile.open(path);
    expect([...file.metadata]).toEqual([["format", "pt"]]);
    expect(file.tensors.get("w")).toEqual({
      dtype: "F32",
      shape: [2, 1],
      elementCount: 2,
      byteRange: [8 + header.length, 16 + header.length],
    });
    expect([...file.readFloats("w")]).toEqual([1.5, -2]);
    expect([...file.readFloats("h")]).toEqual([1]);
    // At an odd multiple of two in the file, yet aligned when read.
    expect([...readInts(file, "i")]).toEqual([-7]);
    expect(file.readBytes("h")).toEqual(Uint8Array.of(0, 0x3c));
    file.close();
  });

  test("an empty object, and empty tensors", () => {
    expect(SafetensorsFile.open(raw("{}")).tensors.size).toBe(0);
    const file = SafetensorsFile.open(
      raw(`{"a":${tensor("F32", [0, 3], 0, 0)},"b":${tensor("I64", [0], 0, 0)}}`),
    );
    expect(file.readFloats("a")).toHaveLength(0);
    expect(readInts(file, "b")).toHaveLength(0);
  });

  test("64-bit integers", () => {
    const path = raw(`{"i":${tensor("I64", [2], 0, 16)}}`, 16);
    const bytes = readFileSync(path);
    bytes.writeBigInt64LE(-5n, bytes.length - 16);
    bytes.writeBigInt64LE(2n ** 31n - 1n, bytes.length - 8);
    writeFileSync(path, bytes);
    expect([...readInts(SafetensorsFile.open(path), "i")]).toEqual([-5, 2 ** 31 - 1]);
  });

  test("types that are no floats are refused by name", () => {
    const file = SafetensorsFile.open(
      raw(`{"d":${tensor("F64", [1], 0, 8)},"u":${tensor("U32", [1], 8, 12)}}`, 12),
    );
    expect(() => file.readFloats("d")).toThrow(UnsupportedModelError);
    expect(() => file.readFloats("d")).toThrow("F64");
    expect(file.readBytes("u")).toHaveLength(4);
  });

  test("a missing tensor, a shortened file, a closed file", () => {
    const path = raw(`{"a":${tensor("F32", [4], 0, 16)}}`, 16);
    const file = SafetensorsFile.open(path);
    expect(() => file.readFloats("b")).toThrow("bad safetensors: tensor b: is missing");
    truncateSync(path, readFileSync(path).length - 1);
    expect(() => file.readFloats("a")).toThrow(/^bad safetensors: tensor a: the file became shorter/);
    file.close();
    file.close();
    expect(() => file.readFloats("a")).toThrow(InternalError);
  });
});

describe("lies are refused, with the field and the byte", () => {
  const whole = `{"a":${tensor("F32", [2], 0, 8)}}`;
  const duplicate = `{"a":${tensor("F32", [2], 0, 8)},"a":${tensor("F32", [2], 0, 8)}}`;
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;

  test.each<[what: string, path: () => string, message: RegExp]>([
    ["nothing", () => raw(""), /header: does not begin with/],
    [
      "a header longer than the file",
      () => raw(whole, 8, 1000n),
      /header length: is 1000, the file has 62 bytes left/,
    ],
    ["a length of 2^64 − 1", () => raw(whole, 8, 2n ** 64n - 1n), /header length: is 18446744073709551615/],
    ["no object", () => raw("[1]"), /header: does not begin with/],
    ["no JSON", () => raw('{"a":'), /header: is not JSON/],
    ["no UTF-8", () => raw(Buffer.from([0x7b, 0x22, 0xff, 0x22])), /header: is not UTF-8/],
    ["deep nesting", () => raw(deep), /tensor a: is not an object/],
    ["a number for a tensor", () => raw('{"a":1}'), /tensor a: is not an object/],
    ["null for a tensor", () => raw('{"a":null}'), /tensor a: is not an object/],
    ["a list for metadata", () => raw('{"__metadata__":[]}'), /__metadata__: is not an object/],
    ["a number in the metadata", () => raw('{"__metadata__":{"k":1}}'), /__metadata__\.k: is not a string/],
    [
      "an unknown dtype",
      () => raw(`{"a":${tensor("F33", [1], 0, 4)}}`, 4),
      /tensor a: dtype "F33" is unknown/,
    ],
    [
      "a dtype named like a member",
      () => raw('{"a":{"dtype":"constructor"}}'),
      /dtype "constructor" is unknown/,
    ],
    ["no dtype", () => raw('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), /dtype undefined is unknown/],
    ["a field of its own", () => raw('{"a":{"dtype":"F32","x":1}}'), /has the unknown field "x"/],
    ["a negative size", () => raw(`{"a":${tensor("F32", [-1], 0, 4)}}`, 4), /shape holds -1, expected/],
    ["a fraction", () => raw(`{"a":${tensor("F32", [1.5], 0, 6)}}`, 6), /shape holds 1\.5, expected/],
    ["null in the shape", () => raw('{"a":{"dtype":"F32","shape":[null]}}'), /shape holds null, expected/],
    [
      "no shape",
      () => raw('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
      /shape is missing or not an array/,
    ],
    [
      "one offset",
      () => raw('{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}'),
      /has 1 numbers, expected 2/,
    ],
    [
      "offsets the wrong way",
      () => raw(`{"a":${tensor("F32", [], 4, 0)}}`, 4),
      /4 to 0 do not lie in 0 to 4/,
    ],
    ["data outside", () => raw(`{"a":${tensor("F32", [2], 0, 8)}}`, 7), /0 to 8 do not lie in 0 to 7/],
    [
      "a shape that needs more",
      () => raw(`{"a":${tensor("F32", [3], 0, 8)}}`, 8),
      /needs 12 bytes, .* hold 8/,
    ],
    [
      "a product that wraps",
      () => raw(`{"a":${tensor("F32", [2 ** 32, 2 ** 32], 0, 0)}}`),
      /more elements than 2\^53/,
    ],
    [
      "a hole",
      () => raw(`{"a":${tensor("U8", [1], 0, 1)},"b":${tensor("U8", [1], 2, 3)}}`, 3),
      /tensor b: leaves a hole before it: starts at byte \d+, expected \d+/,
    ],
    [
      "an overlap",
      () => raw(`{"a":${tensor("U8", [2], 0, 2)},"b":${tensor("U8", [2], 1, 3)}}`, 3),
      /tensor b: overlaps another tensor/,
    ],
    ["trailing bytes", () => raw(whole, 9), /data: ends at byte \d+ by the header, the file has \d+ bytes/],
    ["the same name twice", () => raw(duplicate, 8), /header: has 8 keys, only 4 are different/],
  ])("%s", (_what, path, message) => {
    const error = refusal(path());
    expect(error.message).toMatch(/^bad safetensors: .+: .+/s);
    expect(error.message).toMatch(message);
    expect(error.byteOffset).toBeGreaterThanOrEqual(0);
    expect(error.hint).toContain(error.file);
  });

  test("the byte is where the tensor's name stands", () => {
    const path = raw(`{"a":${tensor("U8", [1], 0, 1)},"b":${tensor("U8", [2], 1, 2)}}`, 2);
    expect(refusal(path).byteOffset).toBe(readFileSync(path).indexOf('"b"'));
  });

  test("files of less than eight bytes, and folders", () => {
    const path = newPath();
    writeFileSync(path, "1234567");
    expect(refusal(path)).toMatchObject({ byteOffset: 7 });
    expect(refusal(folder).message).toBe("bad safetensors: file: is a directory");
    expect(refusal(join(folder, "absent")).message).toBe("bad safetensors: file: does not exist");
  });

  test("a header over the limit is not read", () => {
    const path = raw("{}", 0, 100_000_001n);
    // Sparse: the file is long enough for its claim, and takes no room.
    truncateSync(path, 200_000_000);
    expect(refusal(path).message).toContain("is 100000001, the limit is 100000000");
  });

  test("names like members of every object are names", async () => {
    const names = ["__proto__", "constructor", "hasOwnProperty", 'quote" \\ : {', "ä \u0000"];
    const entries = names.map(
      (name, i) => [name, { dtype: "F32", shape: [1], data: Float32Array.of(i) }] as const,
    );
    const file = SafetensorsFile.open(
      await write({ metadata: new Map([["__proto__", "x"]]), tensors: new Map(entries) }),
    );
    expect([...file.tensors.keys()].sort()).toEqual([...names].sort());
    names.forEach((name, i) => {
      expect([...file.readFloats(name)]).toEqual([i]);
    });
    expect(file.metadata.get("__proto__")).toBe("x");
    expect(file.tensors.has("toString")).toBe(false);
    file.close();
  });
});

describe("writing", () => {
  test(`what is written is read back (seed ${SEED})`, async () => {
    const bytesPer = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, U8: 1 } as const;
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    const dtype = fc.constantFrom(...(Object.keys(bytesPer) as (keyof typeof bytesPer)[]));
    const stored = fc.tuple(dtype, shape).chain(([type, sizes]) => {
      const length = sizes.reduce((product, size) => product * size, 1) * bytesPer[type];
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((data) => ({ dtype: type, shape: sizes, data }));
    });
    const name = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => text !== "__metadata__");
    const content = fc.record({
      metadata: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }).map((items) => new Map(items)),
      tensors: fc.array(fc.tuple(name, stored), { maxLength: 6 }).map((items) => new Map(items)),
    });
    const path = newPath();
    await fc.assert(
      fc.asyncProperty(content, async ({ metadata, tensors }) => {
        await writeSafetensors(path, { metadata, tensors });
        const file = SafetensorsFile.open(path);
        expect(new Map(file.metadata)).toEqual(metadata);
        expect(file.tensors.size).toBe(tensors.size);
        for (const [key, { dtype: type, shape: sizes, data }] of tensors) {
          const found = file.tensors.get(key)!;
          expect([found.dtype, found.shape]).toEqual([type, sizes]);
          expect(found.byteRange[0] % bytesPer[type]).toBe(0);
          expect(file.readBytes(key)).toEqual(data);
        }
        file.close();
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test("numbers are turned into each type", async () => {
    const floats = Float32Array.of(1, -0.5, 65_504);
    const ints = Int32Array.of(0, 7, 255);
    const tensors: SafetensorsContent["tensors"] = new Map([
      ["F32", { dtype: "F32", shape: [3], data: floats }],
      ["F16", { dtype: "F16", shape: [3], data: floats }],
      ["BF16", { dtype: "BF16", shape: [3], data: floats }],
      ["I32", { dtype: "I32", shape: [3, 1], data: ints }],
      ["I64", { dtype: "I64", shape: [3, 1], data: ints }],
      ["U8", { dtype: "U8", shape: [3, 1], data: ints }],
    ]);
    const file = SafetensorsFile.open(await write({ tensors }));
    expect(file.readFloats("F32")).toEqual(floats);
    expect(file.readFloats("F16")).toEqual(floats);
    expect([...file.readFloats("BF16")]).toEqual([1, -0.5, 65_536]);
    for (const dtype of ["I32", "I64", "U8"]) expect(readInts(file, dtype)).toEqual(ints);
    file.close();
  });

  test.each<[string, SafetensorsContent["tensors"]]>([
    ["too few numbers", new Map([["a", { dtype: "F32", shape: [3], data: new Float32Array(2) }]])],
    ["too many bytes", new Map([["a", { dtype: "F16", shape: [1], data: new Uint8Array(3) }]])],
    ["floats as integers", new Map([["a", { dtype: "I32", shape: [1], data: new Float32Array(1) }]])],
    ["integers as floats", new Map([["a", { dtype: "F16", shape: [1], data: new Int32Array(1) }]])],
    ["a shape with a fraction", new Map([["a", { dtype: "U8", shape: [0.5], data: new Uint8Array(1) }]])],
    ["256 in a byte", new Map([["a", { dtype: "U8", shape: [1], data: Int32Array.of(256) }]])],
    [
      "the name of the metadata",
      new Map([["__metadata__", { dtype: "U8", shape: [0], data: new Uint8Array(0) }]]),
    ],
    ["half a character as name", new Map([["\ud800", { dtype: "U8", shape: [0], data: new Uint8Array(0) }]])],
  ])("%s: refused, and a file that was there stays", async (_what, tensors) => {
    const path = newPath();
    writeFileSync(path, "before");
    await expect(writeSafetensors(path, { tensors })).rejects.toThrow(RangeError);
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a place that cannot be written is named", async () => {
    const path = join(newPath(), "x.safetensors");
    writeFileSync(join(path, ".."), "a file, no folder");
    const writing = writeSafetensors(path, { tensors: new Map() });
    await expect(writing).rejects.toThrow(StorageError);
    await expect(writing).rejects.toThrow(`cannot write ${path}`);
  });
});

const reference = sharedPath("reference");

describe.skipIf(reference === undefined)(
  "files of the format's own library (needs ../shared/reference)",
  () => {
    test.each(["llama", "qwen2", "qwen3", "gemma3"])(
      "%s: all tensors of an adapter and of the logits",
      (family) => {
        for (const name of [
          "adapter-peft/adapter_model.safetensors",
          "forward.safetensors",
          "train.safetensors",
        ]) {
          const file = SafetensorsFile.open(`${reference}/${family}/${name}`);
          expect(file.tensors.size).toBeGreaterThan(3);
          for (const [key, { dtype }] of file.tensors) {
            if (dtype === "I32") expect(readInts(file, key).length).toBeGreaterThan(0);
            else expect(file.readFloats(key).every(Number.isFinite)).toBe(true);
          }
          file.close();
        }
      },
    );
  },
);
