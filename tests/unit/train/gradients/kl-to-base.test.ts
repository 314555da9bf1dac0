/** @file The divergence from the base against its definition in float64, and its gradients against finite differences. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { Random } from "../../../../src/core/random.js";
import { GgufFile } from "../../../../src/formats/gguf/gguf-file.js";
import { packBatches } from "../../../../src/train/data/pack-batches.js";
import type { TokenTrie } from "../../../../src/train/data/token-trie.js";
import { headGradient } from "../../../../src/train/gradients/head-gradient.js";
import { checkTrainSettings, DEFAULT_TRAIN_SETTINGS } from "../../../../src/train/train-settings.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { singleSequence } from "../../../../src/transformer/token-layout.js";
import { WeightStore } from "../../../../src/transformer/weight-store.js";
import { ReferenceBackend } from "../../../support/reference-backend.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const PENALTY = 0.3;
const STEP = 1e-3;
/** Float32 sums over a vocabulary of a few hundred rows; the divergence is of the order of 1. */
const TOLERANCE = 2e-5;
/** Float32 sums as above, of gradients below 0.1; the differences, taken in float64, are off by 2e-6. */
const GRADIENT_TOLERANCE = 2e-5;

const newFolder = useTemporaryFolder();

function setUp(logitSoftcap: number | undefined) {
  const path = makeTinyGguf(join(newFolder(), "tiny.gguf"), { hasRandomNorms: true, vocab: 300, width: 32 });
  const file = GgufFile.open(path);
  const read = readModel(file.header);
  const model = { ...read, config: { ...read.config, logitSoftcap } };
  const options = { model, weights: new WeightStore(file, "f32"), backend: new ReferenceBackend() };
  const D = model.config.hiddenSize;
  const T = 4;
  const random = new Random(11);
  const draw = () => Float32Array.from({ length: T * D }, () => 2 * random.next() - 1);
  const hidden = draw();
  const base = draw().map((value, i) => (hidden[i] as number) + 0.5 * value);
  const trie: TokenTrie = {
    layout: singleSequence(T),
    tokens: Int32Array.from([1, 5, 9, 3]),
    targets: [
      { token: 1, source: 0, weight: 0.7, evenWeight: 0.4 },
      { token: 2, source: 1, weight: 0.2 },
      { token: 3, source: 2, weight: 1.5, evenWeight: 0.25 },
    ],
  };
  return { file, options, hidden, base, trie, D };
}

/** Σ even weight · Σ_v p(v)·(log p(v) − log b(v)), all in float64. */
function expected({ options, base, trie, D }: ReturnType<typeof setUp>, hidden: Float32Array): number {
  const { config } = options.model;
  const norm = options.weights.vector("output_norm.weight") as Float32Array;
  const head = options.weights.rows("output.weight", 0, config.vocabSize) as Float32Array;
  const logProbs = (all: Float32Array, source: number) => {
    const x = [...all.subarray(source * D, (source + 1) * D)];
    const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / D + config.normEpsilon);
    const logits = Array.from({ length: config.vocabSize }, (_, v) => {
      const z = x.reduce((sum, value, i) => sum + value * scale * norm[i]! * head[v * D + i]!, 0);
      return config.logitSoftcap === undefined ? z : config.logitSoftcap * Math.tanh(z / config.logitSoftcap);
    });
    const total = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
    return logits.map((z) => z - total);
  };
  return trie.targets.reduce((sum, { source, evenWeight = 0 }) => {
    const [policy, other] = [logProbs(hidden, source), logProbs(base, source)];
    return sum + evenWeight * policy.reduce((kl, p, v) => kl + Math.exp(p) * (p - other[v]!), 0);
  }, 0);
}

describe("divergence from the base", () => {
  for (const cap of [undefined, 3]) {
    const name = cap === undefined ? "plain logits" : "capped logits";
    it(`${name}: is KL(π‖base), and comes on top of the cross-entropy`, async () => {
      const parts = setUp(cap);
      const { options, trie, hidden, base } = parts;
      const wanted = expected(parts, hidden);
      expect(wanted).toBeGreaterThan(0.01);
      const plain = await headGradient(trie, hidden, options);
      const anchored = await headGradient(trie, hidden, {
        ...options,
        anchor: { penalty: PENALTY, hidden: base },
      });
      expect(plain.divergence).toBe(0);
      expect(Math.abs(anchored.divergence - wanted)).toBeLessThan(TOLERANCE);
      expect(anchored.loss).toBeCloseTo(plain.loss + PENALTY * wanted, 4);
      const itself = await headGradient(trie, hidden, { ...options, anchor: { penalty: 1, hidden } });
      expect(Math.abs(itself.divergence)).toBeLessThan(TOLERANCE);
      parts.file.close();
    });

    it(`${name}: has the gradient that finite differences give`, async () => {
      const parts = setUp(cap);
      const { options, trie, hidden, base, D } = parts;
      const plain = await headGradient(trie, hidden, options);
      const anchored = await headGradient(trie, hidden, {
        ...options,
        anchor: { penalty: PENALTY, hidden: base },
      });
      let largest = 0;
      for (const index of [0, 3, 7, 2 * D, 2 * D + 5, 2 * D + 9, D + 1]) {
        const moved = (by: number) => {
          const copy = hidden.slice();
          copy[index] = copy[index]! + by;
          return expected(parts, copy);
        };
        const difference = (PENALTY * (moved(STEP) - moved(-STEP))) / (2 * STEP);
        const found = anchored.dHidden[index]! - plain.dHidden[index]!;
        expect(Math.abs(found - difference), `${index}`).toBeLessThan(GRADIENT_TOLERANCE);
        largest = Math.max(largest, Math.abs(difference));
      }
      expect(largest).toBeGreaterThan(100 * GRADIENT_TOLERANCE);
      parts.file.close();
    });
  }

  it("counts examples alike, whatever their weight, and merges them in tries", () => {
    const example = (last: number, weight: number) => ({
      tokens: Int32Array.from([1, 2, 7, last]),
      lossMask: Uint8Array.from([0, 0, 1, 1]),
      weight,
      group: "g",
    });
    const pack = { tokenBudget: 100, normalisation: "sample-mean" as const };
    const examples = [example(5, 3), example(6, 0.5)];
    const [trie] = packBatches(examples, { ...pack, klPenalty: 0.1 }).tries;
    // Two samples of two targets each: 1 / (2 · 2) per target, the shared one twice.
    expect(trie?.targets.map(({ evenWeight }) => evenWeight)).toEqual([0.5, 0.25, 0.25]);
    expect(trie?.targets.map(({ weight }) => weight)).toEqual([0.875, 0.75, 0.125]);
    const [plain] = packBatches(examples, pack).tries;
    expect(plain?.targets.every((target) => target.evenWeight === undefined)).toBe(true);
  });

  it("is refused out of range", () => {
    for (const klPenalty of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const settings = { ...DEFAULT_TRAIN_SETTINGS, klPenalty };
      expect(() => checkTrainSettings(settings)).toThrow(
        `klPenalty is ${klPenalty}, expected a number from 0`,
      );
    }
  });
});
