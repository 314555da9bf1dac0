/** @file Stopped training with dropout and a penalty on the divergence goes on to the same bytes. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { adapterHash } from "../../src/lora/adapter-hash.js";
import { actionExample } from "../../src/train/data/example.js";
import type { TrainEvent } from "../../src/train/loop/train-event.js";
import { type TrainOptions, trainLora } from "../../src/train/train-lora.js";
import { DEFAULT_TRAIN_SETTINGS } from "../../src/train/train-settings.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

function optionsFor(settings: Partial<TrainOptions["settings"]>): TrainOptions {
  const random = new Random(2);
  const draw = (length: number) => Int32Array.from({ length }, () => random.integer(3, 400));
  return {
    modelPath: makeTinyGguf(join(newFolder(), "base.gguf"), { blocks: 2, seed: 3 }),
    modelHash: "model",
    dataHash: "data",
    examples: Array.from({ length: 6 }, (_, i) =>
      actionExample({ promptTokens: draw(12), actionTokens: draw(8), weight: 1 + i, group: `${i}` }),
    ),
    settings: {
      ...DEFAULT_TRAIN_SETTINGS,
      batchSize: 2,
      learningRate: 2e-2,
      schedule: "constant",
      ...settings,
    },
    backend: new OrtBackend({ threads: 1 }),
    weights: "f32",
  };
}

it("dropout and divergence: a stopped run ends like an undisturbed one", async () => {
  const options = optionsFor({ dropout: 0.3, klPenalty: 0.5 });
  const undisturbed = await trainLora(options);
  const checkpointFolder = newFolder();
  const stop = new AbortController();
  const onEvent = (event: TrainEvent) => {
    if (event.type === "step" && event.step === 4) stop.abort();
  };
  await expect(trainLora({ ...options, checkpointFolder, signal: stop.signal, onEvent })).rejects.toThrow();
  const resumed = await trainLora({ ...options, checkpointFolder });
  expect(resumed.losses).toEqual(undisturbed.losses);
  expect(resumed.sameExamples).toEqual(undisturbed.sameExamples);
  expect(adapterHash(resumed.adapter)).toBe(adapterHash(undisturbed.adapter));
  const undropped = await trainLora({ ...options, settings: { ...options.settings, dropout: 0 } });
  expect(adapterHash(undropped.adapter)).not.toBe(adapterHash(undisturbed.adapter));
});

/** Two groups of four replies to one prompt each, good ones and bad ones. */
function comparedOptions(objective: NonNullable<TrainOptions["settings"]["objective"]>): TrainOptions {
  const options = optionsFor({ objective, epochs: 3, batchSize: 4, tokenBudget: 40, learningRate: 2e-3 });
  const examples = options.examples.slice(0, 2).flatMap((one) =>
    [1, -0.6, 0.3, -0.9].map((weight, i) => ({
      ...one,
      tokens: one.tokens.map((token, at) => (at > 13 ? 3 + ((token + 97 * i) % 397) : token)),
      weight,
    })),
  );
  return { ...options, examples };
}

for (const objective of ["preference", "group", "kto"] as const) {
  it(`${objective}: a run stopped after every update ends like an undisturbed one`, async () => {
    const options = comparedOptions(objective);
    const undisturbed = await trainLora(options);
    // Whole groups, of which the budget takes several passes.
    expect([undisturbed.steps, undisturbed.losses.length]).toEqual([6, 6]);
    expect(undisturbed.sameExamples?.after).toBeLessThan(undisturbed.sameExamples?.before as number);
    const checkpointFolder = newFolder();
    for (let stops = 1; stops <= 5; stops++) {
      const stop = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (event.type === "step" && event.step === stops) stop.abort();
      };
      const run = trainLora({ ...options, checkpointFolder, signal: stop.signal, onEvent });
      await expect(run).rejects.toThrow();
    }
    const resumed = await trainLora({ ...options, checkpointFolder });
    expect(resumed.losses).toEqual(undisturbed.losses);
    expect(adapterHash(resumed.adapter)).toBe(adapterHash(undisturbed.adapter));
  });
}

it("an objective is part of what a run is, and so is the form of its weights", async () => {
  const options = { ...comparedOptions("preference"), checkpointFolder: newFolder() };
  const stop = new AbortController();
  const onEvent = (event: TrainEvent) => {
    if (event.type === "step") stop.abort();
  };
  await expect(trainLora({ ...options, signal: stop.signal, onEvent })).rejects.toThrow();
  const other = { ...options, settings: { ...options.settings, objective: "kto" as const } };
  await expect(trainLora(other)).rejects.toThrow(/objective "preference" → "kto"/);
  await expect(trainLora({ ...options, weights: "f16" })).rejects.toThrow(/weightForm "exact" → "f16"/);
  const { losses } = await trainLora({ ...options, weights: "streamed" });
  expect(losses).toHaveLength(6);
});

it("replies are not pushed away without bounds, nor compared where there is nothing to compare", async () => {
  const options = comparedOptions("preference");
  const weighted = { ...options.settings, objective: undefined, allowNegativeWeights: true };
  await expect(trainLora({ ...options, settings: weighted })).rejects.toThrow(/nothing bounds how far/);
  const alike = options.examples.map((one) => ({ ...one, weight: 0.5 }));
  await expect(trainLora({ ...options, examples: alike })).rejects.toThrow(/nothing to compare/);
});

it("nothing is held out of a single episode, which is trained on all the same", async () => {
  const options = optionsFor({ heldOutShare: 0.2, epochs: 1 });
  const warnings: string[] = [];
  const onEvent = (event: TrainEvent) => {
    if (event.type === "warning") warnings.push(event.message);
  };
  const examples = options.examples.map((one) => ({ ...one, group: "only" }));
  const { losses } = await trainLora({ ...options, examples, onEvent });
  expect(losses).toHaveLength(3);
  expect(warnings).toEqual([
    expect.stringContaining("all examples are of one episode (only): none is held out"),
  ]);
});

it("tells the loss of the same examples before and after", async () => {
  const { losses, sameExamples } = await trainLora(optionsFor({ epochs: 6 }));
  // The first update computed it before it changed anything.
  expect(sameExamples?.before).toBeCloseTo(losses[0] as number, 5);
  expect(sameExamples?.after).toBeLessThan(sameExamples?.before as number);
});

it("a penalty keeps the model nearer to its base", async () => {
  const lastDivergence = async (klPenalty: number) => {
    const seen: number[] = [];
    await trainLora({
      ...optionsFor({ klPenalty, epochs: 12 }),
      onEvent: (event) => {
        if (event.type === "step" && event.divergence !== undefined) seen.push(event.divergence);
      },
    });
    expect(Math.abs(seen[0] as number)).toBeLessThan(1e-5);
    return seen.at(-1) as number;
  };
  const free = await lastDivergence(1e-6);
  expect(free).toBeGreaterThan(0.5);
  expect(await lastDivergence(20)).toBeLessThan(free / 4);
});
