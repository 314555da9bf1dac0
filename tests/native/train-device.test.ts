/** @file Devices that training asks for and does not get: what it computes on instead, and what it says. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import type { ComputeDevice } from "../../src/graph/compute-device.js";
import { requireDevice } from "../../src/graph/open-device.js";
import { writeExamples } from "../../src/train/data/example-file.js";
import type { TrainEvent } from "../../src/train/loop/train-event.js";
import { runTrainer } from "../../src/train/process/run-trainer.js";
import { DEFAULT_TRAIN_SETTINGS } from "../../src/train/train-settings.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

async function train(device: ComputeDevice | undefined) {
  const folder = newFolder();
  const modelPath = makeTinyGguf(join(folder, "tiny.gguf"), { blocks: 1, width: 32 });
  const examplesPath = join(folder, "examples.jsonl");
  const [tokens, lossMask] = [Int32Array.of(3, 4, 5), Uint8Array.of(0, 1, 1)];
  await writeExamples(examplesPath, [{ tokens, lossMask, weight: 1, group: "g" }]);
  const events: TrainEvent[] = [];
  const result = await runTrainer(
    {
      ...{ modelPath, modelHash: "model", examplesPath, dataHash: "data" },
      settings: { ...DEFAULT_TRAIN_SETTINGS, epochs: 2 },
      checkpointFolder: join(folder, "checkpoints"),
      ...{ checkpointEvery: 10, outFolder: folder, name: "lora", origin: {}, threads: 1, weights: "auto" },
      device,
    },
    { onEvent: (event) => events.push(event) },
  );
  return { result, told: events.filter(({ type }) => type === "device") };
}

// Elsewhere WebGPU needs no driver files that a test could hide.
describe.runIf(process.platform === "linux")("a machine without a driver for WebGPU", () => {
  const before = { ...process.env };
  beforeEach(() => {
    for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
      process.env[name] = join(newFolder(), "none.json");
  });
  afterEach(() => {
    for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });

  it("trains on the CPU, says why once, and gives the same adapter", async () => {
    const { result, told } = await train("webgpu");
    expect(result.device).toBe("cpu");
    expect(result.deviceReason).toMatch(/^(Failed to get a WebGPU adapter|.*webgpu)/i);
    expect(told).toEqual([{ type: "device", device: "cpu", reason: result.deviceReason }]);
    const usual = await train(undefined);
    expect(usual.told).toEqual([{ type: "device", device: "cpu" }]);
    expect([usual.result.device, usual.result.deviceReason]).toEqual(["cpu", undefined]);
    expect(basename(result.adapterPath)).toBe(basename(usual.result.adapterPath));
    expect(existsSync(result.adapterPath)).toBe(true);
  });
});

it("refuses cuda before anything is computed where its libraries are not there", () => {
  for (const device of [undefined, "cpu", "webgpu"] as const) requireDevice(device);
  let refused: unknown;
  try {
    requireDevice("cuda");
  } catch (error) {
    refused = error;
  }
  // A machine that has them refuses nothing.
  if (refused === undefined) return;
  expect(refused).toBeInstanceOf(ConfigError);
  expect(String(refused)).toMatch(/device cuda: onnxruntime-node (is installed without its CUDA|has it for)/);
});
