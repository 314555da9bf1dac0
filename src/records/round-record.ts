/** @file What a finished round leaves in round.json: enough to go on from, and to report. */
import { existsSync, readFileSync } from "node:fs";
import { messageOf, StorageError } from "../core/errors.js";
import { writeAtomic } from "../core/write-atomic.js";
import { SINGLE_MEMBER } from "../design/team-members.js";
import type { DataCard } from "../learn/data-card.js";
import type { RoundPlan } from "../learn/plan-round.js";
import type { EpisodeScore, PolicyDifference, PolicyScore } from "../learn/policy-score.js";
import type { RoundFiles } from "./round-files.js";

/** Parts of a round whose times are told apart. */
export type LearnPhase = "baselines" | "generate" | "evaluate" | "train" | "swap" | "judge";

/** What training one adapter took. */
export interface TrainingFigures {
  steps: number;
  firstLoss: number | null;
  lastLoss: number | null;
  trainedTokens: number;
  peakRssBytes: number;
}

/** The adapter that a member of a team learned in a round. */
export interface MemberRecord {
  name: string;
  /** Relative to the run directory. */
  adapter: string;
  adapterHash: string;
  /** Hash of the adapter it was trained on from; null = from the base. */
  parentHash: string | null;
  examples: number;
  training: TrainingFigures;
}

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
  training: TrainingFigures;
  /** All that were trained, where several policies work together; what stands above is then the first one's. */
  members?: MemberRecord[];
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
  /** Best designed workflow of the round's training episodes, by task, and by member where each plays on its own. */
  best: { task: string; policy?: string; accuracy: number; hash: string; source: string }[];
}

/** The adapters a round trained, by member; a single policy is called `policy`. */
export function adoptedIn(record: RoundRecord): Pick<MemberRecord, "name" | "adapter" | "adapterHash">[] {
  const { members, adapter, adapterHash } = record;
  return members ?? [{ name: SINGLE_MEMBER, adapter, adapterHash }];
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
