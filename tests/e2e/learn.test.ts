/** @file `w4s learn` as a process: a run that goes on and back, one moved elsewhere, wrong input. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { type LearnBench, startLearnBench } from "../support/learn-bench.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
let bench: LearnBench;

/** Two rounds without what other files test. */
const learn = (run: string, more: readonly string[] = []) =>
  bench.learn(run, ["--instructions", "0", "--baselines", "direct", ...more]);

/** All tests begin with a copy of the finished run "undisturbed". */
beforeAll(async () => {
  bench = await startLearnBench(newFolder());
  const undisturbed = await runCli(learn("undisturbed"));
  expect(`${undisturbed.code} ${undisturbed.stderr}`).toMatch(/^0 /);
});

afterAll(() => bench.server.close());

it("a finished run goes on with more rounds, and back to an earlier one", async () => {
  cpSync(join(bench.folder, "undisturbed"), join(bench.folder, "longer"), { recursive: true });
  const before = bench.outcome("longer");
  const result = await runCli(learn("longer", ["--rounds", "3"]));
  expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
  const { rounds } = bench.summaryOf("longer");
  expect(rounds).toHaveLength(3);
  expect(bench.outcome("longer").rounds.slice(0, 2)).toEqual(before.rounds);
  expect(rounds[2].parentHash).toBe(rounds[1].adapterHash);

  const lineage = await runCli(["inspect", join(bench.folder, "longer", rounds[2].adapter)]);
  expect(lineage.code).toBe(0);
  for (const { adapterHash } of rounds) expect(lineage.stdout).toContain(adapterHash.slice(0, 12));

  const back = await runCli(["rollback", join(bench.folder, "longer"), "--to", "1"]);
  expect(`${back.code} ${back.stdout}`).toMatch(/^0 round 2 set aside: /);
  expect(back.stdout).toContain(`in force: ${join(bench.folder, "longer", rounds[0].adapter)}`);
  const again = await runCli(learn("longer", ["--rounds", "2"]));
  expect(again.code).toBe(0);
  expect(bench.outcome("longer").adapterHash).toBe(before.adapterHash);
});

describe("a run moved elsewhere, without network", () => {
  it("is relabelled, trained on and evaluated by replay", async () => {
    const home = newFolder();
    const moved = join(home, "moved");
    cpSync(join(bench.folder, "undisturbed"), moved, { recursive: true });
    const before = bench.server.chats.length;
    const relabelled = await runCli(["relabel", moved, "--reward", "relative-gain", "--json"], { cwd: home });
    expect(relabelled.code).toBe(0);
    const { files } = JSON.parse(relabelled.stdout) as { files: { to: string; candidates: number }[] };
    expect(files.length).toBeGreaterThan(0);
    expect(files.every(({ to, candidates }) => existsSync(to) && candidates > 0)).toBe(true);

    const adapter = bench.summaryOf("undisturbed").rounds[0].adapter as string;
    const trained = await runCli(
      [
        "train",
        ...["--model", bench.model, "--from", moved, "--reward", "discrete", "--rank", "2", "--epochs", "1"],
        ...["--count-duplicates", "--threads", "1", "--out", join(home, "again")],
      ],
      { cwd: home },
    );
    expect(`${trained.code} ${trained.stderr}`).toMatch(/^0 /);
    expect(readdirSync(join(home, "again")).some((name) => name.endsWith(".gguf"))).toBe(true);
    const examples = readFileSync(join(home, "again", "examples.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(examples).toHaveLength(files.reduce((sum, { candidates }) => sum + candidates, 0));
    expect(existsSync(join(moved, adapter))).toBe(true);

    const evaluated = await runCli(
      [
        "eval",
        ...["--task", "sequences", "--split", "validation", "--validation-limit", "4", "--seed", "5"],
        ...["--executor", `replay:${moved}`, "--weak", "none", "--baselines", "direct"],
        join(moved, "best-workflow.js"),
        ...["--run", join(home, "evaluated"), "--json"],
      ],
      { cwd: home },
    );
    expect(`${evaluated.code} ${evaluated.stderr}`).toMatch(/^0 /);
    expect(bench.server.chats.length).toBe(before);
  });
});

describe("wrong input", () => {
  const runCli = useCliHost();

  it.each([
    [["--held-back", "counting"], 2, /counting is both trained on and held back/],
    [["--task", "counting,counting"], 2, /counting is named twice/],
    [["--explore-schedule", "0.5,2"], 2, /--explore-schedule: .*numbers from 0 to 1/],
    [["--weighting", "best"], 2, /--weighting: .*must be one of/],
    [["--device", "gpu"], 2, /--device: "gpu" must be one of cpu, webgpu, cuda/],
    [["--adapter", "nowhere.gguf"], 3, /nowhere\.gguf/],
    [["--only-success", "--reward", "relative-gain", "--keep-turns", "9"], 3, /filters leave no example/],
  ] as const)("%j", async (more, code, message) => {
    const run = `wrong-${more.join("-").replace(/\W+/g, "-")}`;
    expectFailure(await runCli(learn(run, [...more])), code, message);
  });

  it("refuses a run of other settings, a run without rounds, and a round that was never played", async () => {
    const changed = await runCli(learn("undisturbed", ["--candidates", "4"]));
    expectFailure(changed, 2, /was started with other settings \(candidates: 2 → 4\)/);
    mkdirSync(join(bench.folder, "empty"));
    expectFailure(
      await runCli(["rollback", join(bench.folder, "empty"), "--to", "1"]),
      3,
      /is not a run of w4s learn/,
    );
    const never = await runCli(["rollback", join(bench.folder, "undisturbed"), "--to", "7"]);
    expectFailure(never, 2, /round 7 .* is not finished; finished: 1, 2/);
    expectFailure(
      await runCli(["relabel", join(bench.folder, "empty"), "--reward", "accuracy"]),
      3,
      /no trajectories/,
    );
  });

  it("says which adapter is gone", async () => {
    const { rounds } = bench.summaryOf("undisturbed");
    const path = join(bench.folder, "undisturbed", rounds[1].adapter);
    renameSync(path, `${path}.away`);
    const result = await runCli(learn("undisturbed", ["--rounds", "3"]));
    renameSync(`${path}.away`, path);
    expectFailure(result, 2, /the adapter of round 2 is gone/);
  });
});
