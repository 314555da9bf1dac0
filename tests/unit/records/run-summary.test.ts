/** @file Summaries and rounds read back: what JSON cannot hold comes back as it was, and what does not fit is named. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError, StorageError } from "../../../src/core/errors.js";
import { RoundFiles } from "../../../src/records/round-files.js";
import { readRound, writeRound } from "../../../src/records/round-record.js";
import { parseEvent } from "../../../src/records/run-event.js";
import { readManifest } from "../../../src/records/run-manifest.js";
import { type LearnSummary, readSummary, writeSummary } from "../../../src/records/run-summary.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { addRounds, makeLearnRun } from "../report/made-run.js";

const folder = useTemporaryFolder();

describe("a summary", () => {
  it("keeps what ended the run as text, and fields that no reader knows", async () => {
    const run = join(folder(), "run");
    makeLearnRun(run);
    const summary = readSummary(run) as LearnSummary;
    const result = { ...summary, isComplete: false, stoppedBy: new Error("out of budget"), more: [1] };
    await writeSummary(run, result);
    expect(readSummary(run)).toEqual({ ...result, stoppedBy: "out of budget" });
  });

  it("is none where the run is not finished", () => {
    expect(readSummary(folder())).toBeUndefined();
  });
});

describe("a round", () => {
  it("comes back as it was written, with open ends of intervals", async () => {
    const run = folder();
    const [record] = addRounds(run);
    const open = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    const nothing = { pairs: 0, meanReward: { mean: 0, interval: open }, best: { mean: 0, interval: open } };
    const files = new RoundFiles(run, 3);
    const written = { ...record!, round: 3, againstPrevious: nothing };
    await writeRound(files, written);
    expect(readFileSync(files.record, "utf8")).toContain('"low": null');
    expect(readRound(files)).toEqual(written);
  });

  it("is refused where a field does not fit, or the file is damaged", async () => {
    const run = folder();
    const [record] = addRounds(run);
    const files = new RoundFiles(run, 1);
    writeFileSync(files.record, JSON.stringify({ ...record, isAccepted: "yes" }));
    expect(() => readRound(files)).toThrow(InputError);
    expect(() => readRound(files)).toThrow(/round\.json: isAccepted/);
    writeFileSync(files.record, "{");
    expect(() => readRound(files)).toThrow(StorageError);
  });
});

describe("a manifest", () => {
  it("of a newer version is not taken for one of this", () => {
    const run = join(folder(), "run");
    mkdirSync(run);
    const manifest = {
      command: "learn",
      version: 1,
      executor: "e",
      isSimulated: false,
      identity: { seed: 1 },
    };
    writeFileSync(join(run, "run.json"), JSON.stringify(manifest));
    expect(readManifest(run)).toEqual(manifest);
    writeFileSync(join(run, "run.json"), JSON.stringify({ ...manifest, version: 2 }));
    expect(() => readManifest(run)).toThrow(/run\.json: version/);
    expect(() => readManifest(folder())).toThrow(/no run directory/);
  });
});

describe("parseEvent", () => {
  it("reads candidates that version 0.1 logged without their file, and passes over what it does not know", () => {
    const scored = {
      type: "candidate-scored",
      episode: 0,
      turn: 0,
      index: 0,
      status: "ok",
      accuracy: 0.5,
      reward: 0,
      techniques: [],
    };
    expect(parseEvent({ at: "now", ...scored })).toEqual({ at: "now", ...scored });
    expect(parseEvent({ at: "now", type: "phase", seconds: 1 })).toBeUndefined();
    expect(parseEvent({ at: "now", type: "warning" })).toBeUndefined();
  });
});
