/** @file Runs of version 0.1 taken up by the command that began them: nothing is paid again, and the result is the same. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { useCliHost } from "../support/cli-host.js";
import type { CliResult } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const stored = fileURLToPath(new URL("../fixtures/runs-0.1", import.meta.url));
const newFolder = useTemporaryFolder();
const runCli = useCliHost();
let home: string;

/** As the fixtures' README has it. */
const COMMON = [
  ...["--model", "tiny.gguf", "--gpu", "off", "--threads", "1", "--executor", "simulated"],
  ...["--validation-limit", "6", "--test-limit", "4", "--seed", "5", "--episodes", "1", "--candidates", "3"],
  ...["--prompt-style", "compact", "--json"],
];
const OPTIMIZE = ["optimize", "--task", "shopping", "--turns", "2", "--max-repairs", "1", "--screen", "2"];
const LEARN = [
  ...[
    "learn",
    "--task",
    "counting",
    "--held-back",
    "swaps",
    "--turns",
    "1",
    "--max-repairs",
    "0",
    "--screen",
    "0",
  ],
  ...["--rounds", "2", "--eval-episodes", "1", "--rank", "1", "--epochs", "1"],
];

beforeAll(() => {
  home = newFolder();
  makeTinyGguf(join(home, "tiny.gguf"), { hasRandomNorms: true });
  for (const name of ["optimize", "learn"]) {
    cpSync(join(stored, name), join(home, "runs", name), { recursive: true });
    writeFileSync(
      join(home, "runs", name, "calls.db"),
      gunzipSync(readFileSync(join(stored, name, "calls.db.gz"))),
    );
    rmSync(join(home, "runs", name, "summary.json"));
  }
  rmSync(join(home, "runs", "learn", "rounds", "02", "round.json"));
  // As after a kill before the last turn was recorded.
  const trajectory = join(home, "runs", "optimize", "trajectories.jsonl");
  const lines = readFileSync(trajectory, "utf8").split("\n");
  writeFileSync(trajectory, `${lines.slice(0, -2).join("\n")}\n`);
});

function summaryOf(root: string, name: string) {
  return JSON.parse(readFileSync(join(root, name, "summary.json"), "utf8"));
}

async function takeUp(name: string, command: readonly string[]): Promise<CliResult> {
  return await runCli([...command, ...COMMON, "--run", join("runs", name)], { cwd: home });
}

describe("a stored run", () => {
  it("of optimize goes on to the same result without a call", async () => {
    const result = await takeUp("optimize", OPTIMIZE);
    expect(result.code, result.stderr).toBe(0);
    const [before, after] = [summaryOf(stored, "optimize"), summaryOf(join(home, "runs"), "optimize")];
    expect(after.resultHash).toBe(before.resultHash);
    expect(after.best).toEqual(before.best);
    expect(after.test).toEqual(before.test);
    expect(after.spent.calls).toBe(before.spent.calls);
  });

  it("of learn goes on to the same adapters without a call", async () => {
    const result = await takeUp("learn", LEARN);
    expect(result.code, result.stderr).toBe(0);
    const [before, after] = [summaryOf(stored, "learn"), summaryOf(join(home, "runs"), "learn")];
    expect(after.adapter).toEqual(before.adapter);
    for (const key of ["base", "trained", "test", "breakEven"]) expect(after[key]).toEqual(before[key]);
    expect(after.difference).toMatchObject(before.difference);
    expect(after.spent.calls).toBe(before.spent.calls);
    expect(after.best.source).toBe(readFileSync(join(stored, "learn", "best-workflow.js"), "utf8"));
    const audit = JSON.parse(
      (await runCli(["inspect", join(home, "runs", "learn"), "--audit", "--json"])).stdout,
    );
    expect(audit).toMatchObject({ isIntact: true, unlogged: 0 });
    expect(audit.sessions).toHaveLength(2);
    // What this version logs says where it is recorded.
    const log = readFileSync(join(home, "runs", "learn", "events.jsonl"), "utf8");
    const files = [...log.matchAll(/"trajectory":"([^"]*)"/g)].map((match) => match[1]);
    expect([...new Set(files)].sort()).toEqual([
      "rounds/00/judge-base-swaps.jsonl",
      "rounds/02/collect-counting.jsonl",
      "rounds/02/judge-new-swaps.jsonl",
    ]);
  });

  it.each(["optimize", "collect", "learn", "eval", "suite"])("of %s is shown by inspect", async (name) => {
    const shown = await runCli(["inspect", join(stored, name)]);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(/spent +\d+ calls/);
    expect(shown.stdout).toContain("95 % interval");
  });
});
