/** @file Gradients of every weight of a model against finite differences, and rows against tries alone. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { TinyFamily } from "../../../../src/formats/gguf/make-tiny-gguf.js";
import { rowBatch } from "../../../../src/train/data/row-batch.js";
import { buildTrie, type TokenTrie } from "../../../../src/train/data/token-trie.js";
import { ModelGradients } from "../../../../src/train/gradients/model-gradients.js";
import { modelParameters } from "../../../../src/train/gradients/model-parameters.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SEED = 7;
const STEP = 2e-3;
/** Buffers between layers are float32: a loss of about 8 is known to 1e-6, a difference over 4e-3 to 5e-4. */
const ABSOLUTE_ERROR = 2e-3;
const RELATIVE_ERROR = 0.02;
/** Sums of some hundred float32 products in another order. */
const ROUNDING = 1e-4;
const ROW = 12;

type Parameters = Map<string, Float32Array>;

const newFolder = useTemporaryFolder();

function setUp(family: TinyFamily, isTied: boolean, labelSmoothing = 0) {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), {
    family,
    isTied,
    seed: SEED,
    vocab: 260,
    blocks: isTied ? 2 : 1,
    width: 32,
    hasRandomNorms: true,
  });
  const file = GgufFile.open(path);
  const gradients = new ModelGradients({
    model: readModel(file.header),
    weights: new WeightStore(file, "f32"),
    backend: new ReferenceBackend(),
    lora: null,
    labelSmoothing,
  });
  const parameters = modelParameters(file);
  // With logits of 50 the softmax is 0 or 1 and nothing can be seen.
  for (const name of ["token_embd.weight", "output.weight"]) {
    const values = parameters.get(name) ?? new Float32Array();
    for (let i = 0; i < values.length; i++) values[i] = 0.3 * (values[i] as number);
  }
  return { file, gradients, parameters };
}

/** A prompt of 3 with replies of 2 and 3 tokens; a sequence of 6 that is learnt from its second token on. */
function tries(): TokenTrie[] {
  const random = new Random(SEED);
  const draw = (count: number) => Array.from({ length: count }, () => random.integer(3, 12));
  const prompt = draw(3);
  const sample = (tokens: number[], learnt: number, coefficient: number) => ({
    tokens: Int32Array.from(tokens),
    lossMask: Uint8Array.from(tokens, (_, i) => (i < learnt ? 0 : 1)),
    coefficient,
  });
  return [
    buildTrie([sample([...prompt, 20, ...draw(1)], 3, 0.4), sample([...prompt, 30, ...draw(2)], 3, 0.7)]),
    buildTrie([sample(draw(6), 1, 0.3)]),
  ];
}

const zeros = (parameters: Parameters): Parameters =>
  new Map([...parameters].map(([name, { length }]) => [name, new Float32Array(length)]));

function expectSame(actual: Parameters, wanted: Parameters): void {
  for (const [name, values] of wanted)
    for (const [at, value] of values.entries())
      expect(Math.abs((actual.get(name)?.[at] as number) - value), `${name}[${at}]`).toBeLessThan(ROUNDING);
}

describe("gradients of all weights", () => {
  const cases = [
    ...(["llama", "qwen2", "qwen3", "gemma3"] as const).flatMap((family) =>
      [true, false].map((isTied) => ({ family, isTied, smoothing: family === "llama" ? 0.2 : 0 })),
    ),
    // Granite's scales with a head of its own, the others' layers with a tied one; the rest are made of the same parts.
    { family: "granite", isTied: false, smoothing: 0.2 } as const,
    { family: "phi3", isTied: true, smoothing: 0 } as const,
    { family: "lfm2", isTied: true, smoothing: 0 } as const,
  ];
  for (const { family, isTied, smoothing } of cases) {
    it(`${family}, head ${isTied ? "tied" : "of its own"}: what finite differences give`, async () => {
      const { file, gradients, parameters } = setUp(family, isTied, smoothing);
      const batch = rowBatch(tries(), ROW);
      const found = zeros(parameters);
      await gradients.add(batch, parameters, found);
      const scratch = zeros(parameters);
      expect([...parameters.keys()].sort()).toEqual([...file.tensors.keys()].sort());
      for (const [name, gradient] of found) {
        const largest = gradient.reduce(
          (best, value, i) => (Math.abs(value) > Math.abs(gradient[best] as number) ? i : best),
          0,
        );
        const values = parameters.get(name) as Float32Array;
        for (const at of [largest, (largest + 11) % gradient.length]) {
          const before = values[at] as number;
          const lossAt = async (value: number) => {
            values[at] = value;
            // loss() knows no smoothing; it takes a third of the time.
            return smoothing > 0
              ? gradients.add(batch, parameters, scratch)
              : gradients.loss(batch, parameters);
          };
          const slope = ((await lossAt(before + STEP)) - (await lossAt(before - STEP))) / (2 * STEP);
          values[at] = before;
          const bound = ABSOLUTE_ERROR + RELATIVE_ERROR * Math.abs(slope);
          const message = `${name}[${at}]: ${gradient[at]} against ${slope}`;
          expect(Math.abs((gradient[at] as number) - slope), message).toBeLessThan(bound);
        }
        // A key bias moves all scores of a query alike, up to its rotation: nothing to see there.
        if (!name.endsWith("attn_k.bias"))
          expect(Math.abs(gradient[largest] as number), name).toBeGreaterThan(ABSOLUTE_ERROR);
      }
      await gradients.close();
      file.close();
    });
  }
});

describe("rows", () => {
  for (const family of ["llama", "gemma3", "lfm2"] as const) {
    it(`${family}: a batch of padded rows is its tries one by one`, async () => {
      const { file, gradients, parameters } = setUp(family, true);
      const long = buildTrie([
        {
          tokens: Int32Array.from({ length: 150 }, (_, i) => 3 + ((i * 7) % 90)),
          lossMask: Uint8Array.from({ length: 150 }, (_, i) => (i % 50 === 49 ? 1 : 0)),
          coefficient: 0.5,
        },
      ]);
      const all = [...tries(), long];
      const alone = zeros(parameters);
      let loss = 0;
      for (const trie of all) loss += await gradients.add(trie, parameters, alone);
      const together = zeros(parameters);
      // Longer than a block of attention, and than gemma3's window.
      const batch = rowBatch(all, 160);
      expect(await gradients.add(batch, parameters, together)).toBeCloseTo(loss, 4);
      expectSame(together, alone);
      expect(await gradients.loss(batch, parameters)).toBeCloseTo(loss, 4);
      await gradients.close();
      file.close();
    });
  }

  it("padding changes nothing, to the bit", async () => {
    const { file, gradients, parameters } = setUp("llama", false);
    const batch = rowBatch(tries(), ROW);
    const tokens = batch.tokens.slice();
    for (const place of [8, 9, 10, 11, 18, 23]) tokens[place] = 200;
    const [one, other] = [zeros(parameters), zeros(parameters)];
    const loss = await gradients.add(batch, parameters, one);
    expect(await gradients.add({ ...batch, tokens }, parameters, other)).toBe(loss);
    for (const [name, values] of one) expect(other.get(name), name).toEqual(values);
    await gradients.close();
    file.close();
  });

  it("refuses a trie longer than a row", () => {
    expect(() => rowBatch(tries(), 7)).toThrow("a trie of 8 tokens does not fit a row of 7");
  });
});
