/** @file Training all weights with onnxruntime: what is learnt, resumed runs, and the file that llama.cpp loads. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { makeTinyGguf, type TinyFamily } from "../../src/formats/gguf/make-tiny-gguf.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { actionExample, type TokenExample } from "../../src/train/data/example.js";
import type { TrainEvent } from "../../src/train/loop/train-event.js";
import { writeModel } from "../../src/train/loop/write-model.js";
import { type TrainModelOptions, trainModel } from "../../src/train/train-model.js";
import { DEFAULT_MODEL_TRAIN_SETTINGS } from "../../src/train/train-settings.js";
import { Transformer } from "../../src/transformer/transformer.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

/** F32 weights, F32 KV cache: rounding only. */
const PARITY = 1e-3;
/** Below it every token of a sequence has a probability above 0.95. */
const KNOWN_BY_HEART = 0.05;
const THREADS = 1;

const newFolder = useTemporaryFolder();

/** Plain texts: everything but the first token is learnt. Each begins with its own number, the rest is drawn. */
function texts(count: number, length: number): TokenExample[] {
  const random = new Random(5);
  return Array.from({ length: count }, (_, i) =>
    actionExample({
      promptTokens: Int32Array.of(10 + i),
      actionTokens: Int32Array.from({ length: length + 3 * i }, () => random.integer(3, 450)),
      weight: 1,
      group: `text ${i}`,
    }),
  );
}

function optionsFor(folder: string, family: TinyFamily, isTied: boolean): TrainModelOptions {
  return {
    modelPath: makeTinyGguf(join(folder, "start.gguf"), {
      family,
      isTied,
      blocks: 2,
      seed: 3,
      hasRandomNorms: true,
    }),
    modelHash: "model",
    dataHash: "data",
    examples: texts(4, 20),
    settings: {
      ...DEFAULT_MODEL_TRAIN_SETTINGS,
      epochs: 60,
      batchSize: 4,
      learningRate: 1e-2,
      tokenBudget: 256,
    },
    backend: new OrtBackend({ threads: THREADS }),
  };
}

describe("training all weights", () => {
  for (const { family, isTied } of [
    { family: "llama", isTied: true },
    { family: "qwen2", isTied: false },
  ] as const) {
    it(`${family}: learns its texts by heart, and llama.cpp computes the written file alike`, async () => {
      const folder = newFolder();
      const options = optionsFor(folder, family, isTied);
      const events: TrainEvent[] = [];
      const result = await trainModel({ ...options, onEvent: (event) => events.push(event) });
      expect(result.losses).toHaveLength(60);
      expect(result.losses[0]).toBeGreaterThan(3);
      expect(result.losses.at(-1)).toBeLessThan(KNOWN_BY_HEART);
      // 21, 24, 27 and 30 tokens: two share a row of 64.
      expect(events[0]).toMatchObject({
        type: "plan",
        weights: expect.stringContaining("rows of 64 tokens"),
      });
      const { tokens } = options.examples[3] as TokenExample;
      const start = Transformer.open(options.modelPath, { backend: options.backend, weights: "f32" });
      const before = await start.logProbs(tokens);
      await start.close();
      const path = join(folder, "trained.gguf");
      await writeModel(options.modelPath, result.parameters, path, "F32");
      const ours = Transformer.open(path, { backend: options.backend, weights: "f32" });
      const expected = await ours.logProbs(tokens);
      await ours.close();
      await using llama = await LocalModel.load({ modelPath: path, gpu: "off", threads: 1, kvCache: "f32" });
      const scored = await llama.scoreTokens([...tokens]);
      let sum = 0;
      for (const [i, value] of scored.entries()) {
        expect(Math.abs(value - (expected[i] as number)), `token ${i}`).toBeLessThan(PARITY);
        sum += value;
      }
      expect(-sum / scored.length).toBeLessThan(KNOWN_BY_HEART);
      expect(-before.reduce((total, value) => total + value, 0) / before.length).toBeGreaterThan(3);
    });
  }

  it("goes on from a checkpoint to the same bytes", async () => {
    const folder = newFolder();
    const base = optionsFor(folder, "llama", true);
    const options = { ...base, settings: { ...base.settings, epochs: 3, batchSize: 2 } };
    const undisturbed = await trainModel(options);
    const stop = new AbortController();
    const checkpointFolder = newFolder();
    const stopped = trainModel({
      ...options,
      checkpointFolder,
      checkpointEvery: 2,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === "step" && event.step === 3) stop.abort();
      },
    });
    await expect(stopped).rejects.toThrow();
    const events: TrainEvent[] = [];
    const resumed = await trainModel({
      ...options,
      checkpointFolder,
      onEvent: (event) => events.push(event),
    });
    expect(events[0]).toMatchObject({ type: "plan", resumedAt: 3 });
    expect(resumed.losses).toEqual(undisturbed.losses);
    const [one, other] = [join(folder, "one.gguf"), join(folder, "other.gguf")];
    await writeModel(options.modelPath, undisturbed.parameters, one, "Q8_0");
    await writeModel(options.modelPath, resumed.parameters, other, "Q8_0");
    expect(readFileSync(other).equals(readFileSync(one))).toBe(true);
  });
});
