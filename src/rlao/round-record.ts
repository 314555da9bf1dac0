/** @file What a finished round leaves in round.json: enough to go on from, and to report. */
import { existsSync, readFileSync } from "node:fs";
import { writeAtomic } from "../core/atomic-file.js";
import { messageOf, StorageError } from "../core/errors.js";
import type { RoundPlan } from "./curriculum.js";
import type { DataCard } from "./data-card.js";
import type { EpisodeScore, PolicyDifference, PolicyScore } from "./policy-score.js";
import type { RoundFiles } from "./round-files.js";

/** Parts of a round whose times are told apart. */
export type LearnPhase = "baselines" | "generate" | "evaluate" | "train" | "swap" | "judge";

export interface RoundRecord {
  version: 1;
  round: number;
  plan: RoundPlan;
  card: DataCard;
  /** Relative to the run directory, so that a run can be moved. */
  adapter: string;
  adapterHash: string;
  /** Hash of the adapter it was trained on from; null = from the base. */
  parentHash: string | null;
  training: {
    steps: number;
    firstLoss: number | null;
    lastLoss: number | null;
    trainedTokens: number;
    peakRssBytes: number;
  };
  /** Judged episodes of the new adapter; empty where it was not judged. */
  episodes: EpisodeScore[];
  score: PolicyScore | null;
  /** New − base and new − previous, over the same seeds. */
  againstBase: PolicyDifference | null;
  againstPrevious: PolicyDifference | null;
  isAccepted: boolean;
  reason: string;
  /** By phase, of the session that did it; a resumed part counts what was left. */
  seconds: Partial<Record<LearnPhase, number>>;
  /** Best designed workflow of the round's training episodes, by task. */
  best: { task: string; accuracy: number; hash: string; source: string }[];
}

/** @returns undefined where the round is not finished */
export function readRound(files: RoundFiles): RoundRecord | undefined {
  if (!existsSync(files.record)) return undefined;
  try {
    return JSON.parse(readFileSync(files.record, "utf8")) as RoundRecord;
  } catch (error) {
    throw new StorageError(`${files.record} is damaged: ${messageOf(error)}`, {
      hint: "delete it: the round is put together again from what it has stored",
      cause: error,
    });
  }
}

export async function writeRound(files: RoundFiles, record: RoundRecord): Promise<void> {
  await writeAtomic(files.record, `${JSON.stringify(record, null, 2)}\n`);
}
