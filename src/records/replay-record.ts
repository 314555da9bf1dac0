/** @file Runs of episodes kept for the report: the same few items, for the first baseline and the best workflow. */
import { writeAtomic } from "../core/write-atomic.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { SplitName } from "../tasks/task.js";
import type { RunDirectory } from "./run-directory.js";

export const REPLAY_FILE = "replays.json";
/** Items drawn; they were chosen by the run's seed, not by what came out. */
const ITEMS = 3;
const WORKFLOWS = 2;

export interface ReplayContestant {
  title: string;
  evaluation: Evaluation;
}

/**
 * Writes `replays.json` where results carry the trace of an episode; other tasks leave none.
 * @param contestants - the baseline to compare with first, then the one that matters; more are left out
 */
export async function writeReplays(
  directory: RunDirectory,
  split: SplitName,
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
