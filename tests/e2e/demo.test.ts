/** @file `w4s demo` and presets: the whole loop with the embedded model, cut short. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectFailure } from "../support/cli-expect.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();

describe("w4s demo", () => {
  it("leaves an adapter in two forms, a report, and says what is simulated", async () => {
    const cwd = newFolder();
    const short = ["--rounds", "1", "--episodes", "2", "--eval-episodes", "1"];
    const result = await runCli(["demo", "--run", "short", ...short], { cwd });
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    const run = join(cwd, "runs", "short");
    const summary = JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));
    expect(summary).toMatchObject({ isSimulated: true, isHeldBack: true, isComplete: true });
    expect(summary.base.episodes).toBe(2);
    expect(summary.base.validShare).toBeGreaterThanOrEqual(0.8);
    const [round] = summary.rounds;
    expect(existsSync(join(run, round.adapter))).toBe(true);
    if (round.isAccepted) expect(readdirSync(join(run, "peft"))).toContain("adapter_config.json");
    expect(statSync(join(run, "report.html")).size).toBeGreaterThan(10_000);
    expect(result.stderr).toContain("SIMULATED");
    expect(result.stdout).toMatch(/^What came out, with a SIMULATED strong model\n1\. /);
    expect(result.stdout).toMatch(/\n3\. The control, techniques drawn at random without any model, designs/);
    expect(result.stdout).toMatch(/Next\n {2}a real model/);
  });

  it("pays no attention to a configuration that lies around", async () => {
    const help = await runCli(["demo", "--help"]);
    expect(help.stdout).not.toContain("--config");
    expectFailure(
      await runCli(["learn", "--preset", "dmeo"]),
      2,
      /unknown preset "dmeo"; did you mean demo\?/,
    );
  });
});
