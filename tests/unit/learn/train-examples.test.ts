/** @file What is written before the trainer starts, for more examples than a call has arguments. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { trainExamples } from "../../../src/learn/train-adapter.js";
import { DEFAULT_TRAIN_SETTINGS } from "../../../src/train/train-settings.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const MANY = 200_000;

const newFolder = useTemporaryFolder();

it("hands 200,000 examples with their rewards to the trainer", async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  const example = { tokens: Int32Array.of(1, 2), lossMask: Uint8Array.of(0, 1), weight: 1, group: "g" };
  const stop = new AbortController();
  stop.abort();
  const training = trainExamples({
    modelPath: join(folder, "model.gguf"),
    modelHash: "model",
    outFolder: folder,
    settings: DEFAULT_TRAIN_SETTINGS,
    examples: Array.from({ length: MANY }, () => example),
    rewards: Array.from({ length: MANY }, (_, i) => i / MANY),
    threads: 1,
    signal: stop.signal,
  });
  // The first thing the trainer does is to look whether it was stopped.
  await expect(training).rejects.toThrow(/aborted/);
  expect(existsSync(join(folder, "examples.jsonl"))).toBe(true);
});
