/** @file Adapters: whole pairs of finite numbers that fit their base, refused otherwise. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkAdapterFits } from "../../../../src/formats/gguf/gguf-adapter-checks.js";
import { readLoadableModel } from "../../../../src/formats/gguf/gguf-loadable.js";
import type { GgufMetadata } from "../../../../src/formats/gguf/gguf-metadata.js";
import { encodeGguf, gguf, type TensorToWrite } from "../../../../src/formats/gguf/gguf-writer.js";
import { makeTinyGguf } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { readGgufHeader } from "../../../../src/formats/gguf/read-gguf-header.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder()();
const base = readGgufHeader(makeTinyGguf(join(folder, "base.gguf"), { vocab: 260, blocks: 1, width: 32 }));
let files = 0;

const matrix = (name: string, input: number, output: number, fill = 0.5): TensorToWrite => ({
  name,
  dimensions: [input, output],
  data: new Float32Array(input * output).fill(fill),
});
/** Rank 4 on the query matrix of the only block. */
const PAIR = [matrix("blk.0.attn_q.weight.lora_a", 32, 4), matrix("blk.0.attn_q.weight.lora_b", 4, 32)];

function adapter(
  tensors: TensorToWrite[] = PAIR,
  edit: (metadata: GgufMetadata) => unknown = () => {},
): string {
  const metadata: GgufMetadata = new Map([
    ["general.type", gguf.string("adapter")],
    ["general.architecture", gguf.string("llama")],
    ["adapter.type", gguf.string("lora")],
    ["adapter.lora.alpha", gguf.float32(8)],
  ]);
  edit(metadata);
  const path = join(folder, `${files++}.gguf`);
  writeFileSync(path, encodeGguf(metadata, tensors));
  return path;
}

const check = (path: string) => () => checkAdapterFits(readGgufHeader(path), base);

describe("adapters", () => {
  test("a sound one fits its base, and is no model", () => {
    expect(check(adapter())).not.toThrow();
    expect(() => readLoadableModel(adapter())).toThrow("bad GGUF: general.type: is an adapter, not a model");
  });

  test.each<[string, string, RegExp]>([
    ["half a pair", adapter([PAIR[0] as TensorToWrite]), /lora_b: is missing: half of a pair/],
    ["foreign suffix", adapter([...PAIR, matrix("blk.0.attn_k.weight", 4, 4)]), /ends in neither/],
    ["no tensors", adapter([]), /tensor count: is 0/],
    [
      "ranks that differ",
      adapter([PAIR[0] as TensorToWrite, matrix("blk.0.attn_q.weight.lora_b", 8, 32)]),
      /rank 4 in A and 8 in B/,
    ],
    [
      "alpha NaN",
      adapter(PAIR, (m) => m.set("adapter.lora.alpha", gguf.float32(Number.NaN))),
      /alpha: is NaN/,
    ],
    ["alpha 0", adapter(PAIR, (m) => m.set("adapter.lora.alpha", gguf.float32(0))), /alpha: is 0/],
    ["alpha missing", adapter(PAIR, (m) => m.delete("adapter.lora.alpha")), /alpha: is missing/],
    [
      "alpha an integer",
      adapter(PAIR, (m) => m.set("adapter.lora.alpha", gguf.uint32(8))),
      /alpha: is missing or no/,
    ],
    [
      "another kind of adapter",
      adapter(PAIR, (m) => m.set("adapter.type", gguf.string("x"))),
      /adapter.type/,
    ],
    [
      "another architecture",
      adapter(PAIR, (m) => m.set("general.architecture", gguf.string("qwen2"))),
      /is qwen2, the model is llama/,
    ],
    [
      "unknown base tensor",
      adapter([matrix("blk.9.attn_q.weight.lora_a", 32, 4), matrix("blk.9.attn_q.weight.lora_b", 4, 32)]),
      /is not in the model/,
    ],
    [
      "wrong width",
      adapter([matrix("blk.0.attn_q.weight.lora_a", 64, 4), matrix("blk.0.attn_q.weight.lora_b", 4, 32)]),
      /do not fit a weight of 32 × 32/,
    ],
    [
      "NaN weight",
      adapter([PAIR[0] as TensorToWrite, matrix("blk.0.attn_q.weight.lora_b", 4, 32, Number.NaN)]),
      /contains NaN/,
    ],
    [
      "infinite weight",
      adapter([
        PAIR[0] as TensorToWrite,
        matrix("blk.0.attn_q.weight.lora_b", 4, 32, Number.NEGATIVE_INFINITY),
      ]),
      /contains NaN/,
    ],
    ["a model given as adapter", join(folder, "base.gguf"), /is not an adapter/],
  ])("%s", (_name, path, message) => {
    expect(check(path)).toThrow(message);
  });
});
