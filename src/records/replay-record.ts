/** @file replays.json: runs of episodes kept for the report, the same few items for the first baseline and the best workflow. */
import { join } from "node:path";
import { z } from "zod";
import { writeAtomic } from "../core/write-atomic.js";
import { readRecord } from "./record-file.js";
import type { RunDirectory } from "./run-directory.js";

const REPLAY_FILE = "replays.json";
/** Items drawn; they were chosen by the run's seed, not by what came out. */
const ITEMS = 3;
const WORKFLOWS = 2;

const replay = z.object({
  kind: z.literal("robot"),
  workflow: z.string(),
  split: z.string(),
  sampleId: z.string(),
  /** 0–1. */
  score: z.number(),
  /** One line: how it ended, lengths, stopped commands, calls. */
  summary: z.string(),
  /** Rows from north to south: `#` wall, `o` crate, `S` start, `G` goal, `.` free. */
  map: z.array(z.string().regex(/^[#.oSG]+$/)),
  trace: z.array(
    z.object({
      /** Cells moved: n, e, s, w. */
      moves: z.string().regex(/^[nesw]*$/),
      stopped: z.object({ direction: z.string(), danger: z.string() }).optional(),
      refused: z.string().optional(),
    }),
  ),
});

export type Replay = z.infer<typeof replay>;

/** Results of one workflow on each sample; the details hold map and trace where the task has them. */
export interface ReplayContestant {
  title: string;
  evaluation: {
    results: readonly {
      sampleId: string;
      score: number;
      extracted: string;
      details?: Record<string, unknown> | undefined;
    }[];
  };
}

/**
 * Writes `replays.json` where results carry the trace of an episode; other tasks leave none.
 * @param contestants - the baseline to compare with first, then the one that matters; more are left out
 */
export async function writeReplays(
  directory: RunDirectory,
  split: string,
  contestants: readonly ReplayContestant[],
): Promise<void> {
  const replays = contestants.slice(0, WORKFLOWS).flatMap(({ title, evaluation }) =>
    evaluation.results
      .filter(({ details }) => details?.kind === "robot")
      .slice(0, ITEMS)
      .map(({ sampleId, score, extracted, details }) => ({
        workflow: title,
        split,
        sampleId,
        score,
        summary: extracted,
        ...details,
      })),
  );
  if (replays.length === 0) return;
  await writeAtomic(directory.file(REPLAY_FILE), `${JSON.stringify({ replays })}\n`);
}

/** Empty where the run has none. @throws {InputError | StorageError} on a changed or damaged file */
export function readReplays(directory: string): Replay[] {
  return readRecord(join(directory, REPLAY_FILE), z.object({ replays: z.array(replay) }))?.replays ?? [];
}
