/** @file `w4s learn` keeps away from test items until they are asked for; tasks whose answers are programs. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type LearnBench, startLearnBench } from "../support/learn-bench.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const MARKER = "ZEBRA-QUARTZ-7713";
/** A round of everything, once. */
const SMALL = ["--task", "shopping", "--rounds", "1", "--episodes", "1", "--baselines", "direct"];

const newFolder = useTemporaryFolder();
const runCli = useCliHost();
let bench: LearnBench;

beforeAll(async () => {
  bench = await startLearnBench(newFolder());
});

afterAll(() => bench.server.close());

/** All files of a run as text, the database too. */
function contentsOf(directory: string): string {
  return (readdirSync(directory, { recursive: true, withFileTypes: true }) as { name: string }[] & never[])
    .filter((entry: { isFile(): boolean }) => entry.isFile())
    .map((entry: { parentPath?: string; path?: string; name: string }) =>
      readFileSync(join(entry.parentPath ?? entry.path ?? "", entry.name), "latin1"),
    )
    .join("\n");
}

describe("the test split", () => {
  /** A dataset whose test items carry a marker, or whose test file is not there at all. */
  function plantedTask(name: string, hasTest: boolean): string {
    const directory = join(newFolder(), name);
    cpSync(join(import.meta.dirname, "../../datasets/counting"), directory, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(directory, "dataset.json"), "utf8"));
    for (const split of Object.values(manifest.splits) as { sha256?: string }[]) delete split.sha256;
    writeFileSync(join(directory, "dataset.json"), JSON.stringify({ ...manifest, name }));
    const test = join(directory, "test.jsonl");
    if (!hasTest) rmSync(test);
    else {
      const lines = readFileSync(test, "utf8").trimEnd().split("\n");
      const marked = lines.map((line) => {
        const item = JSON.parse(line);
        return JSON.stringify({ ...item, question: `${MARKER} ${item.question}` });
      });
      writeFileSync(test, `${marked.join("\n")}\n`);
    }
    return directory;
  }

  it("need not be there while it is not asked for", async () => {
    const planted = plantedTask("absent", false);
    const result = await runCli(
      bench.learn("absent", [...SMALL, "--held-back", planted, "--test-limit", "0"]),
    );
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    expect(bench.summaryOf("absent").test).toEqual([]);
  });

  it("shows up in no prompt, feedback, trajectory or example", async () => {
    const planted = plantedTask("marked", true);
    const before = bench.server.chats.length;
    const open = await runCli(bench.learn("marked", [...SMALL, "--held-back", planted, "--test-limit", "0"]));
    expect(`${open.code} ${open.stderr}`).toMatch(/^0 /);
    expect(JSON.stringify(bench.server.chats.slice(before).map(({ body }) => body))).not.toContain(MARKER);
    expect(contentsOf(join(bench.folder, "marked"))).not.toContain(MARKER);
    // The same items are asked at the end of a run that opens the split: the marker is where it should be.
    const final = await runCli(
      bench.learn("marked-final", [...SMALL, "--held-back", planted, "--test-limit", "2"]),
    );
    expect(`${final.code} ${final.stderr}`).toMatch(/^0 /);
    const asked = JSON.stringify(bench.server.chats.slice(before).map(({ body }) => body));
    expect(asked).toContain(MARKER);
    const rounds = contentsOf(join(bench.folder, "marked-final", "rounds"));
    expect(rounds).not.toContain(MARKER);
  });
});

describe("code tasks", () => {
  it("run their programs in the sandbox, in rounds too", async () => {
    const result = await runCli(
      bench.learn("code", [
        "--task",
        "code-tasks",
        "--held-back",
        "counting",
        "--rounds",
        "1",
        "--episodes",
        "1",
        "--eval-episodes",
        "0",
        "--validation-limit",
        "2",
        "--test-limit",
        "0",
        "--baselines",
        "direct",
        "--instructions",
        "0",
      ]),
    );
    expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
    expect(bench.summaryOf("code").rounds[0].plan.episodes).toEqual([{ task: "code-tasks", count: 1 }]);
  });
});
