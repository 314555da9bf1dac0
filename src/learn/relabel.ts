/** @file Rewards computed anew from recorded scores: no model is called. */
import { basename, dirname, join } from "node:path";
import type { RewardName, RewardWeights } from "../config/reward-shares.js";
import { encodeLine } from "../core/jsonl-log.js";
import { mean } from "../core/statistics.js";
import { writeAtomic } from "../core/write-atomic.js";
import { rewardOf } from "../design/reward.js";
import { readTrajectory } from "../records/trajectory.js";
import { trajectoryFiles } from "./examples/trajectory-samples.js";

export interface RelabelledFile {
  from: string;
  /** The copy with the new rewards; what was recorded stays as it is. */
  to: string;
  candidates: number;
  /** Candidates whose reward is another now. */
  changed: number;
  meanBefore: number;
  meanAfter: number;
}

/**
 * Computes the rewards of a recorded run anew: writes `<reward>.<name>.jsonl` beside every trajectory file of a run; `w4s train --from` reads such a file. Its name
 * begins with the reward, so that it is never taken for one of the run's own.
 * @param path - a run directory, or one trajectories file
 * @param weights - of the composite reward
 * @throws {InputError} when there are no trajectories, or a component with a weight was not recorded
 * @throws {StorageError}
 */
export async function relabel(
  path: string,
  reward: RewardName,
  weights?: RewardWeights,
): Promise<RelabelledFile[]> {
  const done: RelabelledFile[] = [];
  for (const from of trajectoryFiles(path)) {
    const before: number[] = [];
    const after: number[] = [];
    const records = readTrajectory(from).map((record) => {
      if (record.kind === "header") return { ...record, reward: { name: reward, weights } };
      if (record.kind !== "turn") return record;
      const candidates = record.candidates.map((candidate) => {
        const renewed = rewardOf(reward, candidate, record.history, weights);
        before.push(candidate.reward);
        after.push(renewed);
        return { ...candidate, reward: renewed };
      });
      return { ...record, candidates };
    });
    const to = join(dirname(from), `${reward}.${basename(from)}`);
    await writeAtomic(to, records.map((record) => `${encodeLine(record)}\n`).join(""));
    done.push({
      from,
      to,
      candidates: before.length,
      changed: before.filter((value, i) => value !== after[i]).length,
      meanBefore: mean(before),
      meanAfter: mean(after),
    });
  }
  return done;
}
