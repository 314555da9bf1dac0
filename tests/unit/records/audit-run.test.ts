/** @file The audit of a learning run, where many files count episodes, turns and candidates alike. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeLine } from "../../../src/core/jsonl-log.js";
import { auditRun } from "../../../src/records/audit-run.js";
import { RoundFiles } from "../../../src/records/round-files.js";
import { RunDirectory } from "../../../src/records/run-directory.js";
import type { RunEvent } from "../../../src/records/run-event.js";
import {
  type CandidateRecord,
  readTrajectory,
  type TrajectoryHeader,
  TrajectoryLog,
} from "../../../src/records/trajectory.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const folder = useTemporaryFolder();

const HEADER: TrajectoryHeader = {
  kind: "header",
  version: 1,
  task: { name: "counting", hash: "a" },
  executor: "mock",
  isSimulated: false,
  policy: {
    id: "p",
    modelHash: "m",
    tokenizerHash: "t",
    templateHash: "t",
    adapterHash: null,
    device: "CPU",
  },
  seed: 0,
};

function candidate(accuracy: number): CandidateRecord {
  return {
    index: 0,
    repairOf: null,
    forced: [],
    techniques: [],
    workflowHash: "same",
    source: "same",
    outcome: "scored",
    status: "ok",
    accuracy,
    screenAccuracy: null,
    interval: null,
    n: 4,
    calls: 4,
    tokens: 40,
    dollars: 0,
    reward: accuracy,
  };
}

/** Two rounds, each with one candidate at the same place: 0.25 in the first, 0.75 in the second. */
async function twoRounds(toldFile: boolean): Promise<string> {
  const run = join(folder(), "run");
  const directory = await RunDirectory.open(
    { run, runsRoot: "", fresh: false, forceUnlock: false },
    { command: "learn", label: "counting", executor: "mock", isSimulated: false, identity: {} },
    () => {},
  );
  for (const [round, accuracy] of [
    [1, 0.25],
    [2, 0.75],
  ] as const) {
    const files = new RoundFiles(run, round);
    mkdirSync(files.folder, { recursive: true });
    const log = new TrajectoryLog(files.collected("counting"), run);
    const record = candidate(accuracy);
    log.append(HEADER);
    log.append({
      kind: "turn",
      episode: 0,
      turn: 0,
      history: { best: 0, previous: 0, sampleCount: 4 },
      parentHash: null,
      candidates: [record],
      kept: 0,
    });
    const event: RunEvent = {
      type: "candidate-scored",
      trajectory: toldFile ? log.file : undefined,
      episode: 0,
      turn: 0,
      index: 0,
      workflow: record.workflowHash,
      status: "ok",
      accuracy,
      reward: accuracy,
      techniques: [],
    };
    directory.record(event);
    log.close();
  }
  directory.close();
  return run;
}

/** Writes a round's candidate anew, with a checksum that fits. */
function embellish(run: string, round: number, accuracy: number): void {
  const path = new RoundFiles(run, round).collected("counting");
  const records = readTrajectory(path).map((record) =>
    record.kind === "turn" ? { ...record, candidates: [candidate(accuracy)] } : record,
  );
  rmSync(path);
  writeFileSync(path, records.map((record) => `${encodeLine(record)}\n`).join(""));
}

describe("auditRun", () => {
  it("finds what was written", async () => {
    const audit = auditRun(await twoRounds(true));
    expect(audit).toMatchObject({ isIntact: true, disagreements: [], unlogged: 0 });
    expect(audit.designs.map(({ file, accuracy }) => [file, accuracy])).toEqual([
      ["rounds/01/collect-counting.jsonl", 0.25],
      ["rounds/02/collect-counting.jsonl", 0.75],
    ]);
  });

  it("finds a record that was changed to what another round has at the same place", async () => {
    const run = await twoRounds(true);
    embellish(run, 1, 0.75);
    const { isIntact, disagreements } = auditRun(run);
    expect(isIntact).toBe(false);
    expect(disagreements).toEqual([
      expect.stringMatching(/^rounds\/01\/collect-counting\.jsonl: .*accuracy 0\.75/),
    ]);
  });

  it("still follows a log that does not name the files", async () => {
    const run = await twoRounds(false);
    expect(readFileSync(join(run, "events.jsonl"), "utf8")).not.toContain("collect-counting");
    expect(auditRun(run)).toMatchObject({ isIntact: true, unlogged: 0 });
    embellish(run, 1, 0.5);
    expect(auditRun(run).disagreements).toHaveLength(1);
  });
});
