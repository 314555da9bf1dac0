/** @file How well a policy designs: figures of judged episodes. */

import { groupBy, mean, sumOrNull } from "../core/statistics.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { EpisodeScore, PolicyScore } from "../records/round-record.js";
import { levelOf, type TurnRecord } from "../records/trajectory.js";

/**
 * Folds the turns of one task into its episodes.
 * @param items - ids of the validation items in their order, and what the scored workflows reached on them
 */
export function episodeScores(
  task: string,
  seed: number,
  turns: readonly TurnRecord[],
  items: { ids: readonly string[]; evaluations: readonly Evaluation[] },
): EpisodeScore[] {
  const scores = new Map(
    items.evaluations.map(({ workflowHash, results }) => [
      workflowHash,
      new Map(
        results.flatMap(({ sampleId, status, score }) => (status === "error" ? [] : [[sampleId, score]])),
      ),
    ]),
  );
  return [...groupBy(turns, ({ episode }) => episode)]
    .sort(([a], [b]) => a - b)
    .flatMap(([episode, own]) => {
      const candidates = own.flatMap((turn) => turn.candidates).filter(({ outcome }) => outcome !== "lost");
      const accuracies = candidates.map(
        (one) => levelOf(one) ?? one.commonAccuracy ?? one.screenAccuracy ?? 0,
      );
      // Where a candidate did not get to an item, or lost it, its mean stands for it.
      const onItem = (id: string) =>
        mean(
          candidates.map(
            ({ outcome, workflowHash }, index) =>
              (outcome === "scored" ? scores.get(workflowHash ?? "")?.get(id) : undefined) ??
              (accuracies[index] as number),
          ),
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
        items: items.ids.map((id) => Math.round(onItem(id) * 1e4) / 1e4),
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
