/** @file One recorded run at the command line: composite rewards weighed anew without a call, and the audit of its log. */
import { appendFileSync, copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeLine, encodeLine } from "../../src/core/jsonl-log.js";
import { Random } from "../../src/core/random.js";
import { weighExamples } from "../../src/learn/examples/objectives.js";
import { trajectorySamples } from "../../src/learn/examples/trajectory-samples.js";
import type { RunAudit } from "../../src/records/audit-run.js";
import { readTrajectory } from "../../src/records/trajectory.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { withoutPrograms } from "../support/no-programs.js";
import type { CliResult } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

const newFolder = useTemporaryFolder();
const runCli = useCliHost();
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
      ...["--reward", "composite", ...withoutPrograms(home), ...more, "--json"],
    ],
    { cwd: home },
  );
const candidatesOf = (path: string) =>
  readTrajectory(path).flatMap((record) => (record.kind === "turn" ? record.candidates : []));

beforeAll(async () => {
  home = newFolder();
  model = makeTinyDesigner(join(home, "tiny.gguf"));
  run = join(home, "run");
  collected = await collect("run");
});

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

  it("is weighed anew by relabel without the replies, and train takes the same weights", async () => {
    // What is not there cannot be read: no reply, no result.
    const moved = join(newFolder(), "trajectories.jsonl");
    copyFileSync(join(run, "trajectories.jsonl"), moved);
    const weights = ["--reward", "composite", "--reward-weights", "accuracy=1,efficiency=3,tokens=1"];
    const relabelled = await runCli(["relabel", moved, ...weights, "--json"]);
    expect(`${relabelled.code} ${relabelled.stderr}`).toMatch(/^0 /);
    const { files } = JSON.parse(relabelled.stdout);
    expect(files[0].changed).toBeGreaterThan(4);
    for (const { outcome, components, reward } of candidatesOf(files[0].to)) {
      if (outcome === "invalid") continue;
      expect(reward).toBeCloseTo((components!.accuracy + 3 * components!.efficiency.tokens!.value) / 4);
    }
    const out = join(home, "adapter");
    const trainArguments = ["train", "--model", model, "--epochs", "1", "--rank", "2", "--threads", "1"];
    const plain = ["--weighting", "exponential", "--count-duplicates", "--unbalanced"];
    const trained = await runCli([...trainArguments, "--from", moved, ...weights, ...plain, "--out", out]);
    expect(`${trained.code} ${trained.stderr}`).toMatch(/^0 /);
    const examples = trajectorySamples(files[0].to).map(({ reward }) => ({ reward, state: "" }));
    expect(weightsOf(readFileSync(join(out, "examples.jsonl"), "utf8"))).toEqual(
      weighExamples(examples, { kind: "exponential" }, new Random(0)),
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

describe("inspect --audit", () => {
  const audit = async (directory: string) => {
    const result = await runCli(["inspect", directory, "--audit", "--json"]);
    return { ...result, audit: JSON.parse(result.stdout) as RunAudit };
  };
  const copy = () => {
    const path = join(newFolder(), "copy");
    cpSync(run, path, { recursive: true });
    return path;
  };

  it("says who designed what from which data, and what it cost", async () => {
    const { code, audit: found } = await audit(run);
    expect(code).toBe(0);
    expect(found).toMatchObject({ isIntact: true, command: "collect", isSimulated: true, disagreements: [] });
    expect(found.chain).toMatchObject({ unchained: 0, isTorn: false });
    const task = readTrajectory(join(run, "trajectories.jsonl"))[0];
    expect(task).toMatchObject({ kind: "header", task: { name: "counting", hash: found.data[0]?.hash } });
    expect(found.designs).toHaveLength(candidatesOf(join(run, "trajectories.jsonl")).length);
    expect(found.designers).toHaveLength(1);
    expect(found.designers[0]).toMatchObject({ candidates: found.designs.length, kept: 1 });
    const { spent } = JSON.parse(collected.stdout);
    expect(found.spent).toEqual({ calls: spent.calls, tokens: spent.tokens, dollars: spent.dollars });
    const text = await runCli(["inspect", run, "--audit"]);
    expect(text.stdout).toMatch(/log +holds: \d+ lines/);
    expect(text.stdout).toContain("never opened");
    expect(text.stdout).toContain(found.designs.find(({ isKept }) => isKept)!.workflow!.slice(0, 12));
  });

  it("goes on with the chain when a run is resumed, also after a kill while a line was written", async () => {
    // The fixture's own settings: a finished run is read from disk, and logs that it was.
    const before = (await audit(run)).audit.chain.lines;
    appendFileSync(join(run, "events.jsonl"), '{"at":"2026-');
    const torn = await audit(run);
    expect([torn.code, torn.audit.chain.isTorn]).toEqual([0, true]);
    expect((await collect("run")).code).toBe(0);
    const { code, audit: after } = await audit(run);
    expect(code).toBe(0);
    expect(after.chain.lines).toBeGreaterThan(before);
    expect(after.sessions).toHaveLength(2);
  });

  it("exit 6, naming the line, for a log or a record that was changed", async () => {
    const edited = copy();
    const events = join(edited, "events.jsonl");
    const lines = readFileSync(events, "utf8").trimEnd().split("\n");
    const at = lines.findIndex((line) => line.includes('"candidate-scored"'));
    const { ...record } = decodeLine(lines[at] as string) as Record<string, unknown>;
    writeFileSync(events, `${lines.with(at, encodeLine({ ...record, accuracy: 1 })).join("\n")}\n`);
    expectFailure(
      await runCli(["inspect", edited, "--audit"]),
      6,
      new RegExp(`line ${at + 2}: .*line ${at + 1}`),
    );

    const shortened = copy();
    writeFileSync(join(shortened, "events.jsonl"), `${lines.slice(0, -2).join("\n")}\n`);
    expectFailure(await runCli(["inspect", shortened, "--audit"]), 6, /lines are missing at the end/);

    const swapped = copy();
    const manifest = join(swapped, "run.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("simulated", "genuine"));
    expectFailure(await runCli(["inspect", swapped, "--audit"]), 6, /line 1: .*run\.json/);

    const embellished = copy();
    const path = join(embellished, "trajectories.jsonl");
    const records = readTrajectory(path).map((value) =>
      value.kind === "turn"
        ? { ...value, candidates: value.candidates.map((one) => ({ ...one, accuracy: 0.99 })) }
        : value,
    );
    writeFileSync(path, records.map((value) => `${encodeLine(value)}\n`).join(""));
    expectFailure(await runCli(["inspect", embellished, "--audit"]), 6, /accuracy 0\.99.*log says otherwise/);
    expectFailure(await runCli(["inspect", model, "--audit"]), 2, /for run directories/);
    expectFailure(await runCli(["inspect", home, "--audit"]), 3, /no run directory/);
  });
});

/** The weights in a file of examples, in order. */
function weightsOf(examples: string): unknown[] {
  return examples
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { weight?: unknown }).weight);
}

it("collect tells which workflows are on the front of accuracy against cost", () => {
  const { pareto } = JSON.parse(collected.stdout);
  expect(pareto.unit).toBe("dollars");
  const front = pareto.points.filter(({ isOnFront }: { isOnFront: boolean }) => isOnFront);
  expect(front.length).toBeGreaterThan(0);
  expect(front.length).toBeLessThan(pareto.points.length);
  const best = Math.max(...pareto.points.map(({ accuracy }: { accuracy: number }) => accuracy));
  expect(front.at(-1).accuracy).toBe(best);
});

describe("inspect of workflows", () => {
  it("shows the card of a workflow, and of a run's best one, which also lies beside it", async () => {
    const workflow = join(newFolder(), "w.js");
    writeFileSync(workflow, "export default async (agent, task) => agent.text(task.question, { n: 3 });\n");
    const plain = await runCli(["inspect", workflow]);
    expect(plain.stdout).toContain("Line 1 asks the executor (agent.text): at most once, 3 replies.");
    const json = JSON.parse((await runCli(["inspect", workflow, "--json"])).stdout);
    expect(json.worstCase).toMatchObject({ modelCalls: 1, replies: 3 });

    const shown = await runCli(["inspect", run]);
    expect(shown.stdout).toContain("As measured");
    const markdown = readFileSync(join(run, "best-workflow.md"), "utf8");
    expect(markdown).toContain("## What it calls");
    expect(markdown).toContain("(simulated executor)");
    const report = await runCli(["report", run, "--out", join(home, "page.html"), "--text"]);
    expect(report.stdout).toContain("The best workflow in words");
    expect(report.stdout).toContain("Accuracy against cost, counting");
    const page = readFileSync(join(home, "page.html"), "utf8");
    expect(page).toContain("What it does, in words");
    expect(page).toMatch(/<figure class="pareto">.*counting: \d+ workflows by dollars a sample/s);
    expect(page).toMatch(/workflows are on the front.*simulated executor/);
  });
});
