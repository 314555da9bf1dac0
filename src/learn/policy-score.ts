/** @file How well a policy designs: figures of judged episodes, and the paired comparison of two policies. */

import { groupBy, hierarchicalInterval, mean, sumOrNull } from "../core/statistics.js";
import type { EpisodeScore, PolicyDifference, PolicyScore } from "../records/round-record.js";
import { levelOf, type TurnRecord } from "../records/trajectory.js";

/** Folds the turns of one task into its episodes. */
export function episodeScores(task: string, seed: number, turns: readonly TurnRecord[]): EpisodeScore[] {
  return [...groupBy(turns, ({ episode }) => episode)]
    .sort(([a], [b]) => a - b)
    .flatMap(([episode, own]) => {
      const candidates = own.flatMap((turn) => turn.candidates).filter(({ outcome }) => outcome !== "lost");
      const accuracies = candidates.map(
        (one) => levelOf(one) ?? one.commonAccuracy ?? one.screenAccuracy ?? 0,
      );
      // An episode whose every candidate was lost says nothing about its policy.
      if (candidates.length === 0) return [];
      const techniques: Record<string, number> = {};
      for (const name of candidates.flatMap((candidate) => candidate.techniques))
        techniques[name] = (techniques[name] ?? 0) + 1;
      return {
        task,
        seed,
        episode,
        meanReward: mean(accuracies),
        best: Math.max(0, ...candidates.map((one) => levelOf(one) ?? 0)),
        candidates: candidates.length,
        valid: candidates.filter(({ outcome }) => outcome !== "invalid").length,
        workflows: candidates.flatMap(({ workflowHash }) => workflowHash ?? []),
        executorTokens: candidates.reduce((sum, { tokens }) => sum + tokens, 0),
        dollars: sumOrNull(candidates.map(({ dollars }) => dollars)),
        techniques,
      };
    });
}

export function policyScore(episodes: readonly EpisodeScore[]): PolicyScore {
  const count = episodes.reduce((sum, { candidates }) => sum + candidates, 0);
  const techniques: Record<string, number> = {};
  for (const [name, number] of episodes.flatMap((episode) => Object.entries(episode.techniques)))
    techniques[name] = (techniques[name] ?? 0) + number / count;
  return {
    episodes: episodes.length,
    meanReward: mean(episodes.map((episode) => episode.meanReward)),
    best: mean(episodes.map((episode) => episode.best)),
    validShare: episodes.reduce((sum, { valid }) => sum + valid, 0) / Math.max(1, count),
    distinctShare: mean(
      episodes
        .filter(({ workflows }) => workflows.length > 0)
        .map(({ workflows }) => new Set(workflows).size / workflows.length),
    ),
    executorTokensPerCandidate:
      episodes.reduce((sum, { executorTokens }) => sum + executorTokens, 0) / Math.max(1, count),
    techniques,
  };
}

/**
 * Mean differences a − b over episodes that both played from the same seeds, with 95 % hierarchical bootstrap
 * intervals over (task, episode).
 */
export function comparePolicies(
  a: readonly EpisodeScore[],
  b: readonly EpisodeScore[],
  seed: number,
  resamples = 1000,
): PolicyDifference {
  const nameOf = ({ task, seed, episode }: EpisodeScore) => JSON.stringify([task, seed, episode]);
  const others = new Map(b.map((episode) => [nameOf(episode), episode]));
  const pairs = a.flatMap((one) => {
    const other = others.get(nameOf(one));
    return other === undefined ? [] : [{ one, other }];
  });
  const differences = (key: "meanReward" | "best") => {
    const byTask = [...groupBy(pairs, ({ one }) => one.task).values()];
    const values = byTask.map((group) => group.map(({ one, other }) => one[key] - other[key]));
    return hierarchicalInterval(values, seed, resamples);
  };
  return { pairs: pairs.length, meanReward: differences("meanReward"), best: differences("best") };
}
