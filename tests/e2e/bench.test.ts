/** @file `w4s bench` as a process: a table, its file, the comparison with itself, wrong input. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectFailure } from "../support/cli-expect.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();

describe("w4s bench", () => {
  it("measures, keeps the figures, and finds them equal to themselves", async () => {
    const cwd = folder();
    const result = await runCli(["bench", "cache", "--out", "kept/now.json"], { cwd });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/reply found .*µs/);
    expect(result.stdout).toMatch(/measured on \d+ threads/);
    const kept = JSON.parse(readFileSync(join(cwd, "kept", "now.json"), "utf8"));
    expect(kept.tables.cache.length).toBeGreaterThan(3);

    const again = await runCli(["bench", "--from", "kept/now.json", "--compare", "kept/now.json", "--json"], {
      cwd,
    });
    expect(again.code, again.stderr).toBe(0);
    const { changes, tables } = JSON.parse(again.stdout);
    expect(tables).toEqual(kept.tables);
    expect(changes).toHaveLength(kept.tables.cache.length);
    for (const change of changes) expect(change).toMatchObject({ ratio: 1, verdict: "same" });
    const printed = await runCli(["bench", "--from", "kept/now.json", "--compare", "kept/now.json"], { cwd });
    expect(printed.stdout).toMatch(/after \/ before/);
  });

  it("names its tables", async () => {
    const { stdout } = await runCli(["bench", "--list"]);
    for (const name of ["engine", "sandbox", "rollout", "forward", "train", "round", "export", "scaling"])
      expect(stdout).toContain(name);
  });

  it("refuses wrong input by name, before anything is measured", async () => {
    const cwd = folder();
    expectFailure(await runCli(["bench", "trian"], { cwd }), 2, /no table "trian"[\s\S]*known: .*train/);
    expectFailure(await runCli(["bench", "cache", "--compare", "none.json"], { cwd }), 2, /none\.json/);
    writeFileSync(join(cwd, "bad.json"), '{"tables": 3}');
    expectFailure(await runCli(["bench", "--from", "bad.json"], { cwd }), 3, /bad\.json/);
    expectFailure(await runCli(["bench", "--quick", "--full"], { cwd }), 2, /cannot be used with/);
  });

  it("leaves out models that are not there, and says so", async () => {
    const result = await runCli(["bench", "export"], { cwd: folder(), env: { W4S_HOME: folder() } });
    expectFailure(result, 3, /nothing was measured/);
    expect(result.stderr).toMatch(/smollm2-135m is not downloaded/);
  });
});
