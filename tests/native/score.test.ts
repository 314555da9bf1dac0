/** Our forward pass against llama.cpp's, token by token, on tiny random models made here and on the golden ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { gguf } from "../../src/formats/gguf/gguf-writer.js";
import {
  makeTinyGguf,
  type TinyFamily,
  type TinyGgufOptions,
} from "../../src/formats/gguf/make-tiny-gguf.js";
import { SafetensorsFile } from "../../src/formats/safetensors/safetensors-file.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { readInts } from "../support/read-ints.js";
import { sharedPath } from "../support/shared.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** With F32 weights and an F32 KV cache both sides round alike; gemma3's GELU comes from a float16 table in ggml. */
const TOLERANCE: Readonly<Record<TinyFamily, number>> = {
  llama: 1e-3,
  qwen2: 1e-3,
  qwen3: 1e-3,
  gemma3: 3e-3,
  smollm3: 1e-3,
  granite: 1e-3,
  minicpm: 1e-3,
  phi3: 1e-3,
  lfm2: 1e-3,
};
const FAMILIES = Object.keys(TOLERANCE) as TinyFamily[];
/** Those whose golden files are put into llama.cpp too; the others' makers have done so. */
const GOLDEN = ["llama", "qwen2", "qwen3", "gemma3"] as const;
const THREADS = 1;
/** Of the reference tokenizer: 509 to 511 are control tokens. */
const FIRST_CONTROL_TOKEN = 509;

const newFolder = useTemporaryFolder();
const reference = sharedPath("reference");

const QUIET = { gpu: "off", threads: THREADS, kvCache: "f32" } as const;

async function llamaLogProbs(modelPath: string, tokens: readonly number[]): Promise<number[]> {
  await using model = await LocalModel.load({ modelPath, ...QUIET });
  return await model.scoreTokens(tokens);
}

/** The two token rows of a golden file, and their log-probabilities. */
function goldenRows(path: string): { tokens: number[]; logProbs: Float32Array }[] {
  const file = SafetensorsFile.open(path);
  const tokens = Array.from(readInts(file, "tokens"));
  const logProbs = file.readFloats("logprobs");
  file.close();
  return [0, 1].map((row) => ({
    tokens: tokens.slice(row * 64, (row + 1) * 64),
    logProbs: logProbs.subarray(row * 63, (row + 1) * 63),
  }));
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
    // Four layers: the last of smollm3's is not rotated.
    it(`${family}`, () => expectSame(family, { family, seed: 5, blocks: 4 }, TOLERANCE[family]));
  }

  it("Llama 3's factors of the rotary frequencies", () =>
    expectSame("factors", { family: "llama", hasRopeFactors: true, seed: 6 }, 1e-3));

  it("phi3's LongRoPE, up to the original length", () =>
    expectSame("long", { family: "phi3", hasRopeFactors: true, seed: 6 }, 1e-3));

  it("granite without rotation, and with numbers left out", () =>
    expectSame(
      "granite-plain",
      {
        family: "granite",
        seed: 6,
        editMetadata: (metadata) => {
          metadata.set("granite.rope.scaling.finetuned", gguf.bool(false));
          metadata.delete("granite.attention.scale");
          metadata.delete("granite.embedding_scale");
        },
      },
      1e-3,
    ));

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

describe("scoreTokens and tokenize", () => {
  it("refuse wrong ids and long texts, obey an abort, and go on after each", async () => {
    const modelPath = makeTinyGguf(join(newFolder(), "tiny.gguf"), { hasRandomNorms: true });
    await using model = await LocalModel.load({ modelPath, ...QUIET, contextSize: 256 });
    const tokens = randomTokens(3);
    const expected = await model.scoreTokens(tokens);
    expect(expected).toHaveLength(tokens.length - 1);
    expect(expected.every((value) => value < 0)).toBe(true);
    for (const id of [512, 99_999, -1, 6.5, Number.NaN]) {
      await expect(model.scoreTokens([5, 6, id])).rejects.toThrow(`tokens[2] is ${id}, must be 0 to 511`);
    }
    const tooLong = model.scoreTokens(randomTokens(3, 257));
    await expect(tooLong).rejects.toMatchObject({ kind: "context-length" });
    const controller = new AbortController();
    const aborted = model.scoreTokens(tokens, controller.signal);
    // Before the request has left: nobody listens to the signal yet.
    controller.abort(new Error("no longer wanted"));
    await expect(aborted).rejects.toThrow("no longer wanted");
    expect(await model.scoreTokens([])).toEqual([]);
    expect(await model.scoreTokens([5])).toEqual([]);
    expect(await model.scoreTokens(tokens)).toEqual(expected);
  });

  it("leave the state of a running conversation alone", async () => {
    const modelPath = makeTinyGguf(join(newFolder(), "tiny.gguf"), { hasRandomNorms: true });
    await using model = await LocalModel.load({ modelPath, ...QUIET });
    const messages = [
      { role: "user" as const, content: "What is the answer to this long question? ".repeat(8) },
    ];
    const request = { messages, candidates: [{ seed: 1, temperature: 1 }], maxTokens: 12, session: "a" };
    const before = await model.generate(request);
    await model.scoreTokens(randomTokens(4));
    const after = await model.generate(request);
    expect(after.reusedPromptTokens).toBeGreaterThan(0);
    expect(after.replies).toEqual(before.replies);
  });

  it("put the begin token in front of documents only, where the file asks for it", async () => {
    const folder = newFolder();
    const load = (name: string, adds: boolean) => {
      const modelPath = makeTinyGguf(join(folder, name), {
        editMetadata: (metadata) => {
          metadata.set("tokenizer.ggml.bos_token_id", gguf.uint32(1));
          metadata.set("tokenizer.ggml.add_bos_token", gguf.bool(adds));
        },
      });
      return LocalModel.load({ modelPath, ...QUIET });
    };
    await using adding = await load("adding.gguf", true);
    await using plain = await load("plain.gguf", false);
    const tokens = await plain.tokenize("The answer");
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens).not.toContain(1);
    expect(await adding.tokenize("The answer")).toEqual([1, ...tokens]);
    expect(await adding.tokenize("The answer", false)).toEqual(tokens);
  });
});

describe.skipIf(reference === undefined)("llama.cpp on the golden files (needs ../shared/reference)", () => {
  for (const family of GOLDEN) {
    const tolerance = TOLERANCE[family];
    const path = `${reference}/${family}/model-f32.gguf`;

    it(`${family}: the log-probabilities of Hugging Face`, async () => {
      await using model = await LocalModel.load({ modelPath: path, ...QUIET });
      for (const { tokens, logProbs } of goldenRows(`${reference}/${family}/forward.safetensors`)) {
        const llama = await model.scoreTokens(tokens);
        expect(largestDifference(llama, logProbs)).toBeLessThanOrEqual(tolerance);
        expect(largestDifference(await ourLogProbs(path, tokens), llama)).toBeLessThanOrEqual(tolerance);
      }
    });

    it(`${family}: the log-probabilities of PEFT with its adapter`, async () => {
      const adapterPath = `${reference}/${family}/adapter.gguf`;
      await using model = await LocalModel.load({ modelPath: path, adapterPath, ...QUIET });
      for (const { tokens, logProbs } of goldenRows(`${reference}/${family}/adapter.safetensors`)) {
        expect(largestDifference(await model.scoreTokens(tokens), logProbs)).toBeLessThanOrEqual(tolerance);
      }
    });
  }

  it("tokenize gives the ids of Hugging Face, and no control token for one spelt out", async () => {
    const { cases } = JSON.parse(readFileSync(`${reference}/tokenizer/cases.json`, "utf8")) as {
      cases: { text: string; ids: number[] }[];
    };
    await using model = await LocalModel.load({ modelPath: `${reference}/llama/model-f32.gguf`, ...QUIET });
    const spelt = cases.filter(({ text }) => text.includes("<|im_"));
    expect(spelt.length).toBeGreaterThan(0);
    expect(spelt.length).toBeLessThan(cases.length);
    for (const { text, ids } of cases) {
      const tokens = await model.tokenize(text);
      if (!text.includes("<|im_")) expect(tokens).toEqual(ids);
      else expect(tokens.every((id) => id < FIRST_CONTROL_TOKEN)).toBe(true);
    }
  });
});
