/** Our forward pass against Hugging Face's in float32, on tiny random models of all families. */
import { describe, expect, it } from "vitest";
import { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";
import type { Backend } from "../../src/graph/backend.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { Transformer } from "../../src/transformer/transformer.js";
import type { WeightCache } from "../../src/transformer/weight-plan.js";
import { readInts } from "../support/read-ints.js";
import { ReferenceBackend } from "../support/reference-backend.js";
import { sharedPath } from "../support/shared.js";

/**
 * Logits and hidden states, absolute. Hugging Face's own float32 is up to 1.5e-5 from its float64; gemma3's
 * bound is half, because a wrong eps moves its logits by only 1.5e-4. The default is 1e-4.
 */
const TOLERANCE: Readonly<Record<string, number>> = { llama: 1e-4, qwen2: 1e-4, qwen3: 1e-4, gemma3: 5e-5 };
/** float16 keeps 11 bits of a weight: 5e-4 of its size, summed over 256 random terms per product and three layers. */
const FLOAT16_TOLERANCE = 2e-2;
const SEQUENCES = 2;
const TOKENS = 64;

const folder = sharedPath("reference");
const ort = () => new OrtBackend({ threads: 1 });

interface Golden {
  tokens: Int32Array;
  logits: Float32Array;
  hidden: Float32Array;
  normed: Float32Array;
  logProbs: Float32Array;
}

function readGolden(family: string, variant: string): Golden {
  const file = SafetensorsFile.open(`${folder}/${family}/forward.safetensors`);
  const prefix = variant === "f32" ? "" : `model-${variant}.`;
  const golden = {
    tokens: Int32Array.from(readInts(file, "tokens")),
    logits: file.readFloats(`${prefix}logits`),
    hidden: file.readFloats("hidden"),
    normed: file.readFloats("normed"),
    logProbs: file.readFloats(`${prefix}logprobs`),
  };
  file.close();
  return golden;
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < actual.length; i++)
    largest = Math.max(largest, Math.abs((actual[i] as number) - (expected[i] as number)));
  return largest;
}

function topTokens(logits: Float32Array): number[] {
  const vocabulary = logits.length / TOKENS;
  return Array.from({ length: TOKENS }, (_, t) => {
    const row = logits.subarray(t * vocabulary, (t + 1) * vocabulary);
    return row.indexOf(Math.max(...row));
  });
}

/** Logits, log-probabilities, hidden states after every layer, and top-1, of both sequences. */
async function expectGolden(
  family: string,
  variant: string,
  options: { backend: Backend; tolerance: number; weights?: WeightCache; hasHidden: boolean },
): Promise<void> {
  const golden = readGolden(family, variant);
  const model = Transformer.open(`${folder}/${family}/model-${variant}.gguf`, {
    backend: options.backend,
    weights: options.weights ?? "f32",
  });
  const { hiddenSize: D, vocabSize: V, layerCount: L } = model.model.config;
  for (let row = 0; row < SEQUENCES; row++) {
    const tokens = golden.tokens.subarray(row * TOKENS, (row + 1) * TOKENS);
    const seen: Float32Array[] = [];
    const logits = await model.logits(tokens, undefined, { onHidden: (_layer, hidden) => seen.push(hidden) });
    const expected = golden.logits.subarray(row * TOKENS * V, (row + 1) * TOKENS * V);
    expect(largestDifference(logits, expected)).toBeLessThanOrEqual(options.tolerance);
    expect(topTokens(logits)).toEqual(topTokens(expected));
    const logProbs = await model.logProbs(tokens);
    const wanted = golden.logProbs.subarray(row * (TOKENS - 1), (row + 1) * (TOKENS - 1));
    // A log-probability is a logit minus a log-sum of logits: each may be off by the tolerance.
    expect(largestDifference(logProbs, wanted)).toBeLessThanOrEqual(2 * options.tolerance);
    if (!options.hasHidden) continue;
    expect(seen).toHaveLength(L + 1);
    seen.forEach((hidden, layer) => {
      const from = (layer * SEQUENCES + row) * TOKENS * D;
      const golden32 = golden.hidden.subarray(from, from + TOKENS * D);
      expect(largestDifference(hidden, golden32), `hidden ${layer}`).toBeLessThanOrEqual(options.tolerance);
    });
    const normed = await model.normed(
      seen.at(-1) as Float32Array,
      Int32Array.from({ length: TOKENS }, (_, i) => i),
    );
    const goldenNormed = golden.normed.subarray(row * TOKENS * D, (row + 1) * TOKENS * D);
    expect(largestDifference(normed, goldenNormed)).toBeLessThanOrEqual(options.tolerance);
  }
  await model.close();
}

describe.skipIf(folder === undefined)("forward pass, golden (needs ../shared/reference)", () => {
  for (const family of ["llama", "qwen2", "qwen3", "gemma3"]) {
    const tolerance = TOLERANCE[family] as number;
    it(`${family} in float32 on onnxruntime`, async () => {
      await expectGolden(family, "f32", { backend: ort(), tolerance, hasHidden: true });
    });

    it(`${family} in float64 on the reference backend`, async () => {
      const backend = new ReferenceBackend({ precision: "float64" });
      await expectGolden(family, "f32", { backend, tolerance, hasHidden: true });
    });
  }

  // Their layers are checked in float64 by the gradients of full-gradients.test.ts.
  for (const folder of ["smollm3", "granite", "minicpm", "llama3-rope", "phi3", "phi3-partial", "lfm2"]) {
    it(`${folder} in float32 on onnxruntime`, async () => {
      const options = { backend: ort(), tolerance: TOLERANCE[folder] ?? 1e-4, hasHidden: true };
      await expectGolden(folder, "f32", options);
    });
  }

  for (const family of ["llama", "qwen2"]) {
    for (const variant of ["q8_0", "q4_k", "q5_0", "q4_1"]) {
      it(`${family} quantised as ${variant}`, async () => {
        await expectGolden(family, variant, { backend: ort(), tolerance: 1e-4, hasHidden: false });
      });
    }
  }

  it("streamed weights give the numbers of kept ones", async () => {
    await expectGolden("llama", "q4_k", {
      backend: ort(),
      tolerance: 1e-4,
      weights: "streamed",
      hasHidden: false,
    });
  });

  it("an adapter merged into the weights by PEFT is read like any model", async () => {
    const file = SafetensorsFile.open(`${folder}/llama/adapter.safetensors`);
    const tokens = Int32Array.from(readInts(file, "tokens")).subarray(0, TOKENS);
    const model = Transformer.open(`${folder}/llama/merged-f32.gguf`, { backend: ort(), weights: "f32" });
    const logits = await model.logits(tokens);
    const expected = file.readFloats("logits").subarray(0, logits.length);
    expect(largestDifference(logits, expected)).toBeLessThanOrEqual(1e-4);
    await model.close();
    file.close();
  });

  it.each(["qwen2", "lfm2"])("%s: float16 weights stay near", async (family) => {
    const golden = readGolden(family, "f32");
    const model = Transformer.open(`${folder}/${family}/model-f32.gguf`, { backend: ort(), weights: "f16" });
    const logits = await model.logits(golden.tokens.subarray(0, TOKENS));
    const difference = largestDifference(logits, golden.logits.subarray(0, logits.length));
    expect(difference).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    expect(difference).toBeGreaterThan(0);
    await model.close();
  });
});
