import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { readLoadableModel } from "../../../src/formats/gguf/gguf-loadable.js";
import { makeTinyGguf, type TinyFamily } from "../../../src/formats/gguf/make-tiny-gguf.js";
import { initLora } from "../../../src/lora/init-lora.js";
import type { LoraConfig } from "../../../src/lora/lora-adapter.js";
import { LINEAR_NAMES, type LinearName } from "../../../src/transformer/linear-name.js";
import { readModel } from "../../../src/transformer/read-model.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const root = useTemporaryFolder()();
const { config: model } = readModel(readLoadableModel(makeTinyGguf(join(root, "m.gguf"))));
const ALL: LoraConfig = { rank: 8, alpha: 16, targets: LINEAR_NAMES };

describe("initLora", () => {
  it("has a pair for every target of every layer, in order, with B zero", () => {
    const { architecture, config, pairs } = initLora(
      model,
      { ...ALL, targets: ["ffn_down", "attn_k"] },
      new Random(1),
    );
    expect(architecture).toBe("llama");
    expect(config).toEqual({ rank: 8, alpha: 16, targets: ["attn_k", "ffn_down"] });
    expect([...pairs].map(([name, { inSize, outSize }]) => [name, inSize, outSize])).toEqual([
      ["blk.0.attn_k.weight", 64, 32],
      ["blk.0.ffn_down.weight", 128, 64],
      ["blk.1.attn_k.weight", 64, 32],
      ["blk.1.ffn_down.weight", 128, 64],
    ]);
    for (const { inSize, outSize, a, b } of pairs.values()) {
      expect([a.length, b.length]).toEqual([8 * inSize, outSize * 8]);
      expect(b.every((value) => value === 0)).toBe(true);
    }
  });

  it("takes the seven plain names for every matrix that the model's layers have", () => {
    const of = (family: TinyFamily) => {
      const path = makeTinyGguf(join(root, `${family}.gguf`), { family });
      return readModel(readLoadableModel(path)).config;
    };
    const fused = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"];
    const phi3 = initLora(of("phi3"), ALL, new Random(1));
    expect(phi3.config.targets).toEqual(fused);
    expect([...phi3.pairs.keys()]).toEqual(
      [0, 1].flatMap((i) => fused.map((name) => `blk.${i}.${name}.weight`)),
    );
    expect(phi3.pairs.get("blk.0.attn_qkv.weight")).toMatchObject({ inSize: 64, outSize: 128 });
    expect(phi3.pairs.get("blk.0.ffn_up.weight")).toMatchObject({ inSize: 64, outSize: 256 });
    const lfm2 = initLora(of("lfm2"), ALL, new Random(1));
    const convolution = ["ffn_gate", "ffn_up", "ffn_down", "shortconv.in_proj", "shortconv.out_proj"];
    expect(lfm2.config.targets).toEqual([...LINEAR_NAMES, ...convolution.slice(3)]);
    expect([...lfm2.pairs.keys()]).toEqual([
      ...LINEAR_NAMES.map((name) => `blk.0.${name}.weight`),
      ...convolution.map((name) => `blk.1.${name}.weight`),
    ]);
    const refused = () => initLora(of("phi3"), { ...ALL, targets: ["attn_q", "ffn_up"] }, new Random(1));
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow("LoRA target attn_q is no matrix of phi3 models");
  });

  it("draws A uniformly from ±1/√in", () => {
    const { pairs } = initLora(model, { ...ALL, rank: 64 }, new Random(2));
    for (const { a, inSize } of pairs.values()) {
      const bound = 1 / Math.sqrt(inSize);
      const mean = a.reduce((sum, x) => sum + x, 0) / a.length;
      const variance = a.reduce((sum, x) => sum + x * x, 0) / a.length;
      expect(a.every((x) => Math.abs(x) <= bound)).toBe(true);
      expect(Math.max(...a)).toBeGreaterThan(0.95 * bound);
      // 4,096 draws or more: five deviations of the mean are 0.045 of the bound, of the variance 0.07 of itself.
      expect(Math.abs(mean)).toBeLessThan(0.045 * bound);
      expect(variance / (bound * bound)).toBeGreaterThan(0.31);
      expect(variance / (bound * bound)).toBeLessThan(0.357);
    }
  });

  it("depends on the seed alone, and a matrix not on which others are targets", () => {
    const of = (targets: readonly LinearName[], seed: number) =>
      initLora(model, { ...ALL, targets }, new Random(seed)).pairs.get("blk.1.attn_v.weight");
    expect(of(LINEAR_NAMES, 5)).toEqual(of(["attn_v"], 5));
    expect(of(LINEAR_NAMES, 5)).not.toEqual(of(LINEAR_NAMES, 6));
    const { pairs } = initLora(model, ALL, new Random(5));
    expect(pairs.get("blk.0.attn_v.weight")).not.toEqual(pairs.get("blk.1.attn_v.weight"));
  });

  it.each<[string, Partial<LoraConfig>, RegExp]>([
    ["rank 0", { rank: 0 }, /rank is 0, expected a whole number from 1 to 1024/],
    ["rank 2.5", { rank: 2.5 }, /rank is 2.5/],
    ["rank 1025", { rank: 1025 }, /rank is 1025/],
    ["alpha 0", { alpha: 0 }, /alpha is 0, expected a number above 0/],
    ["alpha NaN", { alpha: Number.NaN }, /alpha is NaN/],
    ["alpha infinite", { alpha: Number.POSITIVE_INFINITY }, /alpha is Infinity/],
    ["no targets", { targets: [] }, /targets are \[\], expected some of attn_q/],
    ["a target twice", { targets: ["attn_q", "attn_q"] }, /targets are \["attn_q","attn_q"\]/],
    ["an unknown target", { targets: ["token_embd" as LinearName] }, /token_embd/],
  ])("refuses %s", (_name, change, message) => {
    const make = () => initLora(model, { ...ALL, ...change }, new Random(0));
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
