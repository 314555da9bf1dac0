/** @file What a finished round of `w4s learn` leaves in round.json: enough to go on from, and to report. */
import { z } from "zod";
import { readRecord, writeRecord } from "./record-file.js";
import type { RoundFiles } from "./round-files.js";

/** Name of the only member of a single policy. */
export const SINGLE_MEMBER = "policy";

/** JSON has no infinity: an end that nothing bounds is written as null. */
const lowerEnd = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NEGATIVE_INFINITY);
const upperEnd = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);
const figureRange = z.object({ lowest: upperEnd, highest: lowerEnd });

const taskCard = z.object({
  task: z.string(),
  /** Candidates played, and those that became examples. */
  candidates: z.number(),
  examples: z.number(),
  validShare: z.number(),
  /** Distinct workflows among those that could be extracted. */
  distinctShare: z.number(),
  meanReward: z.number(),
  /** Candidates drawn off-policy, with forced techniques. */
  forcedShare: z.number(),
});

/** Origin of a round's examples. */
const dataCard = z.object({
  candidates: z.number(),
  examples: z.number(),
  validShare: z.number(),
  distinctShare: z.number(),
  rewards: figureRange.extend({ mean: z.number() }),
  /** Counts of the rewards of all candidates in equal bins from `lowest` to `highest`. */
  histogram: z.array(z.object({ low: z.number(), high: z.number(), count: z.number() })),
  /** Smallest and largest weight of an example. */
  weights: figureRange,
  /** Equally heavy examples that would say as much; absent in records of older versions, as what follows. */
  effectiveExamples: z.number().optional(),
  /** Chosen and left out again: too long, too light together, or nothing to compare with. */
  leftOut: z.object({ tooLong: z.number(), light: z.number(), silent: z.number() }).optional(),
  promptTokens: z.number(),
  actionTokens: z.number(),
  tasks: z.array(taskCard),
});

const roundPlan = z.object({
  /** Episodes by task, tasks without any left out. */
  episodes: z.array(z.object({ task: z.string(), count: z.number() })),
  /** Stage of the staged curriculum, from 1. */
  stage: z.number().optional(),
  /** Reason for the decision, one line for the log. */
  reason: z.string(),
});

/** One judged episode of one policy on one task. */
export const episodeScoreSchema = z.object({
  task: z.string(),
  /** Run seed and number of the episode: the same for every policy compared. */
  seed: z.number(),
  episode: z.number(),
  /** Mean accuracy of all candidates, invalid ones as 0; 0–1. */
  meanReward: z.number(),
  /** The same by validation item, in the order of the task's items; absent in records of older versions. */
  items: z.array(z.number()).optional(),
  /** Accuracy of the best candidate, 0 where none was scored; 0–1. */
  best: z.number(),
  candidates: z.number(),
  valid: z.number(),
  /** Hashes of what could be extracted. */
  workflows: z.array(z.string()),
  /** Tokens of the executor, cached ones included, over all candidates. */
  executorTokens: z.number(),
  /** null when the price is unknown. */
  dollars: z.number().nullable(),
  /** Candidates that use a technique, by name. */
  techniques: z.record(z.string(), z.number()),
});

/** The judged episodes of one policy: a row of the table that compares policies. */
export const policyScoreSchema = z.object({
  episodes: z.number(),
  meanReward: z.number(),
  best: z.number(),
  validShare: z.number(),
  /** Distinct workflows among those of one episode, averaged over episodes. */
  distinctShare: z.number(),
  executorTokensPerCandidate: z.number(),
  techniques: z.record(z.string(), z.number()),
});

const meanDifference = z.object({ mean: z.number(), interval: z.object({ low: lowerEnd, high: upperEnd }) });

/** A policy minus another over the same seeds. */
export const policyDifferenceSchema = z.object({
  pairs: z.number(),
  meanReward: meanDifference,
  best: meanDifference,
  /** Difference in mean accuracy of each pair. Absent, as the verdict is, in records of older versions. */
  each: z.array(z.number()).optional(),
  /** What the interval of `meanReward` says: above 0, below 0, or neither. */
  verdict: z.enum(["better", "worse", "not told apart"]).optional(),
});

const trainingFigures = z.object({
  steps: z.number(),
  /** Loss of the first update's examples before and after; not told by earlier versions. */
  sameExamples: z.object({ before: z.number(), after: z.number() }).optional(),
  /** Of the first and of the last update, which have different examples. */
  firstLoss: z.number().nullable(),
  lastLoss: z.number().nullable(),
  trainedTokens: z.number(),
  peakRssBytes: z.number(),
  /** What computed, and why it was not, or not alone, the device asked for; not told by earlier versions. */
  device: z.string().optional(),
  deviceReason: z.string().optional(),
});

const trainedAdapter = {
  /** Relative to the run directory, so that a run can be moved. */
  adapter: z.string(),
  adapterHash: z.string(),
  /** Hash of the adapter it was trained on from; null = from the base. */
  parentHash: z.string().nullable(),
  training: trainingFigures,
};

/** The adapter that a member of a team learned in a round. */
const memberRecord = z.object({ name: z.string(), examples: z.number(), ...trainedAdapter });

/** Parts of a round whose times are told apart. */
const learnPhase = z.enum(["baselines", "generate", "evaluate", "train", "swap", "judge"]);

export const roundRecordSchema = z.object({
  version: z.literal(1),
  round: z.number(),
  plan: roundPlan,
  card: dataCard,
  /** Adapter of the first member, where several policies work together. */
  ...trainedAdapter,
  /** All that were trained then. */
  members: z.array(memberRecord).optional(),
  /** Judged episodes of the new adapter; empty where it was not judged. */
  episodes: z.array(episodeScoreSchema),
  score: policyScoreSchema.nullable(),
  /** New − base and new − previous, over the same seeds. */
  againstBase: policyDifferenceSchema.nullable(),
  againstPrevious: policyDifferenceSchema.nullable(),
  isAccepted: z.boolean(),
  reason: z.string(),
  /** By phase, of the session that did it; a resumed part counts what was left. */
  seconds: z.partialRecord(learnPhase, z.number()),
  /** Best designed workflow of the round's training episodes, by task, and by member where each plays on its own. */
  best: z.array(
    z.object({
      task: z.string(),
      policy: z.string().optional(),
      accuracy: z.number(),
      hash: z.string(),
      source: z.string(),
    }),
  ),
});

export type RoundPlan = z.infer<typeof roundPlan>;
export type DataCard = z.infer<typeof dataCard>;
export type EpisodeScore = z.infer<typeof episodeScoreSchema>;
export type PolicyScore = z.infer<typeof policyScoreSchema>;
export type PolicyDifference = z.infer<typeof policyDifferenceSchema>;
export type LearnPhase = z.infer<typeof learnPhase>;
export type MemberRecord = z.infer<typeof memberRecord>;
export type RoundRecord = z.infer<typeof roundRecordSchema>;

/** The adapters a round trained, by member; a single policy is called `policy`. */
export function adoptedIn(record: RoundRecord): Pick<MemberRecord, "name" | "adapter" | "adapterHash">[] {
  const { members, adapter, adapterHash } = record;
  return members ?? [{ name: SINGLE_MEMBER, adapter, adapterHash }];
}

/** @returns undefined where the round is not finished */
export function readRound(files: RoundFiles): RoundRecord | undefined {
  return readRecord(
    files.record,
    roundRecordSchema,
    "delete it: the round is put together again from what it has stored",
  );
}

export async function writeRound(files: RoundFiles, record: RoundRecord): Promise<void> {
  await writeRecord(files.record, record);
}
