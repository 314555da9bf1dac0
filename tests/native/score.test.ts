/** Our forward pass against llama.cpp's, token by token, on tiny random models made here and on the golden ones. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { gguf } from "../../src/formats/gguf-writer.js";
import { SafetensorsFile } from "../../src/formats/safetensors.js";
import { makeTinyGguf, type TinyGgufOptions } from "../../src/formats/tiny-gguf.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { LocalModel } from "../../src/llm/local-model.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { sharedPath } from "../support/shared.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** With F32 weights and an F32 KV cache both sides round alike; gemma3's GELU comes from a float16 table in ggml. */
const TOLERANCE: Readonly<Record<string, number>> = { llama: 1e-3, qwen2: 1e-3, qwen3: 1e-3, gemma3: 3e-3 };
const FAMILIES = ["llama", "qwen2", "qwen3", "gemma3"] as const;
const THREADS = 2;

const newFolder = useTemporaryFolder();
const reference = sharedPath("reference");

async function llamaLogProbs(modelPath: string, tokens: readonly number[]): Promise<number[]> {
  await using model = await LocalModel.load({ modelPath, gpu: "off", threads: THREADS, kvCache: "f32" });
  return await model.scoreTokens(tokens);
}

async function ourLogProbs(modelPath: string, tokens: readonly number[]): Promise<Float64Array> {
  const model = Transformer.open(modelPath, {
    backend: new OrtBackend({ threads: THREADS }),
    weights: "f32",
  });
  try {
    return await model.logProbs(tokens);
  } finally {
    await model.close();
  }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - (b[i] as number))).reduce((x, y) => Math.max(x, y), 0);
}

/** Longer than one block of attention and than gemma3's window; no control tokens. */
function randomTokens(seed: number, count = 150): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.integer(3, 450));
}

async function expectSame(name: string, options: TinyGgufOptions, tolerance: number): Promise<void> {
  const path = makeTinyGguf(join(newFolder(), `${name}.gguf`), {
    blocks: 3,
    hasRandomNorms: true,
    ...options,
  });
  const tokens = randomTokens(options.seed ?? 0);
  const llama = await llamaLogProbs(path, tokens);
  // Not all alike: a comparison of constants would pass for any model.
  expect(Math.max(...llama) - Math.min(...llama)).toBeGreaterThan(1);
  expect(largestDifference(await ourLogProbs(path, tokens), llama)).toBeLessThanOrEqual(tolerance);
}

describe("forward pass and llama.cpp on the same file", () => {
  for (const family of FAMILIES) {
    it(`${family}`, () => expectSame(family, { family, seed: 5 }, TOLERANCE[family] as number));
  }

  it("a tied head", () => expectSame("tied", { family: "llama", isTied: true, seed: 6 }, 1e-3));

  it("linear scaling of positions", () =>
    expectSame(
      "linear",
      {
        family: "llama",
        seed: 7,
        editMetadata: (metadata) => {
          metadata.set("llama.rope.scaling.type", gguf.string("linear"));
          metadata.set("llama.rope.scaling.factor", gguf.float32(4));
        },
      },
      1e-3,
    ));

  it("linear scaling leaves gemma3's local layers alone", () =>
    expectSame(
      "gemma-linear",
      {
        family: "gemma3",
        seed: 8,
        editMetadata: (metadata) => metadata.set("gemma3.rope.scaling.factor", gguf.float32(8)),
      },
      3e-3,
    ));

  it("a soft-cap on the logits", () =>
    expectSame(
      "softcap",
      {
        family: "gemma3",
        seed: 9,
        editMetadata: (metadata) => metadata.set("gemma3.final_logit_softcapping", gguf.float32(3)),
      },
      3e-3,
    ));
});

describe.skipIf(reference === undefined)("llama.cpp on the golden files (needs ../shared/reference)", () => {
  for (const family of FAMILIES) {
    it(`${family}: the log-probabilities of Hugging Face`, async () => {
      const file = SafetensorsFile.open(`${reference}/${family}/forward.safetensors`);
      const tokens = Array.from(file.readInts("tokens"));
      const expected = file.readFloats("logprobs");
      file.close();
      const path = `${reference}/${family}/model-f32.gguf`;
      for (const row of [0, 1]) {
        const own = tokens.slice(row * 64, (row + 1) * 64);
        const llama = await llamaLogProbs(path, own);
        const golden = expected.subarray(row * 63, (row + 1) * 63);
        expect(largestDifference(llama, golden)).toBeLessThanOrEqual(TOLERANCE[family] as number);
        expect(largestDifference(await ourLogProbs(path, own), llama)).toBeLessThanOrEqual(
          TOLERANCE[family] as number,
        );
      }
    });
  }
});
