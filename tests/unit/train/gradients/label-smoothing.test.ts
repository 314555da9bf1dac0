/** @file The smoothed loss of the head against its definition, and its gradient against finite differences. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import type { TokenTrie } from "../../../../src/train/data/token-trie.js";
import { headGradient } from "../../../../src/train/gradients/head-gradient.js";
import { checkTrainSettings, DEFAULT_TRAIN_SETTINGS } from "../../../../src/train/train-settings.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { singleSequence } from "../../../../src/transformer/token-layout.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const SMOOTHING = 0.2;
const STEP = 1e-2;
/** Float32 sums over a vocabulary of a few hundred rows; the loss is a few units. */
const LOSS_TOLERANCE = 1e-5;
/** Central differences with a step of 0.01 in float32: rounding of the loss over the step, about 1e-5 / 0.02. */
const GRADIENT_TOLERANCE = 2e-3;

const newFolder = useTemporaryFolder();

function setUp() {
  const file = GgufFile.open(makeTinyGguf(join(newFolder(), "tiny.gguf"), { hasRandomNorms: true }));
  const model = readModel(file.header);
  const options = { model, weights: new WeightStore(file, "f32"), backend: new ReferenceBackend() };
  const random = new Random(11);
  const T = 4;
  const D = model.config.hiddenSize;
  const hidden = Float32Array.from({ length: T * D }, () => 2 * random.next() - 1);
  const trie: TokenTrie = {
    layout: singleSequence(T),
    tokens: Int32Array.from([1, 5, 9, 3]),
    targets: [
      { token: 1, source: 0, weight: 0.7 },
      { token: 3, source: 2, weight: 1.5 },
    ],
  };
  return { file, options, hidden, trie, D };
}

/** Σ weight · Σ_v q(v)·(−log p(v)) with q = (1 − ε)·target + ε/V, all in float64. */
function expected({ options, hidden, trie, D }: ReturnType<typeof setUp>, smoothing: number): number {
  const { model, weights } = options;
  const { config } = model;
  const V = config.vocabSize;
  const norm = weights.vector("output_norm.weight") as Float32Array;
  const head = weights.gather(
    config.isHeadTied ? "token_embd.weight" : "output.weight",
    Int32Array.from({ length: V }, (_, v) => v),
  );
  let loss = 0;
  for (const { token, source, weight } of trie.targets) {
    const x = [...hidden.subarray(source * D, (source + 1) * D)];
    const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / D + config.normEpsilon);
    const logits = Array.from({ length: V }, (_, v) =>
      x.reduce((sum, value, i) => sum + value * scale * (norm[i] as number) * (head[v * D + i] as number), 0),
    );
    const largest = Math.max(...logits);
    const total = largest + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - largest), 0));
    logits.forEach((z, v) => {
      const q = smoothing / V + (v === trie.tokens[token] ? 1 - smoothing : 0);
      loss += weight * q * (total - z);
    });
  }
  return loss;
}

describe("label smoothing", () => {
  it("is cross-entropy against the smoothed target, and plain cross-entropy at 0", async () => {
    const parts = setUp();
    for (const labelSmoothing of [0, SMOOTHING, 0.9]) {
      const { loss } = await headGradient(parts.trie, parts.hidden, { ...parts.options, labelSmoothing });
      expect(Math.abs(loss - expected(parts, labelSmoothing))).toBeLessThan(LOSS_TOLERANCE * Math.abs(loss));
    }
    parts.file.close();
  });

  it("has the gradient that finite differences give", async () => {
    const parts = setUp();
    const { options, hidden, trie, D } = parts;
    const given = { ...options, labelSmoothing: SMOOTHING };
    const { dHidden } = await headGradient(trie, hidden, given);
    expect([...dHidden.subarray(D, 2 * D)].every((value) => value === 0)).toBe(true);
    for (const index of [0, 3, 2 * D, 2 * D + 5]) {
      const moved = (by: number) => {
        const copy = hidden.slice();
        copy[index] = (copy[index] as number) + by;
        return expected({ ...parts, hidden: copy }, SMOOTHING);
      };
      const difference = (moved(STEP) - moved(-STEP)) / (2 * STEP);
      expect(Math.abs((dHidden[index] as number) - difference)).toBeLessThan(GRADIENT_TOLERANCE);
      expect(Math.abs(difference)).toBeGreaterThan(GRADIENT_TOLERANCE);
    }
    parts.file.close();
  });

  it("is refused out of range", () => {
    expect(() => checkTrainSettings({ ...DEFAULT_TRAIN_SETTINGS, labelSmoothing: 1 })).toThrow(
      "labelSmoothing is 1, expected 0 to below 1",
    );
  });
});
