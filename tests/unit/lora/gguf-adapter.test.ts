import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, InputError, InternalError } from "../../../src/core/errors.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import type { GgufMetadata } from "../../../src/formats/gguf/gguf-metadata.js";
import { encodeGguf, gguf, type TensorToWrite } from "../../../src/formats/gguf/gguf-writer.js";
import { makeTinyGguf } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { adapterHash } from "../../../src/lora/adapter-hash.js";
import { readGgufAdapter, writeGgufAdapter } from "../../../src/lora/gguf-adapter.js";
import type { LoraAdapter, LoraPair } from "../../../src/lora/lora-adapter.js";
import { saveAdapter } from "../../../src/lora/save-adapter.js";
import { LINEAR_NAMES } from "../../../src/transformer/linear-name.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { randomAdapter } from "../../support/random-adapter.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const SEED = 20_261_123;
const folder = useTemporaryFolder()();
const { config: model } = readModel(readLoadableModel(makeTinyGguf(join(folder, "base.gguf"))));
const origin = {
  baseHash: "a".repeat(64),
  baseName: "Tiny Ünïcode",
  dataHash: "b".repeat(64),
  parentHash: "c".repeat(64),
  trainConfig: '{"epochs":2}',
  rewards: '{"count":3}',
};
let files = 0;
const newPath = () => join(folder, `${files++}.gguf`);

async function written(adapter: LoraAdapter, type?: "F32" | "F16"): Promise<string> {
  const path = newPath();
  await writeGgufAdapter(path, adapter, type);
  return path;
}

describe("writing and reading", () => {
  it("gives back every bit of F32, and the same bytes for the same adapter", async () => {
    const shape = fc.record({
      rank: fc.integer({ min: 1, max: 9 }),
      // What a 32-bit float holds: the file has no other alpha.
      alpha: fc.float({ min: Math.fround(0.001), max: 1000, noNaN: true }),
      targets: fc.subarray([...LINEAR_NAMES], { minLength: 1 }),
      seed: fc.nat(),
      origin: fc.constantFrom({}, origin, { baseName: "x" }),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ rank, alpha, targets, seed, origin: from }) => {
        const adapter = randomAdapter(model, { rank, alpha, targets }, { seed, origin: from });
        const path = await written(adapter);
        const back = readGgufAdapter(path);
        expect(back).toEqual(adapter);
        expect([...back.pairs.keys()]).toEqual([...adapter.pairs.keys()]);
        expect(adapterHash(back)).toBe(adapterHash(adapter));
        expect(readFileSync(await written(back))).toEqual(readFileSync(path));
      }),
      { seed: SEED, numRuns: 25 },
    );
  });

  it("rounds to 11 bits for F16", async () => {
    const adapter = randomAdapter(model, { rank: 4, alpha: 8, targets: ["attn_q"] });
    const back = readGgufAdapter(await written(adapter, "F16"));
    for (const [name, { a, b }] of adapter.pairs) {
      const pair = back.pairs.get(name) as LoraPair;
      for (const [ours, theirs] of [
        [a, pair.a],
        [b, pair.b],
      ] as const) {
        expect(theirs).not.toEqual(ours);
        for (const [i, x] of ours.entries()) {
          // Half of the last of 11 bits; below 2^-14 the steps are 2^-24.
          expect(Math.abs((theirs[i] as number) - x)).toBeLessThanOrEqual(
            Math.max(Math.abs(x) * 2 ** -11, 2 ** -25),
          );
        }
      }
    }
    const large = randomAdapter(model, { rank: 4, alpha: 8, targets: ["attn_q"] });
    (large.pairs.get("blk.1.attn_q.weight") as LoraPair).b[3] = 70_000;
    await expect(written(large, "F16")).rejects.toThrow(InputError);
    await expect(written(large, "F16")).rejects.toThrow(/blk\.1\.attn_q\.weight has the value 70000/);
  });

  it("refuses a pair that does not fit its sizes", async () => {
    const adapter = randomAdapter(model, { rank: 4, alpha: 8, targets: ["attn_q"] });
    const pairs = new Map([...adapter.pairs].map(([name, pair]) => [name, { ...pair, inSize: 63 }]));
    await expect(written({ ...adapter, pairs })).rejects.toThrow(InternalError);
  });

  it("saves under a name that changes with the content", async () => {
    const adapter = randomAdapter(model, { rank: 2, alpha: 4, targets: ["attn_q"] });
    const path = await saveAdapter(join(folder, "new", "folder"), "lora", adapter);
    expect(basename(path)).toMatch(/^adapter-lora-[0-9a-f]{12}\.gguf$/);
    expect(readGgufAdapter(path)).toEqual(adapter);
    const others = [
      randomAdapter(model, { rank: 2, alpha: 4, targets: ["attn_q"] }, { seed: 2 }),
      { ...adapter, config: { ...adapter.config, alpha: 8 } },
    ];
    for (const other of others)
      expect(await saveAdapter(folder, "lora", other)).not.toBe(join(folder, basename(path)));
    expect(basename(await saveAdapter(folder, "lora", adapter))).toBe(basename(path));
  });
});

const matrix = (name: string, dimensions: number[]): TensorToWrite => ({
  name,
  dimensions,
  data: new Float32Array(dimensions.reduce((product, size) => product * size, 1)).map((_, i) => i + 1),
});
const pair = (name: string, rank: number, input = 32, output = 64) => [
  matrix(`${name}.lora_a`, [input, rank]),
  matrix(`${name}.lora_b`, [rank, output]),
];

function foreign(tensors: TensorToWrite[], edit: (metadata: GgufMetadata) => unknown = () => {}): string {
  const metadata: GgufMetadata = new Map([
    ["general.type", gguf.string("adapter")],
    ["general.architecture", gguf.string("llama")],
    ["adapter.type", gguf.string("lora")],
    ["adapter.lora.alpha", gguf.float32(8)],
  ]);
  edit(metadata);
  const path = newPath();
  writeFileSync(path, encodeGguf(metadata, tensors));
  return path;
}

describe("files of other tools", () => {
  it("are read in any order of tensors, and without origin", () => {
    const path = foreign([
      ...pair("blk.10.attn_q.weight", 2).reverse(),
      ...pair("blk.2.ffn_up.weight", 2),
      ...pair("blk.2.attn_v.weight", 2),
    ]);
    const { pairs, config, origin: from } = readGgufAdapter(path);
    expect([...pairs.keys()]).toEqual(["blk.2.attn_v.weight", "blk.2.ffn_up.weight", "blk.10.attn_q.weight"]);
    expect(config).toEqual({ rank: 2, alpha: 8, targets: ["attn_q", "attn_v", "ffn_up"] });
    expect(from).toEqual({});
  });

  it("may leave out or add dimensions of 1, as ggml does", () => {
    const name = "blk.0.attn_q.weight";
    const plain = readGgufAdapter(foreign(pair(name, 1)));
    expect(plain.config.rank).toBe(1);
    const vector = foreign([matrix(`${name}.lora_a`, [32]), matrix(`${name}.lora_b`, [1, 64])]);
    expect(readGgufAdapter(vector).pairs).toEqual(plain.pairs);
    const deep = foreign([matrix(`${name}.lora_a`, [32, 1, 1]), matrix(`${name}.lora_b`, [1, 64, 1])]);
    expect(readGgufAdapter(deep).pairs).toEqual(plain.pairs);
  });

  it.each<[string, string, RegExp]>([
    ["a model", join(folder, "base.gguf"), /general\.type: is model, expected adapter/],
    ["half a pair", foreign(pair("blk.0.attn_q.weight", 2).slice(1)), /lora_a: is missing: half of a pair/],
    [
      "ranks that differ between pairs",
      foreign([...pair("blk.0.attn_q.weight", 2), ...pair("blk.0.attn_v.weight", 4)]),
      /attn_v\.weight\.lora_a: has rank 4, the ones before it 2/,
    ],
    [
      "the embedding",
      foreign(pair("token_embd.weight", 2)),
      /token_embd\.weight\.lora_a: belongs to none of attn_q/,
    ],
    ["the head", foreign(pair("output.weight", 2)), /output\.weight\.lora_a: belongs to none/],
    [
      "a fused matrix",
      foreign(pair("blk.0.attn_qkv.weight", 2)),
      /attn_qkv\.weight\.lora_a: belongs to none/,
    ],
    ["a layer in odd digits", foreign(pair("blk.007.attn_q.weight", 2)), /blk\.007\.attn_q.*belongs to none/],
    [
      "a negative alpha",
      foreign(pair("blk.0.attn_q.weight", 2), (m) => m.set("adapter.lora.alpha", gguf.float32(-8))),
      /alpha: is -8, expected above 0/,
    ],
    [
      "activated LoRA",
      foreign(pair("blk.0.attn_q.weight", 2), (m) =>
        m.set("adapter.alora.invocation_tokens", { type: 9, elementType: 4, value: Uint32Array.of(1, 2) }),
      ),
      /invocation_tokens: is given: activated LoRA is not supported/,
    ],
    [
      "NaN",
      foreign(
        pair("blk.0.attn_q.weight", 2).map((one) => ({ ...one, data: one.data.slice().fill(Number.NaN) })),
      ),
      /contains NaN or infinity/,
    ],
  ])("are refused with %s", (_name, path, message) => {
    expect(() => readGgufAdapter(path)).toThrow(FormatError);
    expect(() => readGgufAdapter(path)).toThrow(message);
  });
});
