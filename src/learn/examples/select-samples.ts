/** @file Which recorded replies become examples: filters, deduplication. */
import type { LearnSettings } from "../../config/learn-schema.js";
import type { TrajectorySample } from "./trajectory-samples.js";

export type SelectSettings = Pick<
  LearnSettings,
  "keep" | "onlySuccess" | "untilLastReward" | "keepTurns" | "invalid" | "countDuplicates"
>;

/**
 * Applies the filters of the `learn` section, in the order of that section.
 * @param samples - of one task and round, so that (episode, turn) names a turn
 * @returns the samples left, in their order
 */
export function selectSamples(
  samples: readonly TrajectorySample[],
  settings: SelectSettings,
): TrajectorySample[] {
  let left = [...samples];
  if (settings.keep === "best") left = bestOfTurns(left);
  if (settings.onlySuccess) left = left.filter((sample) => sample.reward > 0);
  if (settings.untilLastReward) left = untilLastReward(left);
  const turns = settings.keepTurns;
  if (turns !== undefined) left = left.filter((sample) => turns.includes(sample.turn + 1));
  if (settings.invalid === "drop") left = left.filter((sample) => sample.candidate.outcome !== "invalid");
  return settings.countDuplicates ? left : withoutDuplicates(left);
}

function bestOfTurns(samples: readonly TrajectorySample[]): TrajectorySample[] {
  const best = new Map<string, TrajectorySample>();
  for (const sample of samples) {
    const key = `${sample.episode} ${sample.turn} ${sample.helper ?? ""}`;
    const known = best.get(key);
    if (known === undefined || sample.reward > known.reward) best.set(key, sample);
  }
  return [...best.values()];
}

/** @source the reference code of W4S (arXiv 2504.04785): what led nowhere after the last reward is left out. */
function untilLastReward(samples: readonly TrajectorySample[]): TrajectorySample[] {
  const last = new Map<number, number>();
  for (const { episode, turn, reward } of samples)
    if (reward > 0) last.set(episode, Math.max(turn, last.get(episode) ?? 0));
  return samples.filter(({ episode, turn }) => turn <= (last.get(episode) ?? -1));
}

/** Equal replies to the same prompt have the same workflow, and so the same score: one of them stays. */
function withoutDuplicates(samples: readonly TrajectorySample[]): TrajectorySample[] {
  const seen = new Set<string>();
  return samples.filter(({ promptTokens, tokens, helper }) => {
    // Equal plans, drafts and reviews lead to different workflows: none of them says it all.
    if (helper !== undefined) return true;
    const key = `${promptTokens.join()}|${tokens.join()}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
