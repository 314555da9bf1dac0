/** @file Ops, their gradients and a whole training on the WebGPU provider: `make test-gpu`, which finds an adapter in software. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import type { ComputeDevice } from "../../src/graph/compute-device.js";
import type { OpName } from "../../src/graph/graph-builder.js";
import { OP_TABLE } from "../../src/graph/op-table.js";
import { openDevice } from "../../src/graph/open-device.js";
import { OrtBackend } from "../../src/graph/ort-backend.js";
import { writeExamples } from "../../src/train/data/example-file.js";
import { runTrainer } from "../../src/train/process/run-trainer.js";
import { SHARED_HEAP } from "../../src/train/process/trainer-heap.js";
import { DEFAULT_TRAIN_SETTINGS } from "../../src/train/train-settings.js";
import { OP_CASES } from "../conformance/graph-backend-cases.js";
import { graphWithGradients, largestDifference, runGraph } from "../support/op-case-gradients.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const SEED = 20261130;
/** Every graph's shaders are compiled anew, by a CPU. */
const RUNS = 4;
/** Of an output's largest number: sums in another order, e^x and sigmoid of a GPU's own (1.2e-6 was seen in software). */
const BOUND = 1e-5;

const device = process.env.W4S_TEST_DEVICE as ComputeDevice | undefined;
const software = process.env.W4S_TEST_SOFTWARE;
const newFolder = useTemporaryFolder();

describe.skipIf(device === undefined)("WebGPU (needs an adapter: make test-gpu)", () => {
  it("has an adapter, and it is the one that was named", async () => {
    const opened = await openDevice({ threads: 1, device, sessionOptions: SHARED_HEAP });
    expect(opened).toMatchObject({ device });
    expect(opened.reason).toBeUndefined();
    if (software !== undefined) expect(readFileSync("/proc/self/maps", "utf8")).toContain(software);
  });

  const lacking: string[] = [];
  const usual = new OrtBackend({ threads: 1 });
  it.each(Object.keys(OP_TABLE) as OpName[])("%s and its gradients as on the CPU", async (op) => {
    const backend = new OrtBackend({ threads: 1, device, sessionOptions: SHARED_HEAP });
    for (const opCase of fc.sample(OP_CASES[op]("small"), { seed: SEED, numRuns: RUNS })) {
      const { graph, feeds } = graphWithGradients(op, opCase);
      const expected = await runGraph(usual, graph, feeds);
      expect(largestDifference(await runGraph(backend, graph, feeds), expected)).toBeLessThan(BOUND);
    }
    if (backend.placement.partial > 0) lacking.push(op);
  });

  it("computes every op on the device, none on the CPU", () => {
    expect(lacking).toEqual([]);
  });

  it.each(["f32", "f16", "streamed"] as const)("trains an adapter, weights %s", async (weights) => {
    const folder = newFolder();
    const modelPath = makeTinyGguf(join(folder, "tiny.gguf"), { blocks: 2, width: 32 });
    const examplesPath = join(folder, "examples.jsonl");
    const [tokens, lossMask] = [Int32Array.of(3, 4, 5, 6, 7), Uint8Array.of(0, 0, 1, 1, 1)];
    await writeExamples(examplesPath, [{ tokens, lossMask, weight: 1, group: "g" }]);
    const train = (name: ComputeDevice | undefined) =>
      runTrainer({
        ...{ modelPath, modelHash: "model", examplesPath, dataHash: "data", weights, threads: 1 },
        settings: { ...DEFAULT_TRAIN_SETTINGS, epochs: 3 },
        checkpointFolder: join(folder, `checkpoints-${name}`),
        ...{ checkpointEvery: 10, outFolder: folder, name: `${name}`, origin: {}, device: name },
      });
    const [here, there] = [await train("cpu"), await train(device)];
    expect([there.device, there.deviceReason]).toEqual([device, undefined]);
    expect(there.losses).toHaveLength(3);
    for (const [i, loss] of there.losses.entries())
      expect(Math.abs(loss - (here.losses[i] as number))).toBeLessThan(1e-5);
  });
});
