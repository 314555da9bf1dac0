/** @file Prompts that count as constants: the same loss, and the gradient of a loss in which their keys stay as they are. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { TinyFamily } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { actionExample } from "../../../../src/train/data/example.js";
import { packBatches } from "../../../../src/train/data/pack-batches.js";
import { type StoppedPrompts, stopSharedPrompts } from "../../../../src/train/data/prompted-trie.js";
import { ModelGradients } from "../../../../src/train/gradients/model-gradients.js";
import { linearShape } from "../../../../src/transformer/layer-builder.js";
import { ALL_LINEAR_NAMES, linearsOf } from "../../../../src/transformer/linear-name.js";
import type { LayerConfig } from "../../../../src/transformer/model-config.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const LORA = { rank: 2, alpha: 4, targets: ALL_LINEAR_NAMES };
const STEP = 2e-3;
/** As in full-gradients.test.ts: a float32 loss of about 8, over 4e-3. */
const ABSOLUTE_ERROR = 2e-3;
const RELATIVE_ERROR = 0.02;
/** Digits of the loss that do not depend on the order of float32 sums. */
const LOSS_DIGITS = 4;

const newFolder = useTemporaryFolder();
type Parameters = Map<string, Float32Array>;

const zeros = (parameters: Parameters): Parameters =>
  new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));

function setUp(family: TinyFamily, klPenalty = 0) {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), {
    family,
    vocab: 260,
    blocks: 2,
    width: 32,
    hasRandomNorms: true,
  });
  const file = GgufFile.open(path);
  const model = readModel(file.header);
  const gradients = new ModelGradients({
    model,
    weights: new WeightStore(file, "f32"),
    backend: new ReferenceBackend(),
    lora: LORA,
    klPenalty,
  });
  const random = new Random(3);
  const parameters: Parameters = new Map();
  for (let layer = 0; layer < model.config.layerCount; layer++) {
    for (const name of linearsOf(model.config.layers[layer] as LayerConfig)) {
      const [inSize, outSize] = linearShape(model.config, name);
      const draw = (length: number) => Float32Array.from({ length }, () => (2 * random.next() - 1) * 0.2);
      parameters.set(`blk.${layer}.${name}.weight.lora_a`, draw(LORA.rank * inSize));
      parameters.set(`blk.${layer}.${name}.weight.lora_b`, draw(LORA.rank * outSize));
    }
  }
  return { file, gradients, parameters };
}

/** A prompt of 30 tokens with four replies, and a sequence that shares nothing, in passes of 48 tokens. */
function divided(klPenalty = 0) {
  const random = new Random(9);
  const draw = (length: number) => Int32Array.from({ length }, () => random.integer(3, 200));
  const promptTokens = draw(30);
  const examples = [4, 8, 12, 9].map((length, i) =>
    actionExample({ promptTokens, actionTokens: draw(length), weight: 1 + i, group: "one" }),
  );
  examples.push(actionExample({ promptTokens: draw(10), actionTokens: draw(5), weight: 1, group: "two" }));
  return packBatches(examples, { tokenBudget: 48, klPenalty });
}

async function total(
  { gradients, parameters }: ReturnType<typeof setUp>,
  { prompt, parts }: StoppedPrompts,
  sums: Parameters,
  keysFrom: Parameters = parameters,
): Promise<number> {
  const promptKeys = prompt === undefined ? {} : { promptKeys: await gradients.promptKeys(prompt, keysFrom) };
  let loss = 0;
  for (const part of parts) loss += await gradients.add(part, parameters, sums, promptKeys);
  return loss;
}

describe("prompts as constants", () => {
  it("takes out what several passes share, up to the token that predicts the first target", () => {
    const packed = divided();
    expect(packed.splitCount).toBeGreaterThan(0);
    const { prompt, parts } = stopSharedPrompts(packed.tries);
    expect(prompt?.tokens).toHaveLength(29);
    expect(prompt?.targets).toEqual([]);
    const targetCount = packed.tries.reduce((sum, { targets }) => sum + targets.length, 0);
    expect(parts.reduce((sum, { targets }) => sum + targets.length, 0)).toBe(targetCount);
    for (const [i, part] of parts.entries()) {
      const trie = packed.tries[i];
      const tokenOf =
        (tokens: Int32Array) =>
        ({ token, source }: { token: number; source: number }) => [tokens[source], tokens[token]];
      expect(part.targets.map(tokenOf(part.tokens))).toEqual(trie?.targets.map(tokenOf(trie.tokens)));
      if (!("promptRows" in part)) continue;
      expect(part.tokens.length + part.promptRows.length).toBe(trie?.tokens.length);
      expect(part.layout.positions[0]).toBe(part.wholeLayout.positions[part.promptRows.length]);
    }
    const single = stopSharedPrompts(packed.tries.slice(0, 1));
    expect(single).toEqual({ prompt: undefined, parts: packed.tries.slice(0, 1) });
  });

  for (const family of ["llama", "gemma3", "lfm2"] as const) {
    it(`${family}: the loss stays, the gradient is the one with constant keys`, async () => {
      const set = setUp(family);
      const { gradients, parameters } = set;
      const packed = divided();
      const exact = zeros(parameters);
      const loss = await total(set, { prompt: undefined, parts: packed.tries }, exact);
      const stopped = stopSharedPrompts(packed.tries);
      const found = zeros(parameters);
      expect(await total(set, stopped, found)).toBeCloseTo(loss, LOSS_DIGITS);
      const frozen = new Map([...parameters].map(([name, values]) => [name, values.slice()]));
      const scratch = zeros(parameters);
      const second = family === "lfm2" ? "blk.1.shortconv.in_proj" : "blk.1.attn_k";
      for (const name of ["blk.0.attn_k", "blk.0.attn_v", second, "blk.0.ffn_down"]) {
        for (const part of ["lora_a", "lora_b"]) {
          const key = `${name}.weight.${part}`;
          const [values, gradient] = [parameters.get(key)!, found.get(key)!];
          const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0);
          const before = values[at]!;
          const lossAt = (value: number) => {
            values[at] = value;
            return total(set, stopped, scratch, frozen);
          };
          const slope = ((await lossAt(before + STEP)) - (await lossAt(before - STEP))) / (2 * STEP);
          values[at] = before;
          const bound = ABSOLUTE_ERROR + RELATIVE_ERROR * Math.abs(slope);
          expect(Math.abs(gradient[at]! - slope), `${key}[${at}]: ${slope}`).toBeLessThan(bound);
        }
      }
      // The first layer's values of the prompt do carry gradient in the exact one.
      const [some, all] = [found, exact].map((sums) => sums.get("blk.0.attn_v.weight.lora_b")!);
      const apart = Math.max(...some!.map((value, i) => Math.abs(value - all![i]!)));
      expect(apart).toBeGreaterThan(10 * ABSOLUTE_ERROR);
      await gradients.close();
      set.file.close();
    });
  }

  it("knows the divergence from the base too", async () => {
    const set = setUp("qwen2", 0.7);
    const packed = divided(0.7);
    const scratch = zeros(set.parameters);
    const loss = await total(set, { prompt: undefined, parts: packed.tries }, scratch);
    expect(await total(set, stopSharedPrompts(packed.tries), scratch)).toBeCloseTo(loss, LOSS_DIGITS);
    set.file.close();
  });
});
