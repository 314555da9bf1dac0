/** @file The one list of a run's files: rounds as numbers, set-aside ones left out, stray files passed over. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { trajectoryFiles } from "../../../src/learn/examples/trajectory-samples.js";
import { auditRun } from "../../../src/records/audit-run.js";
import { readRounds } from "../../../src/records/read-rounds.js";
import { rollback } from "../../../src/records/rollback.js";
import { RoundFiles } from "../../../src/records/round-files.js";
import { playedTrajectories, roundNumbers, runTrajectories } from "../../../src/records/run-files.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { makeLearnRun } from "../report/made-run.js";

const folder = useTemporaryFolder();

function learnRun(): string {
  const run = join(folder(), "run");
  makeLearnRun(run);
  return run;
}

describe("the list of a run's files", () => {
  it("has the rounds in the order of their numbers, also from 100 on", () => {
    const run = folder();
    for (const round of [100, 2, 11, 0, 99]) {
      const files = new RoundFiles(run, round);
      mkdirSync(files.folder, { recursive: true });
      writeFileSync(files.collected("counting"), "");
    }
    expect(roundNumbers(run)).toEqual([0, 2, 11, 99, 100]);
    expect(runTrajectories(run).map(({ file }) => file)).toEqual([
      "rounds/00/collect-counting.jsonl",
      "rounds/02/collect-counting.jsonl",
      "rounds/11/collect-counting.jsonl",
      "rounds/99/collect-counting.jsonl",
      "rounds/100/collect-counting.jsonl",
    ]);
  });

  it("tells search, training, judging and designs apart, and leaves copies with other rewards out", () => {
    const run = folder();
    for (const name of [
      "trajectories.jsonl",
      "accuracy.trajectories.jsonl",
      "rounds/01/collect-a@one.jsonl",
      "rounds/01/discrete.collect-a@one.jsonl",
      "rounds/01/judge-new-b.jsonl",
      "rounds/01/train.jsonl",
      "designs/row-1/swaps.jsonl",
      "designs/row-1/swaps.json",
    ]) {
      mkdirSync(join(run, name, ".."), { recursive: true });
      writeFileSync(join(run, name), "");
    }
    expect(runTrajectories(run).map(({ purpose, round, part }) => [purpose, round, part])).toEqual([
      ["search", null, ""],
      ["collect", 1, "a@one"],
      ["judge", 1, "new-b"],
      ["design", null, "row-1-swaps"],
    ]);
    expect(playedTrajectories(join(run, "rounds/01/judge-new-b.jsonl"))).toHaveLength(1);
  });

  it("forgets the rounds that a rollback has set aside", () => {
    const run = learnRun();
    expect(trajectoryFiles(run)).toHaveLength(2);
    rollback(run, 1);
    expect(trajectoryFiles(run)).toEqual([new RoundFiles(run, 1).collected("made")]);
    expect(auditRun(run).designs.every(({ file }) => file.startsWith("rounds/01/"))).toBe(true);
  });

  it("takes no harm from a stray file among rounds and designs", async () => {
    const run = learnRun();
    mkdirSync(join(run, "designs"));
    for (const place of ["rounds", "designs"]) writeFileSync(join(run, place, ".DS_Store"), "");
    expect(trajectoryFiles(run)).toHaveLength(2);
    expect(auditRun(run).designs).toHaveLength(24);
    expect(await readRounds(run)).toHaveLength(2);
    expect(rollback(run, 0).setAside).toHaveLength(2);
  });
});
