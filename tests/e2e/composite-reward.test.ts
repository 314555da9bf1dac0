/** @file The composite reward at the command line: recorded by collect, weighed anew by relabel and train, no model called. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { encodeLine } from "../../src/core/jsonl-log.js";
import { trajectorySamples } from "../../src/rlao/trajectory-samples.js";
import { readTrajectory } from "../../src/rollout/trajectory.js";
import { rewardWeights } from "../../src/train/example-weights.js";
import { expectFailure } from "../support/cli-expect.js";
import { type CliResult, runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
let home: string;
let model: string;
let run: string;
let collected: CliResult;

const collect = (name: string, ...more: string[]) =>
  runCli(
    [
      ...["collect", "--task", "counting", "--executor", "simulated", "--model", model, "--gpu", "off"],
      ...["--threads", "1", "--episodes", "1", "--turns", "1", "--candidates", "10", "--explore", "1"],
      ...["--screen", "2", "--validation-limit", "4", "--max-repairs", "0", "--run", join(home, name)],
      ...["--reward", "composite", ...more, "--json"],
    ],
    { cwd: home },
  );
const candidatesOf = (path: string) =>
  readTrajectory(path).flatMap((record) => (record.kind === "turn" ? record.candidates : []));

beforeAll(async () => {
  home = newFolder();
  model = makeTinyGguf(join(home, "tiny.gguf"), { hasRandomNorms: true });
  run = join(home, "run");
  collected = await collect("run");
}, 120_000);

describe("--reward composite", () => {
  it("records every component with each candidate that ran, and the reward they come to", () => {
    expect(`${collected.code} ${collected.stderr}`).toMatch(/^0 /);
    const candidates = candidatesOf(join(run, "trajectories.jsonl"));
    const ran = candidates.filter(({ outcome }) => outcome !== "invalid");
    expect(ran.length).toBeGreaterThan(4);
    for (const { components, reward } of ran) {
      const { calls, tokens, steps, latency } = components!.efficiency;
      for (const part of [calls, tokens, steps, latency]) {
        expect(part!.value).toBeCloseTo(Math.min(1, part!.reference / part!.perSample));
      }
      const efficiency = (calls!.value + tokens!.value + steps!.value) / 3;
      expect(reward).toBeCloseTo((components!.accuracy + 0.2 * efficiency) / 1.2);
      expect(components).toMatchObject({ coherence: null, relevance: null });
    }
    // The simulated candidates differ in what they cost, else this shows nothing.
    expect(new Set(ran.map(({ components }) => components!.efficiency.tokens!.value)).size).toBeGreaterThan(
      2,
    );
    for (const { outcome, reward, components } of candidates)
      if (outcome === "invalid") expect([reward, components]).toEqual([0, undefined]);
  });

  it("is weighed anew by relabel without the replies, and train takes the same weights", {
    timeout: 120_000,
  }, async () => {
    rmSync(join(run, "calls.db"));
    const weights = ["--reward", "composite", "--reward-weights", "accuracy=1,efficiency=3,tokens=1"];
    const relabelled = await runCli(["relabel", run, ...weights, "--json"]);
    expect(`${relabelled.code} ${relabelled.stderr}`).toMatch(/^0 /);
    const { files } = JSON.parse(relabelled.stdout);
    expect(files[0].changed).toBeGreaterThan(4);
    for (const { outcome, components, reward } of candidatesOf(files[0].to)) {
      if (outcome === "invalid") continue;
      expect(reward).toBeCloseTo((components!.accuracy + 3 * components!.efficiency.tokens!.value) / 4);
    }
    const out = join(home, "adapter");
    const trainArguments = ["train", "--model", model, "--epochs", "1", "--rank", "2", "--threads", "1"];
    const trained = await runCli([...trainArguments, "--from", run, ...weights, "--out", out]);
    expect(`${trained.code} ${trained.stderr}`).toMatch(/^0 /);
    const rewards = trajectorySamples(files[0].to).samples.map(({ reward }) => reward);
    expect(weightsOf(readFileSync(join(out, "examples.jsonl"), "utf8"))).toEqual(
      rewardWeights(rewards, { kind: "exponential" }),
    );
  });

  it("refuses weights on what was not measured, before a run and after it", async () => {
    const before = await collect("never", "--reward-weights", "accuracy=1,coherence=1");
    expectFailure(before, 2, /scorer of counting .* does not measure coherence.*give coherence no weight/);
    const weights = ["--reward", "composite", "--reward-weights", "accuracy=1,relevance=0.5"];
    expectFailure(await runCli(["relabel", run, ...weights]), 3, /no recorded relevance/);
    expectFailure(
      await runCli(["relabel", run, "--reward", "accuracy", ...weights.slice(2)]),
      2,
      /composite/,
    );
    // A file of an older version, without components, still loads.
    const old = join(newFolder(), "trajectories.jsonl");
    const records = readTrajectory(join(run, "trajectories.jsonl")).map((record) =>
      record.kind === "turn"
        ? { ...record, candidates: record.candidates.map(({ components: _, ...rest }) => rest) }
        : record,
    );
    writeFileSync(old, records.map((record) => `${encodeLine(record)}\n`).join(""));
    expect((await runCli(["relabel", old, "--reward", "accuracy"])).code).toBe(0);
    expectFailure(
      await runCli(["relabel", old, "--reward", "composite"]),
      3,
      /no recorded accuracy.*older version/,
    );
  });
});

/** The weights in a file of examples, in order. */
function weightsOf(examples: string): unknown[] {
  return examples
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { weight?: unknown }).weight);
}
