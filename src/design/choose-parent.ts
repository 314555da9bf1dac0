/** @file Which workflow a turn starts from; only ever one is shown, never the whole archive (arXiv 2510.06711). */
import { Random } from "../core/random.js";
import { onCommonItems } from "../evaluate/common-items.js";
import type { ShownWorkflow } from "../evaluate/evaluation.js";

/**
 * `last`: what the turn before kept. `best`: the most accurate so far on common samples, baselines included. `evolutionary`: one drawn from
 * the baselines and what was kept so far, the better the likelier, so that weaker designs can still lead somewhere.
 */
export type ParentChoice = "last" | "best" | "evolutionary";

/** Ranks below the best are this much less likely each. */
const RANK_DECAY = 0.5;

/**
 * @param baselines - evaluated, at least one that lost few samples
 * @param kept - kept workflows of this episode, oldest first
 */
export function chooseParent(
  choice: ParentChoice,
  baselines: readonly ShownWorkflow[],
  kept: readonly ShownWorkflow[],
  seed: number,
): ShownWorkflow {
  const last = kept.at(-1);
  if (choice === "last" && last !== undefined) return last;
  const { figures } = onCommonItems([...baselines, ...kept]);
  const ranked = [...figures].sort(([, a], [, b]) => b.accuracy - a.accuracy).map(([one]) => one);
  const [best] = ranked;
  if (best === undefined) throw new RangeError("a turn needs at least one workflow to start from");
  if (choice !== "evolutionary" || last === undefined) return best;
  const random = new Random(seed);
  return ranked.find(() => random.chance(1 - RANK_DECAY)) ?? best;
}
