/** @file Which workflow a turn starts from; only ever one is shown, never the whole archive (arXiv 2510.06711). */
import { Random } from "../core/random.js";
import { isEligible, onCommonItems } from "../evaluate/common-items.js";
import type { ShownWorkflow } from "../evaluate/evaluation.js";

/**
 * `last`: what the turn before kept. `best`: the most accurate so far on common samples, baselines included. `evolutionary`: one drawn from
 * the baselines and what was kept so far, the better the likelier, so that weaker designs can still lead somewhere. `pareto`: one
 * drawn from all that is best on some item, by the number of these items.
 */
export type ParentChoice = "last" | "best" | "evolutionary" | "pareto";

/** Ranks below the best are this much less likely each. */
const RANK_DECAY = 0.5;

/**
 * @param baselines - evaluated, at least one that lost few samples
 * @param kept - kept workflows of this episode, oldest first
 * @param standing.archive - all that was scored in this episode, baselines included. Default: baselines and kept ones
 * @param standing.levelOf - what merit is, where not all were run on the same items
 */
export function chooseParent(
  choice: ParentChoice,
  baselines: readonly ShownWorkflow[],
  kept: readonly ShownWorkflow[],
  seed: number,
  standing: {
    archive?: readonly ShownWorkflow[] | undefined;
    levelOf?: ((one: ShownWorkflow) => number) | undefined;
  } = {},
): ShownWorkflow {
  const last = kept.at(-1);
  if (choice === "last" && last !== undefined) return last;
  const known = [...baselines, ...kept];
  const { archive = known, levelOf } = standing;
  const { figures } = onCommonItems(known);
  const merits = levelOf
    ? known.filter(({ evaluation }) => isEligible(evaluation)).map((one) => ({ one, merit: levelOf(one) }))
    : [...figures].map(([one, { accuracy }]) => ({ one, merit: accuracy }));
  const ranked = merits.sort((a, b) => b.merit - a.merit).map(({ one }) => one);
  const [best] = ranked;
  if (best === undefined) throw new RangeError("a turn needs at least one workflow to start from");
  if (last === undefined || choice === "best" || choice === "last") return best;
  const random = new Random(seed);
  if (choice === "pareto") return drawByItems(archive, random) ?? best;
  return ranked.find(() => random.chance(1 - RANK_DECAY)) ?? best;
}

/**
 * Draws among the workflows that have the highest score on some item, as often as there are such items. Items that only one
 * was run on, or that nobody solves, say nothing.
 * @source Agrawal et al. 2025 (GEPA, arXiv 2507.19457): Pareto-based candidate selection.
 */
function drawByItems(archive: readonly ShownWorkflow[], random: Random): ShownWorkflow | undefined {
  const byItem = new Map<string, { one: ShownWorkflow; score: number }[]>();
  const distinct = new Map(archive.map((one) => [one.evaluation.workflowHash, one]));
  for (const one of distinct.values()) {
    if (!isEligible(one.evaluation)) continue;
    for (const { sampleId, status, score } of one.evaluation.results)
      if (status !== "error") byItem.set(sampleId, [...(byItem.get(sampleId) ?? []), { one, score }]);
  }
  const tickets = [...byItem.values()].flatMap((scores) => {
    const highest = Math.max(...scores.map(({ score }) => score));
    if (scores.length < 2 || highest === 0) return [];
    return scores.filter(({ score }) => score === highest).map(({ one }) => one);
  });
  return tickets.length === 0 ? undefined : random.pick(tickets);
}
