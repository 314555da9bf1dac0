/** @file The updates of a run: best parameters after an early stop, also of a run that was stopped, and clipping by weight. */
import { describe, expect, it } from "vitest";
import { DataOrder } from "../../../../src/train/data/data-position.js";
import { runUpdates, startingState, type TrainingTask } from "../../../../src/train/loop/training-loop.js";
import { DEFAULT_TRAIN_SETTINGS } from "../../../../src/train/train-settings.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const EPOCHS = 6;
const settings = {
  ...DEFAULT_TRAIN_SETTINGS,
  epochs: EPOCHS,
  batchSize: 1,
  learningRate: 0.1,
  schedule: "constant" as const,
  patience: 2,
};
const identity = { modelHash: "m", dataHash: "d", config: {} };

/** Two updates an epoch; held-out losses by epoch; every update's gradient is `gradientOf(update)`. */
function setUp(folder: string | undefined, heldOut: readonly number[], gradientOf = (_: number) => 1) {
  const order = new DataOrder(["a", "b"], settings);
  const options = { checkpointFolder: folder, checkpointEvery: 1 };
  const state = startingState(options, identity, 0, () => new Map([["p", new Float32Array(2)]]));
  const warnings: string[] = [];
  const seen: Float32Array[] = [];
  const task: TrainingTask = {
    settings,
    order,
    state,
    addGradients: async (update, sums) => {
      sums.get("p")?.fill(gradientOf(update));
      return { loss: 1, tokens: 1, plainTokens: 1, splitCount: 0, repeatedTokens: 0 };
    },
    heldOutLoss: async () => {
      seen.push((state.parameters.get("p") as Float32Array).slice());
      return heldOut[state.optimizer.step / 2 - 1] as number;
    },
  };
  const run = (signal?: AbortSignal) =>
    runUpdates(task, {
      ...options,
      signal,
      onEvent: (event) => {
        if (event.type === "warning") warnings.push(event.message);
      },
    });
  return { task, state, run, seen, warnings };
}

describe("an early stop", () => {
  it("ends with the parameters of the lowest held-out loss, and says so", async () => {
    const { run, seen, warnings } = setUp(undefined, [5, 3, 4, 3.5]);
    const { parameters, steps } = await run();
    expect(steps).toBe(8);
    expect(parameters.get("p")).toEqual(seen[1]);
    expect(seen[1]).not.toEqual(seen[3]);
    expect(warnings).toEqual([expect.stringContaining("update 4")]);
  });

  it("ends with the last ones where these are the best", async () => {
    const { run, state, warnings } = setUp(undefined, [6, 5, 4, 3, 2, 1]);
    const { parameters, steps } = await run();
    expect(steps).toBe(2 * EPOCHS);
    expect(parameters.get("p")).toEqual(state.parameters.get("p"));
    expect(warnings).toEqual([]);
  });

  it("ends alike when the run was stopped behind the best epoch and taken up again", async () => {
    const heldOut = [5, 3, 4, 3.5];
    const whole = await setUp(undefined, heldOut).run();
    const folder = newFolder();
    const stopper = new AbortController();
    const first = setUp(folder, heldOut, (update) => {
      if (update === 5) stopper.abort();
      return 1;
    });
    await expect(first.run(stopper.signal)).rejects.toThrow();
    const again = setUp(folder, heldOut);
    expect(again.state.optimizer.step).toBeGreaterThan(4);
    expect((await again.run()).parameters).toEqual(whole.parameters);
    // Once more, with nothing left to do.
    expect((await setUp(folder, heldOut).run()).parameters).toEqual(whole.parameters);
  });
});

describe("clipping", () => {
  it("leaves updates apart that weigh differently, up to the norm that the weights allow", async () => {
    // Norms of 3√2 and 0.3√2: of both the same is left under a norm of 0.4, a tenth under one of 4.4.
    const momentOf = async (clipScale: number, gradient: number) => {
      const { task, run, state } = setUp(undefined, [], () => gradient);
      task.heldOutLoss = undefined;
      task.clipScale = clipScale;
      await run();
      return state.optimizer.m.get("p")?.[0] as number;
    };
    expect((await momentOf(0.4, 3)) / (await momentOf(0.4, 0.3))).toBeCloseTo(1, 4);
    expect((await momentOf(4.4, 3)) / (await momentOf(4.4, 0.3))).toBeCloseTo(10, 4);
  });
});
