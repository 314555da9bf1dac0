/** @file What the forecast counts, and how often. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { readGgufHeader } from "../../../../src/formats/gguf/read-gguf-header.js";
import { forecastTraining } from "../../../../src/train/loop/forecast-training.js";
import { readModel } from "../../../../src/transformer/read-model.js";
import { singleSequence } from "../../../../src/transformer/token-layout.js";
import { HEADER_SIZES, type HeaderSize, writeHeaderGguf } from "../../../support/header-gguf.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const FLOPS_PER_MS = 2e8;

it("counts programs and constant states once where they are kept, else every time", () => {
  const [size] = HEADER_SIZES as readonly [HeaderSize];
  const { config } = readModel(readGgufHeader(writeHeaderGguf(join(newFolder(), "model.gguf"), size)));
  const L = config.layerCount;
  const passes = [1024, 2048].map((tokens) => ({ layout: singleSequence(tokens), actionCount: tokens / 4 }));
  const layouts = { layoutCount: 2, blockCount: 24 };
  const kept = { keptLayerCount: L, programBytes: 1e8, stateBytes: 1e8, trainsWeights: false, ...layouts };
  const of = (changed: object) =>
    forecastTraining(
      config,
      { trained: passes },
      { epochTokenCount: 3072, ...kept, ...changed },
      FLOPS_PER_MS,
    );
  const plain = of({});
  const whole = ({ everyMs, onceMs }: typeof plain) => everyMs + onceMs;
  const anew = of({ programBytes: 0 });
  expect(plain.onceMs).toBeGreaterThan(0);
  expect(anew.onceMs).toBe(0);
  expect(whole(anew)).toBeCloseTo(whole(plain), 6);
  // A penalty takes the base's forward pass, in the first epoch only, and the head twice every time.
  const [anchored, anchoredAnew] = [of({ isAnchored: true }), of({ isAnchored: true, stateBytes: 0 })];
  expect(anchored.onceMs).toBeGreaterThan(plain.onceMs);
  expect(anchored.everyMs).toBeGreaterThan(plain.everyMs);
  expect(anchoredAnew.everyMs).toBeGreaterThan(anchored.everyMs);
  // Half the layers: half the body's time, and the lower half's forward pass once.
  const half = of({ trainedLayerCount: L / 2, keptLayerCount: L / 2 });
  expect(half.everyMs).toBeLessThan(0.65 * plain.everyMs);
  expect(half.everyMs).toBeGreaterThan(0.5 * plain.everyMs);
  expect(half.onceMs).toBeGreaterThan(plain.onceMs);
  // Nothing kept: a forward pass more.
  expect(of({ keptLayerCount: 0 }).everyMs).toBeGreaterThan(1.3 * plain.everyMs);
  expect(of({ trainsWeights: true }).everyMs).toBeGreaterThan(1.3 * plain.everyMs);
  // Twice as fast a machine takes half as long.
  const faster = forecastTraining(config, { trained: passes }, kept, 2 * FLOPS_PER_MS);
  expect(faster.everyMs).toBeCloseTo(plain.everyMs / 2, 6);
  // Half of the states kept: half of them once, the others every time.
  const anchoredHalf = of({ isAnchored: true, stateBytes: (4 * config.hiddenSize * 3072) / 2 });
  expect(anchoredHalf.everyMs).toBeCloseTo((anchored.everyMs + anchoredAnew.everyMs) / 2, 3);
  expect(whole(anchoredHalf)).toBeCloseTo(whole(anchored), 3);
});

it("counts passes without a gradient where they are computed, and reading weights", () => {
  const [size] = HEADER_SIZES as readonly [HeaderSize];
  const { config } = readModel(readGgufHeader(writeHeaderGguf(join(newFolder(), "model.gguf"), size)));
  const passes = [{ layout: singleSequence(1024), actionCount: 200 }];
  const kept = {
    keptLayerCount: config.layerCount,
    programBytes: 1e8,
    stateBytes: 0,
    trainsWeights: false,
    layoutCount: 1,
    blockCount: 8,
  };
  const of = (more: object, changed: object = {}) =>
    forecastTraining(config, { trained: passes, ...more }, { ...kept, ...changed }, FLOPS_PER_MS);
  const plain = of({});
  const forward = of({ before: passes }).everyMs - plain.everyMs;
  // Forward and backward pass of the layers, and one head in both.
  expect(forward).toBeGreaterThan(plain.everyMs / 2);
  expect(forward).toBeLessThan(0.8 * plain.everyMs);
  expect(of({ heldOut: passes })).toEqual({ ...plain, epochMs: expect.closeTo(forward, 6) });
  expect(of({ once: [...passes, ...passes] }).onceMs - plain.onceMs).toBeCloseTo(2 * forward, 6);
  // Read once, or for every pass forward and back.
  const read = of({}, { layerReadMs: 5 }).onceMs - plain.onceMs;
  expect(read).toBeGreaterThan(5 * config.layerCount);
  const streamed = of({ heldOut: passes }, { layerReadMs: 5, areWeightsKept: false });
  expect(streamed.onceMs).toBe(plain.onceMs);
  expect(streamed.everyMs - plain.everyMs).toBeCloseTo(2 * read, 6);
  expect(streamed.epochMs - forward).toBeCloseTo(read, 6);
});
