/** @file A tiny designer and `w4s learn` with several policies on the simulated executor: one round in some seconds. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect } from "vitest";
import { type ActionsRecord, readTrajectory, type TurnRecord } from "../../src/records/trajectory.js";
import { useCliHost } from "./cli-host.js";
import { withoutPrograms } from "./no-programs.js";
import type { CliResult } from "./run-cli.js";
import { useTemporaryFolder } from "./temporary-folder.js";
import { makeTinyDesigner } from "./tiny-designer.js";

export interface Member {
  name: string;
  adapter: string;
  adapterHash: string;
  parentHash: string | null;
  examples: number;
}

/** To be called once in a file of tests. */
export function useTeamBench() {
  const newFolder = useTemporaryFolder();
  const runCli = useCliHost();
  const bench = { folder: "", model: "" };

  beforeAll(() => {
    bench.folder = newFolder();
    bench.model = makeTinyDesigner(join(bench.folder, "tiny.gguf"));
  });

  const learn = (run: string, ...more: string[]): string[] => [
    "learn",
    ...[
      "--task",
      "counting",
      "--held-back",
      "swaps",
      "--model",
      bench.model,
      "--gpu",
      "off",
      "--threads",
      "1",
    ],
    ...["--executor", "simulated", "--rounds", "1", "--episodes", "1", "--turns", "1", "--candidates", "4"],
    ...["--eval-episodes", "1", "--validation-limit", "6", "--screen", "0", "--test-limit", "0"],
    ...["--max-repairs", "0", "--prompt-style", "compact", "--rank", "2", "--epochs", "1"],
    ...["--accept", "always", "--explore", "1", ...withoutPrograms(bench.folder)],
    ...["--run", join(bench.folder, run), ...more],
  ];

  return {
    /** Words of the command that plays the run `run`. */
    learn,
    runCli,
    pathOf: (...parts: string[]) => join(bench.folder, ...parts),

    // biome-ignore lint/suspicious/noExplicitAny: tests look into arbitrary fields
    async finish(run: string, ...more: string[]): Promise<CliResult & { summary: any }> {
      const result = await runCli(learn(run, ...more));
      expect(`${result.code} ${result.stderr}`).toMatch(/^0 /);
      return {
        ...result,
        summary: JSON.parse(readFileSync(join(bench.folder, run, "summary.json"), "utf8")),
      };
    },

    recordsOf(run: string, file: string) {
      const records = readTrajectory(join(bench.folder, run, "rounds", file));
      return {
        header: records.find((record) => record.kind === "header"),
        actions: records.flatMap((record) =>
          record.kind === "actions" ? (record as ActionsRecord).actions : [],
        ),
        turns: records.filter((record): record is TurnRecord => record.kind === "turn"),
      };
    },

    /** Trained adapters exist, differ from each other, and are what the summary says is in force. */
    expectOwnAdapters(run: string, summary: { rounds: { members: Member[] }[]; members: Member[] }) {
      const last = summary.rounds.at(-1)?.members ?? [];
      for (const { adapter } of last)
        expect(existsSync(join(bench.folder, run, adapter)), adapter).toBe(true);
      const hashes = last.map(({ adapterHash }) => adapterHash);
      expect(new Set(hashes).size).toBe(hashes.length);
      expect(summary.members.map(({ name }) => name)).toEqual(last.map(({ name }) => name));
      return last;
    },
  };
}
