/** Loss, gradients and ten AdamW steps against PyTorch + PEFT, on tiny random models of all families. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GgufFile } from "../../src/formats/gguf/gguf-file.js";
import { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";
import type { ComputeDevice } from "../../src/graph/compute-device.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import type { LoraConfig } from "../../src/lora/lora-adapter.js";
import { buildTrie, type TokenTrie } from "../../src/train/data/token-trie.js";
import type { KeptActivations } from "../../src/train/gradients/layer-graphs.js";
import { ModelGradients } from "../../src/train/gradients/model-gradients.js";
import { AdamW } from "../../src/train/loop/adamw.js";
import { clipByGlobalNorm } from "../../src/train/loop/clip-by-global-norm.js";
import { ALL_LINEAR_NAMES } from "../../src/transformer/linear-name.js";
import { readModel } from "../../src/transformer/read-model.js";
import { singleSequence } from "../../src/transformer/token-layout.js";
import { WeightStore } from "../../src/transformer/weight-store.js";
import { readInts } from "../support/read-ints.js";
import { sharedPath } from "../support/shared.js";

/** The fixture's own float32 loss is up to 5.7e-6 from its float64 one; ours adds other sums of the same kind. */
const LOSS_TOLERANCE = 1e-4;
/** Of a tensor's largest gradient; the fixture's float32 gradients are up to 4.9e-6 from its float64 ones. */
const GRADIENT_TOLERANCE = 2e-5;
const NORM_TOLERANCE = 1e-5;
/** Adam's first step is lr·sign(g): an element near eps may move by a visible part of lr = 1e-3 through rounding. */
const ADAPTER_TOLERANCE = 2e-4;

const LORA: LoraConfig = { rank: 4, alpha: 8, targets: ALL_LINEAR_NAMES };
const FAMILIES = ["llama", "qwen2", "qwen3", "gemma3"];
const NEWER = ["smollm3", "granite", "minicpm", "llama3-rope", "phi3", "phi3-partial", "lfm2"];
const folder = sharedPath("reference");
/** Another one than the CPU under `make test-gpu`. */
const DEVICE = process.env.W4S_TEST_DEVICE as ComputeDevice | undefined;

interface Numbers {
  loss: number;
  gradNorm: number;
  steps: { losses: number[]; gradNorms: number[]; lossAfterLastStep: number };
  prefix: { loss: number; gradNorm: number };
}

class Golden {
  readonly file: SafetensorsFile;
  readonly numbers: Numbers;
  readonly weights: number[];
  readonly prefixWeights: number[];

  constructor(family: string) {
    this.file = SafetensorsFile.open(`${folder}/${family}/train.safetensors`);
    const json = JSON.parse(readFileSync(`${folder}/${family}/train.json`, "utf8"));
    this.numbers = json.float64;
    this.weights = json.weights;
    this.prefixWeights = json.prefixWeights;
  }

  tensors(prefix: string): Map<string, Float32Array> {
    const found = new Map<string, Float32Array>();
    for (const name of this.file.tensors.keys())
      if (name.startsWith(`${prefix}.blk.`))
        found.set(name.slice(prefix.length + 1), this.file.readFloats(name));
    return found;
  }

  sequences(prefix: string, count: number): { tokens: Int32Array; mask: Int32Array }[] {
    return Array.from({ length: count }, (_, i) => ({
      tokens: Int32Array.from(readInts(this.file, `${prefix}seq${i}.tokens`)),
      mask: Int32Array.from(readInts(this.file, `${prefix}seq${i}.mask`)),
    }));
  }
}

/** One sequence alone, with the sample-mean normalisation of N samples. */
function alone(
  sequence: { tokens: Int32Array; mask: Int32Array },
  weight: number,
  samples: number,
): TokenTrie {
  const targets = [...sequence.mask.keys()].filter((t) => sequence.mask[t] === 1);
  return {
    layout: singleSequence(sequence.tokens.length),
    tokens: sequence.tokens,
    targets: targets.map((token) => ({
      token,
      source: token - 1,
      weight: weight / (samples * targets.length),
    })),
  };
}

function open(family: string, keep: KeptActivations): { model: ModelGradients; close(): void } {
  const file = GgufFile.open(`${folder}/${family}/model-f32.gguf`);
  const model = new ModelGradients({
    model: readModel(file.header),
    weights: new WeightStore(file, "f32"),
    backend: new OrtBackend({ threads: 1, device: DEVICE }),
    lora: LORA,
    keptLayerCount: keep === "none" ? 0 : Number.MAX_SAFE_INTEGER,
  });
  return { model, close: () => file.close() };
}

async function lossAndGradients(
  model: ModelGradients,
  tries: readonly TokenTrie[],
  parameters: ReadonlyMap<string, Float32Array>,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const gradients = new Map([...parameters].map(([name, values]) => [name, new Float32Array(values.length)]));
  let loss = 0;
  for (const trie of tries) loss += await model.add(trie, parameters, gradients);
  return { loss, gradients };
}

/** The largest error of any tensor, relative to its own largest element. */
function worstRelative(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
): number {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  let worst = 0;
  for (const [name, wanted] of expected) {
    const found = actual.get(name) as Float32Array;
    expect(found.length, name).toBe(wanted.length);
    const scale = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    expect(scale, name).toBeGreaterThan(0);
    for (let i = 0; i < wanted.length; i++)
      worst = Math.max(worst, Math.abs((found[i] as number) - (wanted[i] as number)) / scale);
  }
  return worst;
}

function worstAbsolute(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
): number {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  let worst = 0;
  for (const [name, wanted] of expected)
    for (const [i, value] of wanted.entries())
      worst = Math.max(worst, Math.abs(((actual.get(name) as Float32Array)[i] as number) - value));
  return worst;
}

const norm = (gradients: ReadonlyMap<string, Float32Array>) =>
  Math.sqrt(
    [...gradients.values()].reduce((sum, values) => sum + values.reduce((part, x) => part + x * x, 0), 0),
  );

describe.skipIf(folder === undefined)("training, golden (needs ../shared/reference)", () => {
  for (const family of [...FAMILIES, ...NEWER]) {
    // What the others have shown of both ways needs no proof by each.
    const ways = FAMILIES.includes(family) ? (["none", "products"] as const) : (["products"] as const);
    for (const keep of ways) {
      it(`${family}: loss and every gradient, kept activations: ${keep}`, async () => {
        const golden = new Golden(family);
        const { model, close } = open(family, keep);
        const tries = golden.sequences("", 4).map((one, i) => alone(one, golden.weights[i] as number, 4));
        const { loss, gradients } = await lossAndGradients(model, tries, golden.tensors("init"));
        expect(Math.abs(loss - golden.numbers.loss)).toBeLessThanOrEqual(LOSS_TOLERANCE);
        expect(worstRelative(gradients, golden.tensors("grad64"))).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
        expect(Math.abs(norm(gradients) / golden.numbers.gradNorm - 1)).toBeLessThanOrEqual(NORM_TOLERANCE);
        close();
      });
    }

    it(`${family}: a trie of five samples has the gradient of five sequences`, async () => {
      const golden = new Golden(family);
      const { model, close } = open(family, "products");
      const sequences = golden.sequences("prefix.", 5);
      const samples = sequences.map(({ tokens, mask }, i) => ({
        tokens,
        lossMask: Uint8Array.from(mask),
        coefficient: (golden.prefixWeights[i] as number) / (5 * mask.reduce((sum, flag) => sum + flag, 0)),
      }));
      const trie = buildTrie(samples);
      expect(trie.tokens.length).toBe(40 + 8 + 12 + 16 + 20 + 24 - 5);
      const { loss, gradients } = await lossAndGradients(model, [trie], golden.tensors("init"));
      expect(Math.abs(loss - golden.numbers.prefix.loss)).toBeLessThanOrEqual(LOSS_TOLERANCE);
      expect(worstRelative(gradients, golden.tensors("prefix.grad"))).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
      close();
    });

    // Frequencies and the part of a head that turns do not matter to the optimiser.
    if (family === "llama3-rope" || family === "phi3") continue;
    it(`${family}: ten AdamW steps`, async () => {
      const golden = new Golden(family);
      const { model, close } = open(family, "products");
      const tries = golden.sequences("", 4).map((one, i) => alone(one, golden.weights[i] as number, 4));
      const parameters = golden.tensors("init");
      const adamw = new AdamW({ learningRate: 1e-3, weightDecay: 0.01 });
      const state = AdamW.init(parameters);
      for (let step = 0; step < 10; step++) {
        const { loss, gradients } = await lossAndGradients(model, tries, parameters);
        expect(Math.abs(loss - (golden.numbers.steps.losses[step] as number))).toBeLessThanOrEqual(
          LOSS_TOLERANCE,
        );
        const before = clipByGlobalNorm(gradients, 1);
        expect(Math.abs(before / (golden.numbers.steps.gradNorms[step] as number) - 1)).toBeLessThanOrEqual(
          NORM_TOLERANCE,
        );
        adamw.update(state, parameters, gradients);
        if (step === 0)
          expect(worstAbsolute(parameters, golden.tensors("step1"))).toBeLessThanOrEqual(ADAPTER_TOLERANCE);
      }
      expect(worstAbsolute(parameters, golden.tensors("step10_64"))).toBeLessThanOrEqual(ADAPTER_TOLERANCE);
      const { loss } = await lossAndGradients(model, tries, parameters);
      expect(Math.abs(loss - golden.numbers.steps.lossAfterLastStep)).toBeLessThanOrEqual(LOSS_TOLERANCE);
      close();
    });
  }
});
