/** @file summary.json: what a finished command came to, one schema for each, with one reader and one writer. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { checkRecord, readRecord, writeRecord } from "./record-file.js";
import { intervalSchema, resultRowSchema, spentSchema } from "./result-row.js";
import {
  episodeScoreSchema,
  policyDifferenceSchema,
  policyScoreSchema,
  roundRecordSchema,
} from "./round-record.js";

const SUMMARY_FILE = "summary.json";
const BEST_WORKFLOW_FILE = "best-workflow.js";
/** Name of the workflow that `w4s learn` ends with. */
export const BEST_DESIGN = "best design of the trained model";

const bestWorkflow = z.object({
  title: z.string(),
  hash: z.string(),
  source: z.string(),
  isBaseline: z.boolean(),
});

/** Counts over all candidates of a run. */
const candidateStats = z.object({
  count: z.number(),
  /** Share that passed the quick check, repairs counted as candidates of their own. */
  validShare: z.number(),
  /** Share of distinct sources among those that could be extracted. */
  distinctShare: z.number(),
  meanReward: z.number(),
  /** Candidates that lost too many samples to be compared in their turn; absent where none did. */
  lost: z.number().optional(),
  /** Share of candidates that use a technique, by name. */
  techniques: z.record(z.string(), z.number()),
});

const ended = {
  isSimulated: z.boolean(),
  warnings: z.array(z.string()),
  isComplete: z.boolean(),
  /** Reason why the run ended early; the same command goes on from there. */
  stoppedBy: z.string().optional(),
};

/** Two workflows on the samples that both have: difference with a paired 95 % interval. */
const comparison = z.object({
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  /** Sign-flip test; not told by version 0.1. */
  pValue: z.number().optional(),
  n: z.number(),
});

/** The best designs and the best baseline on validation items that nothing was chosen by. */
const confirmation = z.object({
  items: z.number(),
  /** The baseline. */
  against: z.string(),
  /** False: no design beat it there, and it is the best. */
  isConfirmed: z.boolean(),
  /** The same in words. */
  sentence: z.string(),
  /** The baseline first, then the designs, by their estimates. */
  rows: z.array(
    z.object({
      title: z.string(),
      hash: z.string(),
      n: z.number(),
      accuracy: z.number(),
      /** Over the baseline. */
      lead: comparison.optional(),
      /** Shrunk mean over the items of the search and of the confirmation. */
      estimate: z.object({ accuracy: z.number(), interval: intervalSchema, n: z.number() }).optional(),
    }),
  ),
});

const searchSummary = z.object({
  command: z.enum(["optimize", "collect"]),
  task: z.string(),
  executor: z.string(),
  policy: z.string(),
  /** Device of the weak model: "CPU", or the name of a GPU. */
  device: z.string(),
  validation: z.array(resultRowSchema),
  /** Empty where the test split was not opened. */
  test: z.array(resultRowSchema),
  /** The best on validation; may be a baseline, and then says so. */
  best: bestWorkflow.nullable(),
  candidates: candidateStats,
  /** Samples after which the search has paid for itself, against each baseline; null = never. */
  breakEven: z.record(z.string(), z.number().nullable()),
  /** Best workflow minus the best baseline on validation, by split; none where that is the best, or in earlier versions. */
  comparisons: z.array(comparison.extend({ split: z.string(), against: z.string() })).optional(),
  /** Absent where none was made, and in earlier versions. */
  confirmation: confirmation.optional(),
  spent: spentSchema,
  ...ended,
});

const evalSummary = z.object({
  command: z.literal("eval"),
  task: z.string(),
  rows: z.array(resultRowSchema),
  /** Every row minus the first one, by executor. */
  differences: z.array(comparison.extend({ name: z.string(), executor: z.string() })),
  /** By executor. */
  spent: z.record(z.string(), spentSchema),
  ...ended,
});

const suiteSummary = z.object({
  command: z.literal("eval"),
  suite: z.string(),
  task: z.string(),
  executor: z.string(),
  /** One line a row and task. */
  rows: z.array(resultRowSchema),
  spent: spentSchema,
  ...ended,
});

const learnSummary = z.object({
  command: z.literal("learn"),
  model: z.string(),
  executor: z.string(),
  tasks: z.array(z.string()),
  judgeTasks: z.array(z.string()),
  /** False where the policy was judged on the tasks it was trained on. */
  isHeldBack: z.boolean(),
  rounds: z.array(roundRecordSchema),
  base: policyScoreSchema.nullable(),
  baseEpisodes: z.array(episodeScoreSchema),
  trained: policyScoreSchema.nullable(),
  /** Trained − base over the same seeds. */
  difference: policyDifferenceSchema.nullable(),
  /** The random designer over the same seeds, and trained − random; absent without that control. */
  random: policyScoreSchema.optional(),
  randomEpisodes: z.array(episodeScoreSchema).optional(),
  againstRandom: policyDifferenceSchema.optional(),
  /** Baselines and the best workflows of base and trained on the judged tasks' test splits. */
  test: z.array(resultRowSchema),
  /** Best design of the trained model for the first judged task; version 0.1 left it in best-workflow.js alone. */
  best: bestWorkflow.nullable().optional(),
  /** By judged task and baseline: deployed samples after which designing has paid for itself; null = never. */
  breakEven: z.array(z.object({ task: z.string(), baseline: z.string(), samples: z.number().nullable() })),
  spent: spentSchema,
  ...ended,
});

export type CandidateStats = z.infer<typeof candidateStats>;
export type Confirmation = z.infer<typeof confirmation>;
export type BestWorkflow = z.infer<typeof bestWorkflow>;
export type SearchSummary = z.infer<typeof searchSummary>;
export type EvalSummary = z.infer<typeof evalSummary>;
export type SuiteSummary = z.infer<typeof suiteSummary>;
export type LearnSummary = z.infer<typeof learnSummary>;
export type RunSummary = SearchSummary | EvalSummary | SuiteSummary | LearnSummary;

/** A summary as its command returns it: with what ended it as it was thrown. */
export type Result<Summary extends RunSummary> = Omit<Summary, "stoppedBy"> & { stoppedBy?: unknown };

/**
 * Fields that no reader needs, such as the forecast and the figures of a suite, are kept as they were written.
 * @returns undefined where the run goes on or died
 * @throws {InputError | StorageError} on a changed or damaged file
 */
export function readSummary(directory: string): RunSummary | undefined {
  const path = join(directory, SUMMARY_FILE);
  const found = readRecord(path, z.looseObject({ command: z.string(), suite: z.string().optional() }));
  switch (found?.command) {
    case undefined:
      return undefined;
    case "learn":
      return withBest(checkRecord(found, learnSummary.loose(), path), directory);
    case "eval":
      return found.suite === undefined
        ? checkRecord(found, evalSummary.loose(), path)
        : checkRecord(found, suiteSummary.loose(), path);
    default:
      return checkRecord(found, searchSummary.loose(), path);
  }
}

function withBest(summary: LearnSummary, directory: string): LearnSummary {
  const path = join(directory, BEST_WORKFLOW_FILE);
  if (summary.best !== undefined || !existsSync(path)) return summary;
  const source = readFileSync(path, "utf8");
  return { ...summary, best: { title: BEST_DESIGN, hash: sha256(source), source, isBaseline: false } };
}

export async function writeSummary(
  directory: string,
  result: Result<SearchSummary> | Result<EvalSummary> | Result<SuiteSummary> | Result<LearnSummary>,
): Promise<void> {
  const { stoppedBy, ...plain } = result;
  const summary = stoppedBy === undefined ? plain : { ...plain, stoppedBy: messageOf(stoppedBy) };
  await writeRecord(join(directory, SUMMARY_FILE), summary);
}
