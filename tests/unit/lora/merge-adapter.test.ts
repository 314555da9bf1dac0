import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError, InputError } from "../../../src/core/errors.js";
import { GgufFile } from "../../../src/formats/gguf/gguf-file.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { stringValue } from "../../../src/formats/gguf/gguf-metadata.js";
import { encodeGguf, gguf } from "../../../src/formats/gguf/gguf-writer.js";
import { makeTinyGguf } from "../../../src/formats/gguf/make-tiny-gguf.js";
import type { WeightType } from "../../../src/formats/gguf/weight-type.js";
import { adapterHash } from "../../../src/lora/adapter-hash.js";
import { completePairs } from "../../../src/lora/complete-pairs.js";
import { writeGgufAdapter } from "../../../src/lora/gguf-adapter.js";
import type { LoraAdapter, LoraPair } from "../../../src/lora/lora-adapter.js";
import { mergeAdapter } from "../../../src/lora/merge-adapter.js";
import { LINEAR_NAMES } from "../../../src/transformer/linear-name.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { Transformer } from "../../../src/transformer/transformer.js";
import { adapterInjection } from "../../support/adapter-injection.js";
import { randomAdapter } from "../../support/random-adapter.js";
import { ReferenceBackend } from "../../support/reference-backend.js";
import { splitTinyGguf } from "../../support/split-gguf.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder()();
const SMALL = { vocab: 260, blocks: 2, width: 32, seed: 4, hasRandomNorms: true } as const;
const base = makeTinyGguf(join(folder, "base.gguf"), SMALL);
const { config: model } = readModel(readLoadableModel(base));
const TARGETS = ["attn_q", "attn_v", "ffn_down"] as const;
const adapter = randomAdapter(
  model,
  { rank: 3, alpha: 4.5, targets: TARGETS },
  { origin: { dataHash: "d" } },
);
let files = 0;

async function merge(from: LoraAdapter, type?: WeightType, basePath = base): Promise<string> {
  const path = join(folder, `adapter-${files}.gguf`);
  const out = join(folder, `merged-${files++}.gguf`);
  await writeGgufAdapter(path, from);
  await mergeAdapter(basePath, path, out, type);
  return out;
}

/** W + scale·B·A by the definition, in float64. */
function expected(
  weight: Float32Array,
  { a, b, inSize, outSize }: LoraPair,
  rank: number,
  scale: number,
): number[] {
  return Array.from({ length: outSize * inSize }, (_, at) => {
    const [row, column] = [Math.floor(at / inSize), at % inSize];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += (b[row * rank + r] as number) * (a[r * inSize + column] as number);
    return (weight[at] as number) + scale * sum;
  });
}

/**
 * Rounding of a number of size x whose block of 32 has the largest size m: a float32 has 24 bits, a float16 11;
 * Q8_0 has steps of m/127, halved, and rounds the step to 11 bits.
 */
const BOUND: Readonly<Record<WeightType, (x: number, m: number) => number>> = {
  F32: (x) => Math.abs(x) * 2 ** -24 + 1e-12,
  F16: (x) => Math.max(Math.abs(x) * 2 ** -11, 2 ** -25) * 1.001,
  Q8_0: (_x, m) => (m / 254) * 1.001 + m * 2 ** -11,
};
const FILE_TYPE = { F32: 0, F16: 1, Q8_0: 7 };

describe("mergeAdapter", () => {
  for (const type of ["F32", "F16", "Q8_0"] as const) {
    it(`${type}: W + (alpha / rank)·B·A within the rounding of the type; the rest keeps its bytes`, async () => {
      const merged = GgufFile.open(await merge(adapter, type));
      const original = GgufFile.open(base);
      expect([...merged.tensors.keys()]).toEqual([...original.tensors.keys()]);
      let changed = 0;
      for (const [name, { typeName, shape }] of merged.tensors) {
        expect(shape).toEqual(original.tensors.get(name)?.shape);
        const pair = adapter.pairs.get(name);
        if (pair === undefined) {
          expect(typeName).toBe(original.tensors.get(name)?.typeName);
          expect(merged.readBytes(name)).toEqual(original.readBytes(name));
          continue;
        }
        changed++;
        expect(typeName).toBe(type);
        const wanted = expected(original.readFloats(name), pair, 3, 1.5);
        const found = merged.readFloats(name);
        for (let from = 0; from < wanted.length; from += 32) {
          const block = wanted.slice(from, from + 32);
          const largest = Math.max(...block.map(Math.abs));
          for (const [i, x] of block.entries())
            expect(Math.abs((found[from + i] as number) - x)).toBeLessThanOrEqual(BOUND[type](x, largest));
        }
      }
      expect(changed).toBe(6);
      const { metadata } = merged.header;
      expect(metadata.get("general.file_type")?.value).toBe(FILE_TYPE[type]);
      expect(stringValue(metadata, "general.name")).toBe("tiny random 4");
      expect(stringValue(metadata, "w4s.merged.adapter.sha256")).toBe(adapterHash(adapter));
      expect(stringValue(metadata, "w4s.merged.data.sha256")).toBe("d");
      expect(metadata.get("tokenizer.ggml.tokens")).toEqual(
        original.header.metadata.get("tokenizer.ggml.tokens"),
      );
      merged.close();
      original.close();
    });
  }

  it("gives the same file for a split base, and for the same inputs", async () => {
    const { parts, whole } = splitTinyGguf(folder, SMALL);
    expect(readFileSync(base).equals(whole)).toBe(true);
    const once = readFileSync(await merge(adapter));
    expect(readFileSync(await merge(adapter)).equals(once)).toBe(true);
    const fromParts = GgufFile.open(await merge(adapter, "F16", parts[0]));
    const fromWhole = GgufFile.open(await merge(adapter, "F16"));
    expect(fromParts.header.metadata).toEqual(fromWhole.header.metadata);
    for (const name of fromWhole.tensors.keys())
      expect(fromParts.readBytes(name)).toEqual(fromWhole.readBytes(name));
    expect(fromParts.tensors.size).toBe(fromWhole.tensors.size);
    fromParts.close();
    fromWhole.close();
  });

  it("writes F16 where rows are no multiple of Q8_0's block", async () => {
    const path = join(folder, "odd.gguf");
    const metadata = new Map([
      // The tokenizer of the tiny model; no file is valid without one.
      ...readLoadableModel(base).metadata,
      ["general.architecture", gguf.string("phi2")],
      ...Object.entries({ block_count: 1, context_length: 8, embedding_length: 48 }).map(
        ([key, value]) => [`phi2.${key}`, gguf.uint32(value)] as const,
      ),
      ["phi2.attention.head_count", gguf.uint32(4)],
    ]);
    const names = ["blk.0.attn_q.weight", "blk.0.attn_v.weight"];
    const data = new Float32Array(48 * 64).fill(0.25);
    const tensors = [
      { name: names[0] as string, dimensions: [48, 64], data },
      { name: names[1] as string, dimensions: [64, 48], data },
    ];
    writeFileSync(path, encodeGguf(metadata, tensors));
    const pairs = new Map(
      tensors.map(({ name, dimensions: [inSize = 0, outSize = 0] }) => [
        name,
        { inSize, outSize, a: new Float32Array(inSize).fill(0.5), b: new Float32Array(outSize).fill(0.5) },
      ]),
    );
    const config = { rank: 1, alpha: 1, targets: ["attn_q", "attn_v"] as const };
    const out = await merge({ architecture: "phi2", config, pairs, origin: {} }, "Q8_0", path);
    const merged = GgufFile.open(out);
    expect(names.map((name) => merged.tensors.get(name)?.typeName)).toEqual(["F16", "Q8_0"]);
    expect(merged.readFloats(names[0] as string).every((x) => x === 0.5)).toBe(true);
    merged.close();
  });

  it("refuses numbers that the type cannot hold, and writes no file then", async () => {
    const large = randomAdapter(model, { rank: 1, alpha: 1, targets: ["attn_q"] });
    const { a, b } = large.pairs.get("blk.1.attn_q.weight") as LoraPair;
    a.fill(1000);
    b.fill(1000);
    await expect(merge(large, "F16")).rejects.toThrow(InputError);
    await expect(merge(large, "F16")).rejects.toThrow(/blk\.1\.attn_q\.weight .* which F16 cannot hold/);
    expect(existsSync(join(folder, `merged-${files - 1}.gguf`))).toBe(false);
    expect(existsSync(await merge(large, "F32"))).toBe(true);
    expect(existsSync(await merge(large, "Q8_0"))).toBe(true);
    a.fill(1e6);
    b.fill(1e6);
    await expect(merge(large, "Q8_0")).rejects.toThrow(/which Q8_0 cannot hold/);
    a.fill(1e30);
    b.fill(1e30);
    await expect(merge(large, "F32")).rejects.toThrow(InputError);
  });

  it("refuses an adapter of another model", async () => {
    const wide = makeTinyGguf(join(folder, "wide.gguf"), { ...SMALL, width: 64 });
    const qwen = makeTinyGguf(join(folder, "qwen.gguf"), { ...SMALL, family: "qwen2" });
    const short = makeTinyGguf(join(folder, "short.gguf"), { ...SMALL, blocks: 1 });
    await expect(merge(adapter, "F16", wide)).rejects.toThrow(FormatError);
    await expect(merge(adapter, "F16", wide)).rejects.toThrow(/do not fit a weight/);
    await expect(merge(adapter, "F16", qwen)).rejects.toThrow(/is llama, the model is qwen2/);
    await expect(merge(adapter, "F16", short)).rejects.toThrow(/blk\.1\.attn_q\.weight: is not in the model/);
    await expect(mergeAdapter(base, base, join(folder, "no.gguf"))).rejects.toThrow(/is not an adapter/);
  });
});

describe("an adapter on the forward pass", () => {
  const tokens = [3, 40, 41, 99, 120, 7];

  async function logits(path: string, on?: LoraAdapter): Promise<Float32Array> {
    const injection = on === undefined ? {} : { injection: adapterInjection(on) };
    const transformer = Transformer.open(path, {
      backend: new ReferenceBackend(),
      weights: "f32",
      ...injection,
    });
    const values = await transformer.logits(tokens);
    await transformer.close();
    return values;
  }

  const distance = (x: Float32Array, y: Float32Array) =>
    x.reduce((most, value, i) => Math.max(most, Math.abs(value - (y[i] as number))), 0);
  /** Sums in float64, results in float32: logits of this model are below 16, whose last bit is 1e-6. */
  const TOLERANCE = 2e-5;

  it("with B zero changes nothing, to the bit", async () => {
    const zero = {
      ...adapter,
      pairs: new Map(
        [...adapter.pairs].map(([name, pair]) => [name, { ...pair, b: new Float32Array(pair.b.length) }]),
      ),
    };
    expect(await logits(base, zero)).toEqual(await logits(base));
  });

  it("is the merged model, also where layers have no pair", async () => {
    const plain = await logits(base);
    const partial = {
      ...adapter,
      pairs: new Map(
        [...adapter.pairs].filter(
          ([name]) => name !== "blk.0.attn_v.weight" && name !== "blk.1.attn_q.weight",
        ),
      ),
    };
    for (const one of [adapter, partial]) {
      const injected = await logits(base, one);
      expect(distance(injected, plain)).toBeGreaterThan(0.1);
      expect(distance(injected, await logits(await merge(one, "F32")))).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(distance(await logits(base, adapter), await logits(base, partial))).toBeGreaterThan(0.01);
    const complete = completePairs(partial, model);
    expect([...complete.pairs.keys()]).toEqual([...adapter.pairs.keys()]);
    expect(await logits(base, complete)).toEqual(await logits(base, partial));
    expect(LINEAR_NAMES.filter((name) => complete.config.targets.includes(name))).toEqual(TARGETS);
  });
});
