/** @file LoRA dropout and the penalty on the divergence through whole models: finite differences, seeds, evaluation. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import { GraphBuilder } from "../../../../src/graph/graph-builder.js";
import { loraLinear } from "../../../../src/lora/lora-linear.js";
import { buildTrie } from "../../../../src/train/data/token-trie.js";
import { fillDropoutMask } from "../../../../src/train/gradients/fill-dropout-mask.js";
import { ModelGradients } from "../../../../src/train/gradients/model-gradients.js";
import { checkTrainSettings, DEFAULT_TRAIN_SETTINGS } from "../../../../src/train/train-settings.js";
import { linearShape } from "../../../../src/transformer/layer-builder.js";
import { LINEAR_NAMES } from "../../../../src/transformer/linear-name.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const LORA = { rank: 2, alpha: 4, targets: LINEAR_NAMES };
const STEP = 2e-3;
/** As in full-gradients.test.ts: a float32 loss of about 8, over 4e-3. */
const ABSOLUTE_ERROR = 2e-3;
const RELATIVE_ERROR = 0.02;

const newFolder = useTemporaryFolder();

function setUp(settings: { dropout?: number; klPenalty?: number }) {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), {
    family: "qwen2",
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
    ...settings,
  });
  const random = new Random(3);
  const parameters = new Map<string, Float32Array>();
  for (let layer = 0; layer < model.config.layerCount; layer++) {
    for (const name of LINEAR_NAMES) {
      const [inSize, outSize] = linearShape(model.config, name);
      const draw = (length: number, scale: number) =>
        Float32Array.from({ length }, () => (2 * random.next() - 1) * scale);
      parameters.set(`blk.${layer}.${name}.weight.lora_a`, draw(LORA.rank * inSize, 0.2));
      parameters.set(`blk.${layer}.${name}.weight.lora_b`, draw(LORA.rank * outSize, 0.2));
    }
  }
  const sample = (tokens: number[], coefficient: number) => ({
    tokens: Int32Array.from(tokens),
    lossMask: Uint8Array.from(tokens, (_, i) => (i < 2 ? 0 : 1)),
    coefficient,
    evenCoefficient: 0.25,
  });
  const trie = buildTrie([sample([5, 9, 20, 7], 0.4), sample([5, 9, 30], 0.8)]);
  return { file, gradients, parameters, trie };
}

const zeros = (parameters: ReadonlyMap<string, Float32Array>) =>
  new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));

describe("dropout and divergence in a pass", () => {
  for (const settings of [{ dropout: 0.4 }, { klPenalty: 0.8 }, { dropout: 0.3, klPenalty: 0.5 }]) {
    it(`${JSON.stringify(settings)}: gradients are what finite differences give`, async () => {
      const { file, gradients, parameters, trie } = setUp(settings);
      const found = zeros(parameters);
      const options = () => ({ random: new Random(17) });
      await gradients.add(trie, parameters, found, options());
      const scratch = zeros(parameters);
      for (const name of ["blk.0.attn_q", "blk.0.attn_v", "blk.1.attn_k", "blk.0.ffn_down", "blk.1.ffn_up"]) {
        for (const part of ["lora_a", "lora_b"]) {
          const key = `${name}.weight.${part}`;
          const [values, gradient] = [parameters.get(key)!, found.get(key)!];
          const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0);
          const before = values[at]!;
          const lossAt = (value: number) => {
            values[at] = value;
            return gradients.add(trie, parameters, scratch, options());
          };
          const slope = ((await lossAt(before + STEP)) - (await lossAt(before - STEP))) / (2 * STEP);
          values[at] = before;
          const bound = ABSOLUTE_ERROR + RELATIVE_ERROR * Math.abs(slope);
          expect(Math.abs(gradient[at]! - slope), `${key}[${at}]: ${slope}`).toBeLessThan(bound);
          if (part === "lora_b") expect(Math.abs(slope), key).toBeGreaterThan(ABSOLUTE_ERROR);
        }
      }
      await gradients.close();
      file.close();
    });
  }

  it("drops by seed, never in evaluation, and nothing where B is 0", async () => {
    const { file, gradients, parameters, trie } = setUp({ dropout: 0.4 });
    const plain = setUp({});
    const loss = (random: Random) => gradients.add(trie, parameters, new Map(), { random });
    const reference = await plain.gradients.add(trie, parameters, new Map());
    expect(await loss(new Random(1))).toBe(await loss(new Random(1)));
    expect(await loss(new Random(1))).not.toBe(await loss(new Random(2)));
    expect(await loss(new Random(1))).not.toBe(reference);
    expect(await gradients.loss(trie, parameters)).toBe(reference);
    await expect(gradients.add(trie, parameters, new Map())).rejects.toThrow(
      "nothing to draw its masks from",
    );
    for (const [name, values] of parameters) if (name.endsWith("lora_b")) values.fill(0);
    expect(await loss(new Random(1))).toBe(await plain.gradients.add(trie, parameters, new Map()));
    file.close();
    plain.file.close();
  });

  it("measures the divergence from the model without its adapter", async () => {
    const { file, gradients, parameters, trie } = setUp({ klPenalty: 0.8 });
    const seen: number[] = [];
    const onDivergence = (value: number) => seen.push(value);
    await gradients.add(trie, parameters, new Map(), { onDivergence });
    for (const [name, values] of parameters) if (name.endsWith("lora_b")) values.fill(0);
    const silent = await gradients.add(trie, parameters, new Map(), { onDivergence });
    expect(seen[0]).toBeGreaterThan(0.01);
    expect(Math.abs(seen[1]!)).toBeLessThan(1e-5);
    expect(silent).toBeCloseTo(await gradients.loss(trie, parameters), 4);
    file.close();
  });
});

describe("masks", () => {
  it("hold zeros and 1 / (1 − share), in that proportion, also of an odd length", () => {
    for (const share of [0.1, 0.5]) {
      const mask = new Float32Array(40_001);
      fillDropoutMask(mask, share, new Random(5));
      const kept = Math.fround(1 / (1 - share));
      expect(mask.every((value) => value === 0 || value === kept)).toBe(true);
      // Five deviations of a share of 40,001 draws.
      const zeroShare = mask.filter((value) => value === 0).length / mask.length;
      expect(Math.abs(zeroShare - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / mask.length));
      const even = mask.filter((value, i) => i % 2 === 0 && value === 0).length / 20_001;
      expect(Math.abs(even - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / 20_001));
    }
    const none = new Float32Array(9);
    fillDropoutMask(none, 0, new Random(5));
    expect([...none]).toEqual(Array(9).fill(1));
  });

  it("stand before the pair and not before the base's product", async () => {
    const graph = new GraphBuilder();
    const [T, inSize, outSize] = [3, 4, 2];
    const input = graph.input("x", [T, inSize]);
    const weight = graph.input("weight", [outSize, inSize]);
    const lora = loraLinear({ ...LORA, targets: ["attn_q"] }, true);
    graph.output("y", lora.hook(graph, { name: "attn_q", input, weight })!);
    const program = await new ReferenceBackend().compile(graph.build());
    const random = new Random(8);
    const draw = (length: number) => Float32Array.from({ length }, () => random.next() - 0.5);
    const [x, w, a, b] = [draw(T * inSize), draw(outSize * inSize), draw(2 * inSize), draw(outSize * 2)];
    const mask = Float32Array.from([0, 2, 2, 0, 2, 2, 2, 2, 0, 0, 0, 0]);
    const feeds = { x, weight: w, "attn_q.lora_a": a, "attn_q.lora_b": b, "attn_q.dropout": mask };
    const { y } = await program.run(feeds);
    for (let t = 0; t < T; t++) {
      for (let o = 0; o < outSize; o++) {
        let sum = 0;
        for (let i = 0; i < inSize; i++) sum += w[o * inSize + i]! * x[t * inSize + i]!;
        for (let r = 0; r < 2; r++)
          for (let i = 0; i < inSize; i++)
            sum +=
              (LORA.alpha / LORA.rank) *
              b[o * 2 + r]! *
              a[r * inSize + i]! *
              x[t * inSize + i]! *
              mask[t * inSize + i]!;
        expect(y![t * outSize + o]).toBeCloseTo(sum, 5);
      }
    }
  });

  it("are refused out of range", () => {
    for (const dropout of [-0.1, 1, Number.NaN])
      expect(() => checkTrainSettings({ ...DEFAULT_TRAIN_SETTINGS, dropout })).toThrow(
        `dropout is ${dropout}, expected 0 to below 1`,
      );
  });
});
