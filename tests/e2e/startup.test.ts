/** @file Commands that need no native module load none: they start fast, and work where one is missing. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const hook = fileURLToPath(new URL("../support/print-dlopen.cjs", import.meta.url));

const nativeModules = async (...words: string[]) => {
  const { code, stderr } = await runCli(words, { env: { NODE_OPTIONS: `--require "${hook}"` } });
  expect(code, stderr).toBe(0);
  return stderr.split("\n").filter((line) => line.startsWith("native module: "));
};

test("help, lists, reports and inspections open no native module, a run does", async () => {
  const root = folder();
  const run = join(root, "run");
  const flags = "--task counting --executor simulated --weak none --validation-limit 2 --run run --runs-root";
  // The counter counts: a run keeps its calls in SQLite.
  expect(await nativeModules("eval", ...flags.split(" "), root)).not.toEqual([]);
  const commands = [
    ["--help"],
    ["learn", "--help"],
    ["models", "list"],
    ["data", "list"],
    ["data", "validate", "datasets/multi-hop"],
    ["bench", "--list"],
    ["report", run, "--text"],
    ["report", run, "--out", join(root, "report.html")],
    ["inspect", run],
    ["inspect", run, "--audit"],
  ];
  for (const words of commands) expect(await nativeModules(...words), words.join(" ")).toEqual([]);
});
