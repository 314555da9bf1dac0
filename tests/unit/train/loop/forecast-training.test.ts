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
  const of = (changed: object) => forecastTraining(config, passes, { ...kept, ...changed }, FLOPS_PER_MS);
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
  expect(forecastTraining(config, passes, kept, 2 * FLOPS_PER_MS).everyMs).toBeCloseTo(plain.everyMs / 2, 6);
});
