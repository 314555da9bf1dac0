/** @file The pre-check accepts what is valid and refuses each kind of lie with a message that names the field. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../../src/core/errors.js";
import { checkShapes } from "../../../../src/formats/gguf/check-shapes.js";
import {
  inspectGguf,
  loadableProblems,
  readLoadableModel,
} from "../../../../src/formats/gguf/gguf-loadable.js";
import type { GgufMetadata } from "../../../../src/formats/gguf/gguf-metadata.js";
import { ValueType } from "../../../../src/formats/gguf/gguf-types.js";
import { encodeGguf, gguf } from "../../../../src/formats/gguf/gguf-writer.js";
import { makeTinyGguf, tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { readGgufHeader } from "../../../../src/formats/gguf/read-gguf-header.js";
import { trainerProblem } from "../../../../src/lora/adapter-fit.js";
import { pair, rawGguf, tensorInfo, text, u32, u64 } from "../../../support/gguf-bytes.js";
import { sharedPath } from "../../../support/shared.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder()();
const SMALL = { vocab: 260, blocks: 1, width: 32 } as const;
let files = 0;

function write(bytes: Buffer): string {
  const path = join(folder, `${files++}.gguf`);
  writeFileSync(path, bytes);
  return path;
}

/** The message of the refusal; fails when the file is accepted or the error is of another kind. */
function refusal(path: string, read: (path: string) => unknown = readGgufHeader): string {
  try {
    read(path);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).file).toBe(path);
    expect((error as FormatError).message).toMatch(/^bad GGUF: .+: .+/s);
    return (error as FormatError).message;
  }
  throw new Error("the file was accepted");
}

const tiny = (editMetadata: (metadata: GgufMetadata) => void) =>
  write(tinyGgufBytes({ ...SMALL, editMetadata }));
const ARCHITECTURE = pair("general.architecture", ValueType.STRING, text("llama"));

describe("valid files", () => {
  test("a tiny model", () => {
    const header = readLoadableModel(makeTinyGguf(join(folder, "tiny.gguf"), { seed: 3 }));
    expect(header).toMatchObject({
      kind: "model",
      architecture: "llama",
      alignment: 32,
      version: 3,
      warnings: [],
    });
    expect(header.tensors).toHaveLength(2 + 1 + 9 * 2);
    expect(header.metadata.get("llama.context_length")?.value).toBe(4096);
  });

  test("keys named like members of every object stay data", () => {
    const header = readGgufHeader(
      tiny((metadata) => metadata.set("__proto__", gguf.string("x")).set("constructor", gguf.string("y"))),
    );
    expect(header.metadata.get("__proto__")?.value).toBe("x");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(header.warnings.join()).toContain("__proto__");
  });

  test("no tensors and no blocks: parses, but never reaches native code", () => {
    const path = write(encodeGguf(new Map([["general.architecture", gguf.string("llama")]]), []));
    expect(loadableProblems(readGgufHeader(path)).length).toBeGreaterThan(0);
    expect(refusal(path, readLoadableModel)).toContain("tensor count: is 0");
    const blockless = write(
      tinyGgufBytes({ ...SMALL, blocks: 0, editMetadata: (m) => m.set("llama.block_count", gguf.uint32(0)) }),
    );
    expect(refusal(blockless, readLoadableModel)).toContain("llama.block_count");
  });

  test("every scalar type is read back as it was written", () => {
    const values: [string, GgufMetadata extends Map<string, infer V> ? V : never][] = [
      ["a", { type: ValueType.UINT8, value: 200 }],
      ["b", { type: ValueType.INT8, value: -3 }],
      ["c", { type: ValueType.UINT16, value: 60_000 }],
      ["d", { type: ValueType.INT16, value: -30_000 }],
      ["e", { type: ValueType.INT32, value: -5 }],
      ["f", { type: ValueType.UINT64, value: 2n ** 63n }],
      ["g", { type: ValueType.INT64, value: -7n }],
      ["h", { type: ValueType.FLOAT64, value: Math.PI }],
      ["i", { type: ValueType.BOOL, value: true }],
      ["j", { type: ValueType.ARRAY, elementType: ValueType.FLOAT32, value: Float32Array.of(1.5, -2) }],
      [
        "k",
        { type: ValueType.ARRAY, elementType: ValueType.UINT64, value: BigUint64Array.of(1n, 2n ** 60n) },
      ],
    ];
    const header = readGgufHeader(
      tiny((metadata) => {
        for (const [key, value] of values) metadata.set(key, value);
      }),
    );
    for (const [key, value] of values) expect(header.metadata.get(key)).toEqual(value);
  });

  const reference = sharedPath("reference", "llama", "model-q4_k.gguf");
  test.skipIf(!reference)(
    "a quantised model and an adapter that other tools wrote (needs the shared reference files)",
    () => {
      expect(readLoadableModel(reference as string).tensors.some(({ type }) => type.name === "Q4_K")).toBe(
        true,
      );
      expect(readGgufHeader(sharedPath("reference", "llama", "adapter.gguf") as string).kind).toBe("adapter");
    },
  );
});

describe("not a file", () => {
  test("directory, device, dangling link, pipe, nothing", () => {
    mkdirSync(join(folder, "dir.gguf"));
    symlinkSync(join(folder, "nowhere"), join(folder, "dangling.gguf"));
    execFileSync("mkfifo", [join(folder, "pipe.gguf")]);
    expect(refusal(join(folder, "dir.gguf"))).toContain("is a directory");
    expect(refusal(join(folder, "dangling.gguf"))).toContain("does not exist");
    expect(refusal(join(folder, "pipe.gguf"))).toContain("not a regular file");
    expect(refusal("/dev/zero")).toContain("not a regular file");
  });
});

describe("lies about the outside", () => {
  test.each<[string, Buffer, string]>([
    ["empty", Buffer.alloc(0), "file: is empty"],
    ["three bytes", Buffer.from("GGU"), "magic"],
    ["web page", Buffer.from(`<!DOCTYPE html><html>${" ".repeat(80)}</html>`), "is a web page"],
    [
      "LFS pointer",
      Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\n`),
      "Git LFS",
    ],
    ["other magic", rawGguf({ magic: "GGML" }), 'found "GGML"'],
    ["only the magic", Buffer.from("GGUF"), "header"],
    ["version 1", rawGguf({ version: 1, pairs: [ARCHITECTURE] }), "version: is 1"],
    ["version 4", rawGguf({ version: 4, pairs: [ARCHITECTURE] }), "version: is 4"],
    ["big-endian", rawGguf({ version: 0x0300_0000, pairs: [ARCHITECTURE] }), "big-endian"],
    ["2^63 keys", rawGguf({ keyCount: 2n ** 63n }), "key count"],
    ["2^64 - 1 tensors", rawGguf({ tensorCount: -1, pairs: [ARCHITECTURE] }), "tensor count"],
    ["one key too many", rawGguf({ keyCount: 2, pairs: [ARCHITECTURE] }), "key 1: needs 8 bytes"],
  ])("%s", (_name, bytes, message) => {
    expect(refusal(write(bytes))).toContain(message);
  });

  test.each([
    ["big-endian", rawGguf({ version: 0x0300_0000, pairs: [ARCHITECTURE] }), /gguf_convert_endian/],
    ["version 1", rawGguf({ version: 1, pairs: [ARCHITECTURE] }), /convert the model anew/],
    ["version 99", rawGguf({ version: 99, pairs: [ARCHITECTURE] }), /newer than this version of w4s/],
  ])("%s: what helps is said, and another download does not", (_name, bytes, hint) => {
    const path = write(bytes);
    let error: unknown;
    try {
      readGgufHeader(path);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ hint: expect.stringMatching(hint) });
    expect((error as { hint: string }).hint).not.toContain("download");
  });

  test("a file far larger than memory is not read for its length", () => {
    const path = write(
      rawGguf({ keyCount: 60_000, pairs: [pair("a", ValueType.ARRAY, u32(ValueType.UINT8), u64(2 ** 33))] }),
    );
    truncateSync(path, 2 ** 36);
    expect(refusal(path)).toContain("a: claims 8589934592 elements");
  });
});

describe("lies in keys and values", () => {
  const file = (...pairs: Buffer[]) =>
    write(Buffer.concat([rawGguf({ pairs: [ARCHITECTURE, ...pairs] }), Buffer.alloc(64)]));
  test.each<[string, Buffer, string]>([
    ["key length 2^64 - 1", Buffer.concat([u64(-1), u32(4), u32(0)]), "beyond the end"],
    ["empty key", pair("", ValueType.UINT32, u32(1)), "is empty"],
    ["key with NUL", pair("a\0b", ValueType.UINT32, u32(1)), "contains NUL"],
    ["key not UTF-8", pair(Buffer.from([0xff, 0xfe]), ValueType.UINT32, u32(1)), "not UTF-8"],
    ["duplicate key", Buffer.from(ARCHITECTURE), "appears twice"],
    ["string length beyond the file", pair("a", ValueType.STRING, u64(2 ** 40)), "a: length"],
    ["string not UTF-8", pair("a", ValueType.STRING, text(Buffer.from([0xc3, 0x28]))), "a: is not UTF-8"],
    ["unknown value type", pair("a", 13, u32(0)), "a: has unknown value type 13"],
    ["negative value type", pair("a", 0xffffffff, u32(0)), "a: has unknown value type -1"],
    ["bool with value 2", pair("a", ValueType.BOOL, Buffer.of(2)), "a: is a bool with value 2"],
    ["huge array", pair("a", ValueType.ARRAY, u32(ValueType.UINT8), u64(2n ** 62n)), "a: claims"],
    [
      "array of strings that wraps",
      pair("a", ValueType.ARRAY, u32(ValueType.STRING), u64(2n ** 61n)),
      "a: claims",
    ],
    ["array of arrays", pair("a", ValueType.ARRAY, u32(ValueType.ARRAY), u64(1)), "array of arrays"],
    ["array of unknown type", pair("a", ValueType.ARRAY, u32(99), u64(0)), "unknown value type 99"],
  ])("%s", (_name, bytes, message) => {
    expect(refusal(file(bytes))).toContain(message);
  });

  test("cut at every byte of the header", () => {
    const whole = tinyGgufBytes(SMALL);
    const { dataOffset } = readGgufHeader(write(whole));
    const path = join(folder, "cut.gguf");
    for (let length = 0; length < dataOffset; length += length < 300 ? 1 : 37) {
      writeFileSync(path, whole.subarray(0, length));
      refusal(path);
    }
    writeFileSync(path, whole.subarray(0, whole.length - 64));
    expect(refusal(path)).toContain("tensor output.weight: ends at byte");
  });
});

describe("models without attention", () => {
  test("are no bad files, but none that can be trained", () => {
    for (const [architecture, heads] of [
      ["mamba", undefined],
      ["mamba2", 0],
      ["rwkv6qwen2", 0],
      ["arwkv7", 0],
      ["rwkv7", undefined],
    ] as const) {
      const path = tiny((metadata) => {
        for (const [key, value] of [...metadata])
          if (key.startsWith("llama.")) metadata.set(key.replace("llama.", `${architecture}.`), value);
        metadata.set("general.architecture", gguf.string(architecture));
        for (const key of ["head_count", "head_count_kv"]) {
          metadata.delete(`${architecture}.attention.${key}`);
          if (heads !== undefined) metadata.set(`${architecture}.attention.${key}`, gguf.uint32(heads));
        }
      });
      const { header, problems } = inspectGguf(path);
      expect(problems).toEqual([]);
      expect(trainerProblem(header)).toMatch(
        new RegExp(`^general.architecture is ${architecture}; supported are llama, .*lfm2$`),
      );
    }
  });

  test("nor is one of a trained family whose layers all lack it", () => {
    const all = (key: string) => (metadata: GgufMetadata) => metadata.set(key, gguf.int32s([0, 0]));
    const path = write(
      tinyGgufBytes({
        ...SMALL,
        blocks: 2,
        family: "lfm2",
        editMetadata: all("lfm2.attention.head_count_kv"),
      }),
    );
    // The second layer's tensors are those of a convolution, the first one's are not.
    expect(refusal(path)).toContain("blk.0.shortconv.conv.weight: is missing");
    const header = readGgufHeader(write(tinyGgufBytes({ ...SMALL, blocks: 2, family: "lfm2" })));
    all("lfm2.attention.head_count_kv")(header.metadata);
    expect(trainerProblem(header)).toMatch(/head_count_kv is 0 in every layer: there is no attention/);
  });
});

describe("shapes of every family", () => {
  const families = ["smollm3", "granite", "minicpm", "phi3", "lfm2"] as const;
  test.each(families)("%s: a tensor of another shape, or none, is a bad file", (family) => {
    const bytes = tinyGgufBytes({ ...SMALL, blocks: 2, family });
    const header = readLoadableModel(write(bytes));
    expect(trainerProblem(header)).toBeNull();
    const tensors = header.tensors.filter(({ name }) => name !== "output.weight");
    for (const { name } of tensors) {
      const without = header.tensors.filter((tensor) => tensor.name !== name);
      expect(() => checkShapes(header, without), name).toThrow(FormatError);
      const wider = header.tensors.map((tensor) =>
        tensor.name === name ? { ...tensor, dimensions: tensor.dimensions.map((size) => size + 32) } : tensor,
      );
      expect(() => checkShapes(header, wider), name).toThrow(FormatError);
    }
  });
});

describe("lies about the model", () => {
  const set = (key: string, value: Parameters<GgufMetadata["set"]>[1]) => (metadata: GgufMetadata) =>
    metadata.set(key, value);
  const drop = (key: string) => (metadata: GgufMetadata) => metadata.delete(key);
  test.each<[string, (metadata: GgufMetadata) => unknown, string]>([
    ["architecture missing", drop("general.architecture"), "general.architecture: is missing"],
    [
      "architecture a number",
      set("general.architecture", gguf.uint32(1)),
      "general.architecture: is not a string",
    ],
    ["architecture unknown", set("general.architecture", gguf.string("lama")), '"lama" is unknown'],
    ["type a number", set("general.type", gguf.uint32(1)), "general.type: is not a string"],
    ["alignment 0", set("general.alignment", gguf.uint32(0)), "general.alignment: is 0"],
    ["alignment 33", set("general.alignment", gguf.uint32(33)), "general.alignment: is 33"],
    ["alignment 2^31", set("general.alignment", gguf.uint32(2 ** 31)), "general.alignment"],
    ["alignment a string", set("general.alignment", gguf.string("32")), "general.alignment: is not"],
    ["alignment unlike the layout", set("general.alignment", gguf.uint32(4096)), "tensor"],
    ["no block count", drop("llama.block_count"), "llama.block_count: is missing"],
    ["block count a string", set("llama.block_count", gguf.string("1")), "llama.block_count: is not"],
    ["block count absurd", set("llama.block_count", gguf.uint32(100_000)), "llama.block_count: is 100000"],
    ["more blocks than tensors", set("llama.block_count", gguf.uint32(2)), "block 1 of 2 is missing"],
    ["fewer blocks than tensors", set("llama.block_count", gguf.uint32(0)), "is in block 0, the model has 0"],
    ["width 0", set("llama.embedding_length", gguf.uint32(0)), "llama.embedding_length: is 0"],
    ["width other than the tensors'", set("llama.embedding_length", gguf.uint32(64)), "has shape"],
    ["no width", drop("llama.embedding_length"), "llama.embedding_length: is missing"],
    ["no context", drop("llama.context_length"), "llama.context_length: is missing"],
    ["context 0", set("llama.context_length", gguf.uint32(0)), "llama.context_length: is 0"],
    ["no heads", drop("llama.attention.head_count"), "head_count: is missing"],
    ["heads 0", set("llama.attention.head_count", gguf.uint32(0)), "head_count: is 0"],
    ["heads that do not divide", set("llama.attention.head_count", gguf.uint32(3)), "does not divide"],
    ["kv heads that do not divide", set("llama.attention.head_count_kv", gguf.uint32(7)), "does not divide"],
    [
      "epsilon NaN",
      set("llama.attention.layer_norm_rms_epsilon", gguf.float32(Number.NaN)),
      "epsilon: is NaN",
    ],
    ["rope base 0", set("llama.rope.freq_base", gguf.float32(0)), "rope.freq_base: is 0"],
    ["rope scaling unknown", set("llama.rope.scaling.type", gguf.string("x")), "rope.scaling.type"],
    ["experts used without experts", set("llama.expert_used_count", gguf.uint32(2)), "expert_used_count"],
    ["tokenizer missing", drop("tokenizer.ggml.model"), "tokenizer.ggml.model: is missing"],
    ["tokenizer unknown", set("tokenizer.ggml.model", gguf.string("x")), '"x" is unknown'],
    ["tokens missing", drop("tokenizer.ggml.tokens"), "tokenizer.ggml.tokens: is missing"],
    ["tokens numbers", set("tokenizer.ggml.tokens", gguf.int32s([1])), "tokenizer.ggml.tokens"],
    ["tokens empty", set("tokenizer.ggml.tokens", gguf.strings([])), "tokens: is empty"],
    ["tokens twice", set("tokenizer.ggml.tokens", gguf.strings(Array(260).fill("a"))), "is both 0 and 1"],
    ["token types too few", set("tokenizer.ggml.token_type", gguf.int32s([1])), "has 1 elements for 260"],
    ["token types strings", set("tokenizer.ggml.token_type", gguf.strings(["a"])), "has the wrong type"],
    ["scores too few", set("tokenizer.ggml.scores", gguf.int32s([1])), "has 1 elements for 260"],
    ["merges missing", drop("tokenizer.ggml.merges"), "merges: is missing"],
    ["merge without space", set("tokenizer.ggml.merges", gguf.strings(["ab"])), "merges[0]"],
    ["end token outside", set("tokenizer.ggml.eos_token_id", gguf.uint32(260)), "eos_token_id: is 260"],
    [
      "end token negative",
      set("tokenizer.ggml.eos_token_id", { type: ValueType.INT32, value: -1 }),
      "eos_token_id",
    ],
    ["template a number", set("tokenizer.chat_template", gguf.uint32(1)), "chat_template: is not a string"],
    [
      "template too big",
      set("tokenizer.chat_template", gguf.string("x".repeat(2 ** 20 + 1))),
      "chat_template: length",
    ],
  ])("%s", (_name, edit, message) => {
    expect(refusal(tiny(edit))).toContain(message);
  });

  test("vocabulary and embedding of different sizes", () => {
    const path = tiny((metadata) => {
      const tokens = metadata.get("tokenizer.ggml.tokens")?.value as string[];
      tokens.pop();
      metadata.set("tokenizer.ggml.token_type", gguf.int32s(tokens.map(() => 1)));
    });
    expect(refusal(path)).toContain("token_embd.weight: has 260 rows for 259 tokens");
  });
});

describe("lies in tensors", () => {
  const NAMES = { architecture: ARCHITECTURE };
  const file = (tensors: Parameters<typeof tensorInfo>[0][], dataBytes = 4096) =>
    write(rawGguf({ pairs: [NAMES.architecture], tensors: tensors.map(tensorInfo), dataBytes }));
  test.each<[string, Parameters<typeof tensorInfo>[0][], string]>([
    ["rank 0", [{ name: "a", dimensions: [] }], "has 0 dimensions"],
    ["rank 5", [{ name: "a", dimensions: [1, 1, 1, 1, 1] }], "has 5 dimensions"],
    ["rank 2^32 - 1", [{ name: "a", dimensions: [1], rank: 2 ** 32 - 1 }], "has 4294967295 dimensions"],
    ["dimension 0", [{ name: "a", dimensions: [0] }], "dimension 0 is 0"],
    ["dimension negative", [{ name: "a", dimensions: [-4] }], "dimension 0 is -4"],
    [
      "dimensions that overflow",
      [{ name: "a", dimensions: [2n ** 40n, 2n ** 40n] }],
      "more elements than 2^63",
    ],
    ["larger than the file", [{ name: "a", dimensions: [2 ** 40] }], "needs 4398046511104 bytes"],
    ["unknown type", [{ name: "a", dimensions: [32], type: 43 }], "unknown tensor type 43"],
    ["withdrawn type", [{ name: "a", dimensions: [32], type: 4 }], "unknown tensor type 4"],
    ["negative type", [{ name: "a", dimensions: [32], type: 2 ** 32 - 1 }], "unknown tensor type -1"],
    [
      "rows that do not fit the block",
      [{ name: "a", dimensions: [100], type: 12 }],
      "no multiple of Q4_K's block",
    ],
    ["empty name", [{ name: "", dimensions: [4] }], "empty name"],
    ["name too long", [{ name: "a".repeat(64), dimensions: [4] }], "longer than 63 bytes"],
    ["name with NUL", [{ name: "a\0", dimensions: [4] }], "NUL in its name"],
    ["name not UTF-8", [{ name: Buffer.from([0xff]), dimensions: [4] }], "not UTF-8"],
    [
      "duplicate name",
      [
        { name: "a", dimensions: [8] },
        { name: "a", dimensions: [8], offset: 32 },
      ],
      "appears twice",
    ],
    ["first offset not 0", [{ name: "a", dimensions: [8], offset: 32 }], "leaves a hole"],
    [
      "misaligned",
      [
        { name: "a", dimensions: [8] },
        { name: "b", dimensions: [8], offset: 33 },
      ],
      "not aligned",
    ],
    [
      "overlap",
      [
        { name: "a", dimensions: [16] },
        { name: "b", dimensions: [8], offset: 32 },
      ],
      "overlaps",
    ],
    [
      "hole",
      [
        { name: "a", dimensions: [8] },
        { name: "b", dimensions: [8], offset: 64 },
      ],
      "leaves a hole",
    ],
    ["offset that wraps", [{ name: "a", dimensions: [8], offset: 2n ** 64n - 32n }], "beyond the end"],
    [
      "outside the file",
      [
        { name: "a", dimensions: [1000] },
        { name: "b", dimensions: [100], offset: 4000 },
      ],
      "ends at byte",
    ],
  ])("%s", (_name, tensors, message) => {
    expect(refusal(file(tensors))).toContain(message);
  });

  test("missing and misshapen tensors of a known family", () => {
    const whole = tinyGgufBytes(SMALL);
    const renamed = Buffer.from(whole);
    renamed.write("x", renamed.indexOf("blk.0.ffn_up.weight") + 6);
    expect(refusal(write(renamed))).toContain("tensor blk.0.ffn_up.weight: is missing");
    const swapped = Buffer.from(whole);
    // The two dimensions of a 32 × 64 matrix follow the name and the rank.
    const at = swapped.indexOf("blk.0.ffn_up.weight") + "blk.0.ffn_up.weight".length + 4;
    swapped.writeBigUInt64LE(64n, at);
    swapped.writeBigUInt64LE(32n, at + 8);
    expect(refusal(write(swapped))).toContain("has shape 64 × 32, expected 32 × 64");
  });
});

describe("warnings, not refusals", () => {
  test("trailing bytes, absurd context, looping and walking templates, odd names", () => {
    const bytes = tinyGgufBytes({
      ...SMALL,
      chatTemplate: "{% for i in range(10000000) %}{% endfor %}{{ messages.constructor }}",
      editMetadata: (metadata) => {
        metadata.set("llama.context_length", gguf.uint32(2 ** 30));
        metadata.set("general.name", gguf.string("\u001b[31m<script>"));
      },
    });
    const { warnings } = readGgufHeader(write(Buffer.concat([bytes, Buffer.alloc(100)])));
    const all = warnings.join("\n");
    for (const part of [
      "bytes follow",
      "is absurd",
      "very long loop",
      "walks object internals",
      "general.name",
    ]) {
      expect(all).toContain(part);
    }
  });
});

describe("inspectGguf", () => {
  test("says why a valid file is not loaded, and joins nothing that is whole", () => {
    const path = write(encodeGguf(new Map([["general.architecture", gguf.string("llama")]]), []));
    expect(inspectGguf(path).problems.map(({ field }) => field)).toContain("tensor count");
    const whole = write(tinyGgufBytes(SMALL));
    expect(inspectGguf(whole)).toMatchObject({ problems: [], header: { parts: [whole] } });
  });
});

describe("split models", () => {
  const part = (
    name: string,
    no: number,
    count: number,
    total: number,
    edit?: (metadata: GgufMetadata) => void,
  ) => {
    const path = join(folder, name);
    makeTinyGguf(path, {
      ...SMALL,
      editMetadata: (metadata) => {
        metadata.set("split.no", { type: ValueType.UINT16, value: no });
        metadata.set("split.count", { type: ValueType.UINT16, value: count });
        metadata.set("split.tensors.count", { type: ValueType.INT32, value: total });
        edit?.(metadata);
      },
    });
    return path;
  };

  test("a missing part, a lying count, a part out of place", () => {
    expect(refusal(part("lonely.gguf", 0, 2, 12), readLoadableModel)).toContain("split.count");
    const first = part("m-00001-of-00002.gguf", 0, 2, 12);
    expect(refusal.bind(null, first, readLoadableModel)).toThrow();
    part("m-00002-of-00002.gguf", 0, 2, 12);
    expect(() => readLoadableModel(first)).toThrow(/split.no: is 0, expected 1/);
    part("m-00002-of-00002.gguf", 1, 2, 12);
    expect(() => readLoadableModel(first)).toThrow(/split.tensors.count: is 12/);
    expect(() => readLoadableModel(join(folder, "m-00002-of-00002.gguf"))).toThrow(
      /a later part, not a model/,
    );
    part("n-00001-of-00003.gguf", 0, 2, 12);
    expect(refusal(join(folder, "n-00001-of-00003.gguf"), readLoadableModel)).toContain("the file name says");
  });
});
