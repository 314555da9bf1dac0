/** @file The list of runs below a folder, and how one is named. */
import { appendFileSync, cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { runsTable } from "../../../src/cli/commands/runs.js";
import { InputError } from "../../../src/core/errors.js";
import { JsonlLog } from "../../../src/core/jsonl-log.js";
import { lockRun } from "../../../src/core/lock-run.js";
import { namedRun } from "../../../src/records/find-run.js";
import { listRuns } from "../../../src/records/list-runs.js";
import { adaptersOf } from "../../../src/records/run-adapters.js";
// from "../../../src/records/list-runs.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const stored = fileURLToPath(new URL("../../fixtures/runs-0.1", import.meta.url));
const newFolder = useTemporaryFolder();
let root: string;

beforeAll(() => {
  root = newFolder();
  for (const name of ["optimize", "eval", "learn"])
    cpSync(join(stored, name), join(root, name), { recursive: true });
  cpSync(join(stored, "collect"), join(root, "group", "collect"), { recursive: true });
  rmSync(join(root, "group", "collect", "summary.json"));
  mkdirSync(join(root, "broken"));
  writeFileSync(join(root, "broken", "run.json"), "{");
  mkdirSync(join(root, "no-run"));
  writeFileSync(join(root, "readme.txt"), "");
});

describe("listRuns", () => {
  it("tells what each was, how far it came, its best accuracy and its cost", async () => {
    const runs = Object.fromEntries((await listRuns(root)).map((run) => [run.name, run]));
    expect(Object.keys(runs).sort()).toEqual([
      "broken",
      "eval",
      join("group", "collect"),
      "learn",
      "optimize",
    ]);
    expect(runs.optimize).toMatchObject({
      ...{ command: "optimize", task: "shopping", isSimulated: true, state: "finished" },
      best: { accuracy: 1, split: "test" },
      spent: { calls: 48 },
    });
    expect(runs.eval?.best).toMatchObject({ split: "validation" });
    expect(runs.learn).toMatchObject({
      command: "learn",
      task: "counting",
      state: "finished",
      spent: { calls: 152 },
    });
    expect(runs[join("group", "collect")]).toMatchObject({ state: "not finished", best: null });
    expect(runs.broken).toMatchObject({ state: "damaged", reason: expect.stringContaining("run.json") });
  });

  it("puts the one that was at work last first, and none where there is no folder", async () => {
    const times = (await listRuns(root)).map(({ endedAt }) => endedAt ?? "");
    expect(times).toEqual([...times].sort().reverse());
    expect(await listRuns(join(root, "nowhere"))).toEqual([]);
  });

  it("knows a run that is being worked on", async () => {
    const release = lockRun(join(root, "eval"));
    const state = async () => (await listRuns(root)).find(({ name }) => name === "eval")?.state;
    expect(await state()).toBe("running");
    release();
    expect(await state()).toBe("finished");
  });

  it("fits a screen of 80 columns", async () => {
    const runs = await listRuns(root);
    const text = runsTable(runs);
    for (const { name } of runs) expect(text).toContain(name);
    expect(text).toContain("100.0% on test");
  });
});

describe("adaptersOf", () => {
  it("gives the last accepted adapter of a learning run, where it lies now, and none of others", () => {
    expect(adaptersOf(join(root, "learn"))).toEqual([
      join(root, "learn", "rounds", "02", "adapter-02-552cafb5b35e.gguf"),
    ]);
    expect(adaptersOf(join(root, "optimize"))).toEqual([]);
  });
});

describe("a run that was only forecast", () => {
  it("is listed as such, and is not the latest one", async () => {
    const only = newFolder();
    cpSync(join(stored, "eval"), join(only, "eval"), { recursive: true });
    cpSync(join(stored, "optimize"), join(only, "dry"), { recursive: true });
    for (const name of ["summary.json", "events.jsonl"]) rmSync(join(only, "dry", name));
    const { log } = JsonlLog.open(join(only, "dry", "events.jsonl"), "");
    const start = { command: "optimize", directory: "", task: "counting", isResumed: false, isDryRun: true };
    const rest = { executor: "simulated", policy: "none", isSimulated: true };
    log.append({ at: "2099-01-01T00:00:00.000Z", type: "run-start", ...start, ...rest });
    const figures = { executorCalls: 1, executorReplies: 1, executorTokens: 1, dollars: 0, minutes: 1 };
    log.append({ type: "forecast", forecast: { ...figures, isMeasured: false, basis: [] } });
    log.close();
    const runs = await listRuns(only);
    expect(Object.fromEntries(runs.map(({ name, state }) => [name, state]))).toEqual({
      eval: "finished",
      dry: "only forecast",
    });
    expect(namedRun("latest", only)).toBe(join(only, "eval"));
  });
});

describe("namedRun", () => {
  it("takes a path, a name below the folder of runs, and latest", () => {
    expect(namedRun(join(root, "eval"), "nowhere")).toBe(join(root, "eval"));
    expect(namedRun("group/collect", root)).toBe(join(root, "group", "collect"));
    utimesSync(join(root, "learn", "events.jsonl"), new Date(), new Date(Date.now() + 60_000));
    expect(namedRun("latest", root)).toBe(join(root, "learn"));
    appendFileSync(join(root, "eval", "events.jsonl"), "");
    utimesSync(join(root, "eval", "events.jsonl"), new Date(), new Date(Date.now() + 120_000));
    expect(namedRun("latest", root)).toBe(join(root, "eval"));
  });

  it("names near runs where there is none of that name", () => {
    expect(() => namedRun("optimise", root)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("optimize"), code: "input" }),
    );
    expect(() => namedRun("", root)).toThrow(InputError);
    expect(() => namedRun("latest", join(root, "no-run"))).toThrow(/no run below/);
  });
});
