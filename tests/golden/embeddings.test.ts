/** @file Sentence embeddings beside onnxruntime and tokenizers in Python on the same files (embeddings.py). */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { similarity } from "../../src/core/text-embedder.js";
import { listModels, resolveModel } from "../../src/hub/model-hub.js";
import { SentenceEmbedder } from "../../src/llm/embedding/sentence-embedder.js";
import { hasExactByteProducts } from "../../src/llm/embedding/sentence-model.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const golden = JSON.parse(
  readFileSync(fileURLToPath(new URL("embeddings/cosines.json", import.meta.url)), "utf8"),
) as { texts: string[]; cosines: number[][]; starts: number[][] };

/** Sums in another order, by another thread count: float32 rounding over six layers. */
const MAX_DIFFERENCE = 2e-5;

/** Activations of 8 bits over 36 products; measured on these ten texts: 0.022 at most, 0.006 in the mean. */
const MAX_INTEGER_DIFFERENCE = 0.03;
const MEAN_INTEGER_DIFFERENCE = 0.01;

const model = listModels().find(({ name }) => name === "all-minilm-l6-v2");
const isHere = model?.isInstalled === true;
const root = useTemporaryFolder()();

describe.skipIf(!isHere)(
  "all-MiniLM-L6-v2 (skipped: w4s models pull all-minilm-l6-v2 has not been run)",
  () => {
    const directory = model?.path ?? "";
    const embedder = new SentenceEmbedder({ directory, threads: 1, batchSize: 4, products: "float32" });
    const inIntegers = new SentenceEmbedder({ directory, threads: 1, batchSize: 4, products: "integer" });
    afterAll(async () => {
      await embedder.close();
      await inIntegers.close();
    });

    test("vectors and cosines are those of the reference", async () => {
      const vectors = await embedder.embed(golden.texts);
      for (const [i, a] of vectors.entries()) {
        expect(a).toHaveLength(384);
        expect(similarity(a, a)).toBeCloseTo(1, 5);
        for (const [k, value] of (golden.starts[i] as number[]).entries())
          expect(Math.abs((a[k] as number) - value), `text ${i}`).toBeLessThan(MAX_DIFFERENCE);
        for (const [j, b] of vectors.entries())
          expect(Math.abs(similarity(a, b) - (golden.cosines[i]?.[j] as number)), `${i}, ${j}`).toBeLessThan(
            MAX_DIFFERENCE,
          );
      }
    });

    test.skipIf(!hasExactByteProducts())(
      "products of bytes keep the cosines (skipped: this processor would overflow)",
      async () => {
        const vectors = await inIntegers.embed(golden.texts);
        const errors = vectors.flatMap((a, i) =>
          vectors.slice(0, i).map((b, j) => Math.abs(similarity(a, b) - (golden.cosines[i]?.[j] as number))),
        );
        expect(Math.max(...errors)).toBeLessThan(MAX_INTEGER_DIFFERENCE);
        expect(errors.reduce((sum, error) => sum + error) / errors.length).toBeLessThan(
          MEAN_INTEGER_DIFFERENCE,
        );
      },
    );

    test.each([embedder, inIntegers])(
      "$id: a vector is its own, and nothing touches the network",
      async (embedder) => {
        const offline = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network"));
        const [text, long] = [golden.texts[0] as string, golden.texts.at(-1) as string];
        const [alone] = await embedder.embed([text]);
        const [beside] = await embedder.embed([text, long, "\ud800 a lone surrogate"]);
        expect(similarity(alone!, beside!)).toBeGreaterThan(1 - MAX_DIFFERENCE);
        expect(await embedder.embed([])).toEqual([]);
        expect(offline).not.toHaveBeenCalled();
        offline.mockRestore();
      },
    );

    test("stops between two batches when asked to", async () => {
      const stop = new AbortController();
      stop.abort(new Error("enough"));
      await expect(embedder.embed(["a"], { signal: stop.signal })).rejects.toThrow("enough");
      expect(await embedder.embed(["a"])).toHaveLength(1);
    });

    test("a damaged file is named, with what to do, and loads again once mended", async () => {
      const directory = join(root, "all-minilm-l6-v2");
      cpSync(model?.path ?? "", directory, { recursive: true });
      const weights = join(directory, "onnx", "model_quantized.onnx");
      writeFileSync(weights, "not a model");
      const damaged = new SentenceEmbedder({ directory, threads: 1 });
      await expect(damaged.embed(["a"])).rejects.toMatchObject({
        code: "damaged-model",
        message: expect.stringContaining(directory),
        hint: "run: w4s models pull all-minilm-l6-v2",
      });
      cpSync(join(model?.path ?? "", "onnx", "model_quantized.onnx"), weights);
      expect(await damaged.embed(["a"])).toHaveLength(1);
      await damaged.close();
    });
  },
);

test("a model that was not pulled is refused with the command that fetches it", async () => {
  const home = join(root, "home");
  mkdirSync(home, { recursive: true });
  await expect(resolveModel("all-minilm-l6-v2", { home })).rejects.toMatchObject({
    code: "no-model",
    hint: "run: w4s models pull all-minilm-l6-v2",
  });
  rmSync(home, { recursive: true });
  const missing = new SentenceEmbedder({ directory: join(root, "nowhere") });
  await expect(missing.embed(["a"])).rejects.toMatchObject({ code: "damaged-model" });
  await missing.close();
});

test("similarity of vectors of different models is refused", () => {
  expect(() => similarity(new Float32Array(2), new Float32Array(3))).toThrow(RangeError);
  expect(similarity(new Float32Array([1, 0]), new Float32Array([0, 1]))).toBe(0);
});
