/** @file Errors of the trainer process come back as the class they were, with its fields. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FormatError, TrainingDivergedError } from "../../src/core/errors.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { writeExamples } from "../../src/train/data/example-file.js";
import { runTrainer } from "../../src/train/process/run-trainer.js";
import { DEFAULT_TRAIN_SETTINGS, type TrainSettings } from "../../src/train/train-settings.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

async function train(modelPath: string, settings: Partial<TrainSettings> = {}) {
  const folder = newFolder();
  const examplesPath = join(folder, "examples.jsonl");
  const [tokens, lossMask] = [Int32Array.of(3, 4, 5), Uint8Array.of(0, 1, 1)];
  await writeExamples(examplesPath, [{ tokens, lossMask, weight: 1, group: "g" }]);
  return runTrainer({
    modelPath,
    modelHash: "model",
    examplesPath,
    dataHash: "data",
    settings: { ...DEFAULT_TRAIN_SETTINGS, ...settings },
    checkpointFolder: join(folder, "checkpoints"),
    checkpointEvery: 10,
    outFolder: folder,
    name: "lora",
    origin: {},
    threads: 1,
    weights: "auto",
  }).catch((error: unknown) => error);
}

it("a file that breaks its format", async () => {
  const modelPath = join(newFolder(), "broken.gguf");
  writeFileSync(modelPath, "GGML");
  const error = await train(modelPath);
  expect(error).toBeInstanceOf(FormatError);
  expect(error).toMatchObject({ file: modelPath, byteOffset: 4 });
});

it("a loss that is no number any more", async () => {
  const modelPath = makeTinyGguf(join(newFolder(), "tiny.gguf"), { blocks: 1, width: 32 });
  const error = await train(modelPath, { learningRate: 1e30, epochs: 4, schedule: "constant" });
  expect(error).toBeInstanceOf(TrainingDivergedError);
  const { step, loss } = error as TrainingDivergedError;
  expect([step, Number.isFinite(loss)]).toEqual([1, false]);
});
