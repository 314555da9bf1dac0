/** @file The workflow that a search names best: the leading designs meet items that nothing was chosen by, beside the best baseline. */
import { formatPercent, formatPercentChange } from "../core/figure-format.js";
import { seedFrom } from "../core/hash.js";
import { shrinkageOf, standingInterval, standingOf, standings } from "../design/standings.js";
import { bestOf, comparable, comparePaired, isEligible } from "../evaluate/common-items.js";
import { type Evaluation, type Figures, summarize } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { Confirmation } from "../records/run-summary.js";
import type { Bench } from "./bench.js";

/** Designs that are confirmed. */
export const FINALISTS = 3;
/** Sign-flip test: above, two are not told apart. */
const LEVEL = 0.05;
/** A workflow counts as cheaper from this share of the other's tokens an item. */
const CHEAPER = 0.9;

/** What a search names best, and what is believed of it. */
export interface Choice {
  best: ScoredWorkflow;
  /** Its figures over all items it was run on; accuracy and interval are the shrunk ones where it was chosen among many. */
  estimate: Evaluation;
  confirmation?: Confirmation | undefined;
  /** Of the confirmation, in the order of its rows. */
  evaluations: Evaluation[];
}

/**
 * Chooses among designs and baselines. The designs that are ahead by their shrunk means are run on the confirmation items,
 * and so is the best baseline; the design that is then ahead over all its items is the best, where it beats the baseline both
 * on the confirmation items and by its shrunk mean, or a cheaper one that does too and is not told apart from it. Else the
 * baseline is the best.
 * Without confirmation items the shrunk mean decides.
 * @param baselines - evaluated ones that designs start from
 * @param found - designs as their races left them
 * @returns undefined where nothing can be chosen from
 * @throws {LostSamplesError} where the baselines, or all finalists, lost too many samples
 */
export async function confirmBest(
  bench: Pick<Bench, "confirmation" | "evaluate" | "settings">,
  baselines: readonly ScoredWorkflow[],
  found: readonly ScoredWorkflow[],
): Promise<Choice | undefined> {
  const rival = bestOf(comparable(baselines));
  if (rival === undefined) return undefined;
  const isBaseline = ({ hash }: ScoredWorkflow) => baselines.some((baseline) => baseline.hash === hash);
  const distinct = [...new Map(found.map((one) => [one.hash, one])).values()];
  const designs = distinct.filter((one) => !isBaseline(one));
  const ranked = [...standings(designs)]
    .sort(
      ([a, { level: x }], [b, { level: y }]) => y - x || costOf(a) - costOf(b) || (a.hash < b.hash ? -1 : 1),
    )
    .map(([design]) => design);
  const asRival = { best: rival, estimate: rival.evaluation, evaluations: [] };
  const [leader] = ranked;
  if (leader === undefined) return asRival;
  const { confirmation: items, settings } = bench;
  if (items.length === 0) {
    const standing = standings(designs).get(leader)!;
    return standing.level > rival.evaluation.accuracy
      ? { best: leader, estimate: shrunkEvaluation(leader.evaluation, standing), evaluations: [] }
      : asRival;
  }
  const contestants = [rival, ...ranked.slice(0, FINALISTS)];
  const evaluations = await bench.evaluate(contestants, items, { what: "confirmation" });
  const [rivals, ...confirmed] = evaluations as [Evaluation, ...Evaluation[]];
  comparable([{ evaluation: rivals }]);
  const summary = (evaluation: Figures, results = evaluation.results) =>
    summarize(evaluation.workflowHash, results, settings.seed, settings.resamples);
  const finalists = comparable(
    confirmed.map((evaluation, index) => {
      const design = ranked[index]!;
      return {
        design,
        evaluation,
        all: summary(evaluation, [...design.evaluation.results, ...evaluation.results]),
        lead: comparePaired(evaluation, rivals, seedFrom(settings.seed, "confirm"), settings.resamples),
      };
    }),
  );
  const others = designs.filter(
    (one) => isEligible(one.evaluation) && !finalists.some(({ design }) => design === one),
  );
  const shrinkage = shrinkageOf([...others.map((one) => one.evaluation), ...finalists.map(({ all }) => all)]);
  const order = finalists
    .map((one) => ({ ...one, standing: standingOf(one.all, shrinkage) }))
    .sort((a, b) => b.standing.level - a.standing.level || costOf(a.design) - costOf(b.design));
  const rivalAll = summary(rivals, [...rival.evaluation.results, ...rivals.results]);
  const beats = ({ lead, standing }: (typeof order)[number]) =>
    (lead?.difference ?? 0) > 0 && standing.level > rivalAll.accuracy;
  const [first] = order as [(typeof order)[number]];
  const cheaper = order
    .filter((one) => beats(one) && costOf(one.design) <= CHEAPER * costOf(first.design))
    .filter(
      (one) => (comparePaired(first.all, one.all, seedFrom(settings.seed, "cheaper"))?.pValue ?? 1) >= LEVEL,
    )
    .sort((a, b) => costOf(a.design) - costOf(b.design))
    .at(0);
  const chosen = beats(first) ? (cheaper ?? first) : undefined;
  const confirmation: Confirmation = {
    items: items.length,
    against: rival.title,
    isConfirmed: chosen !== undefined,
    sentence:
      chosen === undefined
        ? `no design beat ${rival.title} on the ${items.length} validation items kept for the confirmation, so the baseline is the result`
        : `${chosen.design.title} is ahead of ${rival.title} by ${formatPercentChange(chosen.lead!.difference)} on the ${chosen.lead!.n} validation items kept for the confirmation; over all ${chosen.all.n} items its accuracy is put at ${formatPercent(chosen.standing.level)}`,
    rows: [
      { title: rival.title, hash: rival.hash, n: rivals.n, accuracy: rivals.accuracy },
      ...order.map(({ design, evaluation: { n, accuracy }, all, standing, lead }) => ({
        title: design.title,
        hash: design.hash,
        n,
        accuracy,
        lead: lead && {
          difference: lead.difference,
          low: lead.low,
          high: lead.high,
          pValue: lead.pValue,
          n: lead.n,
        },
        estimate: { accuracy: standing.level, interval: standingInterval(standing), n: all.n },
      })),
    ],
  };
  return chosen === undefined
    ? { best: rival, estimate: rivalAll, confirmation, evaluations }
    : {
        best: chosen.design,
        estimate: shrunkEvaluation(chosen.all, chosen.standing),
        confirmation,
        evaluations,
      };
}

function shrunkEvaluation(
  evaluation: Evaluation,
  standing: Parameters<typeof standingInterval>[0],
): Evaluation {
  return { ...evaluation, accuracy: standing.level, interval: standingInterval(standing) };
}

/** Tokens an item. */
function costOf({ evaluation }: Pick<ScoredWorkflow, "evaluation">): number {
  return evaluation.tokens / Math.max(1, evaluation.n);
}
