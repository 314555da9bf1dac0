/** @file The workflow that a search names best: the race of all its designs and the best baseline goes on over items that nothing was chosen by. */
import { formatPercent, formatPercentChange } from "../core/figure-format.js";
import { seedFrom } from "../core/hash.js";
import { mean, normalShare } from "../core/statistics.js";
import { nextInRace, priceOf, type Racer } from "../design/race.js";
import { type Standing, standingInterval, standings } from "../design/standings.js";
import { bestOf, comparable, comparePaired } from "../evaluate/common-items.js";
import { type Evaluation, summarize } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { Confirmation } from "../records/run-summary.js";
import type { Sample } from "../tasks/task.js";
import type { Bench } from "./bench.js";

/** The confirmation may cost as much as so many workflows on all items kept for it. */
export const CONFIRMED = 6;
/** Items of a block where nobody raced. */
const USUAL_BLOCK = 4;
/** Workflows that meet their next block at once: such a share of all blocks that are left. So it begins wide and ends narrow. */
const WIDTH = 1 / 14;
/** A design is named best where it is better than the baseline with this probability. */
const CONFIDENCE = 0.72;
/** Sign-flip test: above, two are not told apart. */
const LEVEL = 0.05;
/** A workflow counts as cheaper from this share of the other's tokens an item … */
const CHEAPER = 0.9;
/** … and has to have met this share of the other's items. */
const MEASURED = 0.5;
/** Designs that a summary shows. */
const SHOWN = 3;

/** What a search names best, and what is believed of it. */
export interface Choice {
  best: ScoredWorkflow;
  /** Its figures over all items it was run on; accuracy and interval are those of its standing. */
  estimate: Evaluation;
  confirmation?: Confirmation | undefined;
  /** On the items kept for the confirmation, of all that met some. */
  evaluations: Evaluation[];
}

/** A workflow on its way through the confirmation. */
type Finalist = Racer & { workflow: ScoredWorkflow };
/** At its end, with its figures on the items kept for it. */
type Judged = Finalist & { standing: Standing; there: Evaluation };

/**
 * Chooses among designs and baselines. The race goes on among all designs and the best baseline, on the items kept for the
 * confirmation first, then on those that a workflow has not met yet. By all its results the design with the highest level is the best, or a cheaper one
 * that is not told apart from it, where it is probably better than the baseline, and does better on the kept items than is expected of the baseline. Else the baseline is the best.
 * Without items for the confirmation the results of the search decide.
 * @param baselines - evaluated ones that designs start from
 * @param found - designs as their races left them
 * @returns undefined where nothing can be chosen from
 * @throws {LostSamplesError} where all baselines, or the best one here, lost too many samples
 */
export async function confirmBest(
  bench: Pick<Bench, "validation" | "confirmation" | "measure" | "settings">,
  baselines: readonly ScoredWorkflow[],
  found: readonly ScoredWorkflow[],
): Promise<Choice | undefined> {
  const rival = bestOf(comparable(baselines));
  if (rival === undefined) return undefined;
  const isBaseline = ({ hash }: ScoredWorkflow) => baselines.some((baseline) => baseline.hash === hash);
  const distinct = [...new Map(found.map((one) => [one.hash, one])).values()];
  const designs = distinct.filter((one) => !isBaseline(one));
  if (designs.length === 0) return { best: rival, estimate: rival.evaluation, evaluations: [] };
  const others = baselines.filter((one) => one !== rival);
  const field = await raceOn(bench, [rival, ...designs], others);
  comparable(field.slice(0, 1));
  const { seed, resamples } = bench.settings;
  const kept = new Set(bench.confirmation.map(({ id }) => id));
  const keptOf = ({ hash, evaluation: { results } }: Finalist) =>
    summarize(
      hash,
      results.filter(({ sampleId }) => kept.has(sampleId)),
      seed,
      resamples,
    );
  const levels = standings<{ evaluation: Evaluation }>([...field, ...others]);
  const [baseline, ...designed] = field
    .filter((one) => levels.has(one))
    .map((one) => ({ ...one, standing: levels.get(one)!, there: keptOf(one) })) as [Judged, ...Judged[]];
  const order = designed.sort(
    (a, b) => b.standing.level - a.standing.level || priceOf(a) - priceOf(b) || (a.hash < b.hash ? -1 : 1),
  );
  const beats = ({ standing, there }: Judged) =>
    probabilityOfBetter(standing, baseline.standing) >= CONFIDENCE &&
    (kept.size === 0 || (there.n > 0 && there.accuracy > baseline.standing.level));
  const leader = order.find(beats);
  const cheaper = order
    .filter((one) => leader && beats(one) && priceOf(one) <= CHEAPER * priceOf(leader))
    .filter(({ evaluation: { n } }) => n >= MEASURED * leader!.evaluation.n)
    .filter(
      ({ evaluation }) =>
        (comparePaired(leader!.evaluation, evaluation, seedFrom(seed, "cheaper"), resamples)?.pValue ?? 1) >=
        LEVEL,
    )
    .sort((a, b) => priceOf(a) - priceOf(b))
    .at(0);
  const chosen = cheaper ?? leader;
  const rowOf = (one: Judged) => ({
    title: one.workflow.title,
    hash: one.hash,
    n: one.there.n,
    accuracy: one.there.accuracy,
    estimate: {
      accuracy: one.standing.level,
      interval: standingInterval(one.standing),
      n: one.evaluation.n,
    },
  });
  const sentence =
    chosen === undefined
      ? `no design is probably better than ${rival.title} by all its items, and by those kept for the confirmation, so the baseline is the result`
      : `${chosen.workflow.title} is put at ${formatPercent(chosen.standing.level)} over ${chosen.evaluation.n} items, ${formatPercentChange(chosen.standing.level - baseline.standing.level)} against ${rival.title}, and is better with a probability of ${formatPercent(probabilityOfBetter(chosen.standing, baseline.standing))}`;
  const result = chosen ?? baseline;
  return {
    best: result.workflow,
    estimate: {
      ...result.evaluation,
      accuracy: result.standing.level,
      interval: standingInterval(result.standing),
    },
    confirmation:
      kept.size === 0
        ? undefined
        : {
            items: kept.size,
            against: rival.title,
            isConfirmed: chosen !== undefined,
            sentence,
            rows: [
              rowOf(baseline),
              ...order
                .filter((one, at) => at < SHOWN || one === chosen)
                .map((one) => ({
                  ...rowOf(one),
                  lead: comparePaired(one.there, baseline.there, seedFrom(seed, "confirm"), resamples),
                })),
            ],
          },
    evaluations: [baseline, ...order].map(({ there }) => there).filter(({ results }) => results.length > 0),
  };
}

/** @returns the same workflows in their order, with what was measured of them in the end */
async function raceOn(
  bench: Parameters<typeof confirmBest>[0],
  workflows: readonly ScoredWorkflow[],
  others: readonly ScoredWorkflow[],
): Promise<Finalist[]> {
  const { validation, confirmation, settings } = bench;
  const items = new Map(validation.map((item) => [item.id, item]));
  const orderOf = ({ evaluation: { results } }: ScoredWorkflow): Sample[] => {
    const met = new Set(results.map(({ sampleId }) => sampleId));
    const known = results.flatMap(({ sampleId }) => items.get(sampleId) ?? []);
    return [...known, ...confirmation, ...validation.filter(({ id }) => !met.has(id))];
  };
  let field: Finalist[] = workflows.map((workflow) => ({ ...workflow, workflow, order: orderOf(workflow) }));
  const price = mean(field.map(priceOf));
  const block = settings.screen || USUAL_BLOCK;
  for (let tokens = CONFIRMED * confirmation.length * price; ; ) {
    const width = Math.max(1, Math.ceil((WIDTH * tokens) / (block * price)));
    const promising = nextInRace(field, { width, block, tokens, others });
    const next = promising.length > 0 ? promising : unconfirmed(field, others, confirmation);
    if (next.length === 0) return field;
    const wanted = next.map(({ workflow, order, evaluation: { results } }) => ({
      workflow,
      samples: order.slice(results.length, results.length + block),
    }));
    const measured = await bench.measure(wanted, { what: "confirmation" });
    const seen = new Map(
      next.map(({ hash, evaluation }, i) => {
        const results = [...evaluation.results, ...measured[i]!.results];
        return [hash, summarize(hash, results, settings.seed, settings.resamples)];
      }),
    );
    field = field.map((one) => ({ ...one, evaluation: seen.get(one.hash) ?? one.evaluation }));
    tokens -= field.filter(({ hash }) => seen.has(hash)).reduce((sum, one) => sum + block * priceOf(one), 0);
  }
}

/** The leading design where it has met none of the kept items, since nobody comes near it: it is not named best unseen. */
function unconfirmed(
  [rival, ...designs]: readonly Finalist[],
  others: readonly ScoredWorkflow[],
  confirmation: readonly Sample[],
): Finalist[] {
  const levels = standings<{ evaluation: Evaluation }>([rival!, ...designs, ...others]);
  const levelOf = (one: Finalist) => levels.get(one)?.level ?? 0;
  const [leader] = [...designs].sort((a, b) => levelOf(b) - levelOf(a));
  const kept = new Set(confirmation.map(({ id }) => id));
  const isUnseen = leader && !leader.evaluation.results.some(({ sampleId }) => kept.has(sampleId));
  return isUnseen && kept.size > 0 ? [leader] : [];
}

function probabilityOfBetter(one: Standing, other: Standing): number {
  const deviation = Math.hypot(one.deviation, other.deviation);
  return deviation === 0
    ? Number(one.level > other.level)
    : normalShare((one.level - other.level) / deviation);
}
