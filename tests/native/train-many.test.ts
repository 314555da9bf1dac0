/** @file Both trainers plan a run over more examples than a call has arguments. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import type { TrainEvent } from "../../src/train/loop/train-event.js";
import { trainLora } from "../../src/train/train-lora.js";
import { trainModel } from "../../src/train/train-model.js";
import { DEFAULT_MODEL_TRAIN_SETTINGS, DEFAULT_TRAIN_SETTINGS } from "../../src/train/train-settings.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const MANY = 150_000;
const BATCH = 64;

const newFolder = useTemporaryFolder();

function given() {
  const events: TrainEvent[] = [];
  const stop = new AbortController();
  const options = {
    modelPath: makeTinyGguf(join(newFolder(), "tiny.gguf"), { blocks: 1, width: 32 }),
    modelHash: "model",
    dataHash: "data",
    examples: Array.from({ length: MANY }, (_, i) => ({
      tokens: Int32Array.of(3 + (i % 200), 5 + (i % 7), 9),
      lossMask: Uint8Array.of(0, 1, 1),
      weight: 1,
      group: `group ${i % 1000}`,
    })),
    backend: new OrtBackend({ threads: 1 }),
    signal: stop.signal,
    onEvent: (event: TrainEvent) => {
      events.push(event);
      if (event.type === "plan") stop.abort();
    },
  };
  return { events, options };
}

describe(`${MANY} examples`, () => {
  it("trainLora plans them", async () => {
    const { events, options } = given();
    const settings = { ...DEFAULT_TRAIN_SETTINGS, batchSize: BATCH };
    await expect(trainLora({ ...options, settings })).rejects.toThrow(/aborted/);
    expect(events).toMatchObject([{ type: "plan", examples: MANY, totalSteps: 2 * Math.ceil(MANY / BATCH) }]);
  });

  it("trainModel plans them", async () => {
    const { events, options } = given();
    const settings = { ...DEFAULT_MODEL_TRAIN_SETTINGS, batchSize: BATCH };
    await expect(trainModel({ ...options, settings })).rejects.toThrow(/aborted/);
    expect(events).toMatchObject([{ type: "plan", examples: MANY, totalSteps: 2 * Math.ceil(MANY / BATCH) }]);
  });
});
