/** @file `--fresh`: the run that was there is set aside as a whole, and nothing of it is taken for the new one's. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRun } from "../../../src/records/read-run.js";
import { RoundFiles } from "../../../src/records/round-files.js";
import { readRound } from "../../../src/records/round-record.js";
import { RunDirectory } from "../../../src/records/run-directory.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { makeLearnRun } from "../report/made-run.js";

const folder = useTemporaryFolder();

async function open(run: string, fresh: boolean, seed = 1): Promise<RunDirectory> {
  return await RunDirectory.open(
    { run, runsRoot: "runs", fresh, forceUnlock: false },
    { command: "learn", label: "a", executor: "mock", isSimulated: true, identity: { seed } },
    () => {},
  );
}

/** Everything that the commands write beside what makeLearnRun() makes. */
const MORE = [
  "calls.db",
  "calls.db-wal",
  "events.jsonl.torn",
  "events.head.json",
  "replays.json",
  "report.html",
  "best-workflow.js",
  "best-workflow.md",
  "best-workflow.json",
  "worked/abc.json",
  "suite.md",
  "suite.resolved.yaml",
  "accuracy.trajectories.jsonl",
  "approvals/abc.js",
  "designs/row/swaps.json",
  "peft/adapter_config.json",
];

describe("RunDirectory.open with fresh", () => {
  it("leaves no round of the old run, and keeps it where it can be read", async () => {
    const run = join(folder(), "run");
    makeLearnRun(run);
    for (const name of MORE) {
      mkdirSync(dirname(join(run, name)), { recursive: true });
      writeFileSync(join(run, name), name);
    }
    writeFileSync(join(run, "notes.txt"), "mine");
    const before = readdirSync(run).filter((name) => name !== "notes.txt");
    const directory = await open(run, true);
    expect(directory.isResumed).toBe(false);
    expect(readRound(new RoundFiles(run, 1))).toBeUndefined();
    directory.close();

    const fresh = await readRun(run);
    expect(fresh).toMatchObject({ rounds: [], turns: [], rows: [], isComplete: null });
    const [aside, ...others] = readdirSync(run).filter((name) => name.startsWith("old-"));
    expect(others).toEqual([]);
    expect(readdirSync(join(run, aside ?? "")).sort()).toEqual(before.sort());
    for (const name of MORE) expect(readFileSync(join(run, aside ?? "", name), "utf8")).toBe(name);
    expect(readFileSync(join(run, "notes.txt"), "utf8")).toBe("mine");
    expect(readRound(new RoundFiles(join(run, aside ?? ""), 2))?.round).toBe(2);
  });

  it("keeps every earlier run, also of the same second", async () => {
    const run = join(folder(), "run");
    for (let time = 0; time < 3; time++) (await open(run, true, time)).close();
    const aside = readdirSync(run).filter((name) => name.startsWith("old-"));
    expect(aside).toHaveLength(2);
    const seeds = aside.map(
      (name) => JSON.parse(readFileSync(join(run, name, "run.json"), "utf8")).identity.seed,
    );
    expect(seeds.sort()).toEqual([0, 1]);
  });

  it("is the only way past other settings", async () => {
    const run = join(folder(), "run");
    (await open(run, false, 1)).close();
    await expect(open(run, false, 2)).rejects.toThrow(/seed: 1 → 2/);
    (await open(run, true, 2)).close();
    const again = await open(run, false, 2);
    expect(again.isResumed).toBe(true);
    again.close();
    expect(existsSync(join(run, "run.json"))).toBe(true);
  });
});
