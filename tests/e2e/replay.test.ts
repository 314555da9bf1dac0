/** @file `w4s collect --replay`: recorded workflows evaluated anew, without model and network. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hashJson } from "../../src/core/hash.js";
import { readTrajectory } from "../../src/records/trajectory.js";
import { expectFailure } from "../support/cli-expect.js";
import { useCliHost } from "../support/cli-host.js";
import { startFakeOpenAI } from "../support/fake-openai-server.js";
import { withoutPrograms } from "../support/no-programs.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

const newFolder = useTemporaryFolder();
const runCli = useCliHost();

it("gives the same scores from a copied run, and refuses other settings", async () => {
  const home = newFolder();
  const model = makeTinyDesigner(join(home, "tiny.gguf"));
  const server = await startFakeOpenAI({
    reply: ({ body }) => `the answer is ${Number.parseInt(hashJson(body).slice(0, 6), 16) % 5}`,
  });
  const rules = withoutPrograms(home);
  const search = [
    "--task",
    "counting",
    "--seed",
    "3",
    "--episodes",
    "2",
    "--turns",
    "2",
    "--candidates",
    "3",
  ];
  const settings = [
    ...search,
    "--max-repairs",
    "1",
    "--screen",
    "2",
    "--validation-limit",
    "5",
    "--json",
    ...rules,
  ];
  const recorded = await runCli([
    "collect",
    ...settings,
    ...[
      "--model",
      model,
      "--gpu",
      "off",
      "--threads",
      "1",
      "--weak",
      "none",
      "--run",
      join(home, "recorded"),
    ],
    ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model"],
  ]);
  await server.close();
  expect(`${recorded.code} ${recorded.stderr}`).toMatch(/^0 /);
  const moved = join(newFolder(), "moved");
  cpSync(join(home, "recorded"), moved, { recursive: true });

  const replayed = await runCli(["collect", ...settings, "--replay", moved, "--run", join(home, "replayed")]);
  expect(`${replayed.code} ${replayed.stderr}`).toMatch(/^0 /);
  const [before, after] = [recorded, replayed].map(({ stdout }) => JSON.parse(stdout));
  expect(after.resultHash).toBe(before.resultHash);
  expect(after.candidates).toEqual(before.candidates);
  // What a replayed call costs is known: nothing. All else is as it was.
  const candidates = (run: string) =>
    readTrajectory(join(home, run, "trajectories.jsonl"))
      .flatMap((record) => (record.kind === "turn" ? record.candidates : []))
      .map(({ workflowHash, outcome, accuracy, screenAccuracy, tokens, reward }) =>
        JSON.stringify([workflowHash, outcome, accuracy, screenAccuracy, tokens, reward]),
      );
  expect(candidates("replayed").length).toBeGreaterThan(10);
  expect(candidates("replayed")).toEqual(candidates("recorded"));

  const other = await runCli(["collect", ...settings, "--candidates", "4", "--replay", moved]);
  expectFailure(other, 2, /has no candidate that was drawn with these settings/);
  expectFailure(await runCli(["collect", ...settings, "--replay", home]), 3, /not a run|no trajectories/);
});
