/** @file Rewards computed anew from recorded scores: new files beside the old ones, never taken for a run's own. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type TrajectorySample,
  trajectoryFiles,
  trajectorySamples,
} from "../../../src/learn/examples/trajectory-samples.js";
import { relabel } from "../../../src/learn/relabel.js";
import { RoundFiles } from "../../../src/records/round-files.js";
import { type CandidateRecord, TrajectoryLog } from "../../../src/records/trajectory.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

const candidate = (index: number, accuracy: number): CandidateRecord => ({
  index,
  repairOf: null,
  forced: [],
  techniques: [],
  workflowHash: `hash ${index}`,
  source: `source ${index}`,
  outcome: "scored",
  status: "ok",
  accuracy,
  screenAccuracy: null,
  interval: null,
  n: 4,
  calls: 4,
  tokens: 40,
  dollars: 0,
  reward: accuracy,
});

/** One turn of two candidates with accuracies 0.75 and 0.25 after a best of 0.5. */
function writeTrajectory(path: string): void {
  const log = new TrajectoryLog(path);
  const policy = {
    id: "p",
    modelHash: "m",
    tokenizerHash: "t",
    templateHash: "c",
    adapterHash: null,
    device: "CPU",
  };
  log.append({
    kind: "header",
    version: 1,
    task: { name: "task", hash: "h" },
    executor: "fake",
    isSimulated: false,
    policy,
    seed: 0,
  });
  const action = (index: number) => ({
    index,
    repairOf: null,
    attempt: 0,
    seed: index,
    temperature: 1,
    forced: [],
    text: `reply ${index}`,
    tokens: [index + 1],
    finishReason: "stop",
  });
  log.append({
    kind: "actions",
    episode: 0,
    turn: 0,
    prompt: "turn",
    promptTokens: [7],
    messages: [{ role: "user", content: "design" }],
    seconds: 0,
    actions: [action(0), action(1)],
  });
  log.append({
    kind: "turn",
    episode: 0,
    turn: 0,
    history: { best: 0.5, previous: 0.5, sampleCount: 4 },
    parentHash: null,
    candidates: [candidate(0, 0.75), candidate(1, 0.25)],
    kept: 0,
  });
  log.close();
}

const rewardsOf = (file: string) => trajectorySamples(file).map(({ reward }) => reward);

describe("relabel", () => {
  it("gives a learning run new files that are not counted as its own, however often it is done", async () => {
    const run = newFolder();
    const own = new RoundFiles(run, 1).collected("task");
    writeTrajectory(own);
    const before = readFileSync(own, "utf8");
    for (let time = 0; time < 2; time++) {
      const [done, ...others] = await relabel(run, "relative-gain");
      expect(others).toEqual([]);
      expect(done).toMatchObject({ from: own, candidates: 2, changed: 2, meanBefore: 0.5, meanAfter: 0 });
      expect(rewardsOf(done?.to ?? "")).toEqual([0.5, -0.5]);
      expect(trajectoryFiles(run)).toEqual([own]);
    }
    await relabel(run, "discrete");
    expect(trajectoryFiles(run)).toEqual([own]);
    expect(readFileSync(own, "utf8")).toBe(before);
    expect(readdirSync(new RoundFiles(run, 1).folder)).toHaveLength(3);
  });

  it("does the same for a single trajectory, and the discrete reward is what its rule says", async () => {
    const run = newFolder();
    const own = join(run, "trajectories.jsonl");
    writeTrajectory(own);
    const [done] = await relabel(run, "discrete");
    expect(rewardsOf(done?.to ?? "")).toEqual([1, -0.1]);
    expect(trajectoryFiles(run)).toEqual([own]);
  });

  it("tells what the rewards are, so that they weigh as if computed on the way", async () => {
    const run = newFolder();
    const own = join(run, "trajectories.jsonl");
    writeTrajectory(own);
    const shrunkOf = (samples: TrajectorySample[]) => samples.map(({ shrunk }) => shrunk);
    const recorded = shrunkOf(trajectorySamples(own));
    expect(recorded[0]!.estimate).toBeLessThan(0.75);
    for (const [reward, expected] of [
      ["accuracy", recorded],
      ["relative-gain", [undefined, undefined]],
      ["discrete", [undefined, undefined]],
    ] as const) {
      const [done] = await relabel(run, reward);
      expect(shrunkOf(trajectorySamples(done!.to))).toEqual(expected);
      expect(shrunkOf(trajectorySamples(own, undefined, reward))).toEqual(expected);
      // Computed anew from a file of other rewards.
      expect(shrunkOf(trajectorySamples(done!.to, undefined, "accuracy"))).toEqual(recorded);
    }
  });
});
