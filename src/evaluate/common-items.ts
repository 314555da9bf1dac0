/** @file Comparison of workflows on the samples that all of them have: what the executor lost helps nobody. */
import { LostSamplesError } from "../core/errors.js";
import { formatPercent } from "../core/figure-format.js";
import { signFlipTest } from "../core/paired-test.js";
import { mean, pairedDifference } from "../core/statistics.js";
import { type Evaluation, type Figures, figuresOf, type JobResult } from "./evaluation.js";

/** Largest share of its samples that a workflow may have lost; above, it is compared with nobody until they are filled. */
const MOST_LOST = 0.1;

/** Share of a workflow's runs that the executor lost, 0–1. */
export function lostShare({ errors, results }: Pick<Evaluation, "errors" | "results">): number {
  return errors / Math.max(1, results.length);
}

/** True where few enough samples were lost for a comparison. */
export function isEligible(evaluation: Evaluation): boolean {
  return lostShare(evaluation) <= MOST_LOST;
}

/** Those that can be compared. @throws {LostSamplesError} where there is none, naming the least share lost */
export function comparable<T extends { evaluation: Evaluation }>(list: readonly T[]): T[] {
  const eligible = list.filter(({ evaluation }) => isEligible(evaluation));
  if (eligible.length > 0 || list.length === 0) return eligible;
  const least = Math.min(...list.map(({ evaluation }) => lostShare(evaluation)));
  throw new LostSamplesError(
    `no workflow can be compared: each lost at least ${formatPercent(least)} of its samples to the executor, and ${formatPercent(MOST_LOST)} is the most`,
  );
}

export interface Common<T> {
  /** Figures on the common samples alone, of those that can be compared, in the order given. */
  figures: Map<T, Figures>;
  /**
   * How much easier the common samples are than all of them, shown by a workflow: its accuracy on all minus that on the
   * common ones. Added to accuracies it makes those of two comparisons alike; 0 where nothing was lost.
   */
  shift(reference: Evaluation): number;
}

/**
 * Compares on the samples that all eligible ones have. Where these would be fewer than half, those that lost most are
 * left out too.
 */
export function onCommonItems<T extends { evaluation: Evaluation }>(list: readonly T[]): Common<T> {
  const eligible = list
    .filter(({ evaluation }) => isEligible(evaluation))
    .map((one) => ({ one, scored: scoredRuns(one.evaluation) }))
    .sort(
      ({ one: { evaluation: a } }, { one: { evaluation: b } }) =>
        a.errors - b.errors || (a.workflowHash < b.workflowHash ? -1 : 1),
    );
  const all = Math.min(...eligible.map(({ one }) => one.evaluation.results.length));
  let keys = [...(eligible[0]?.scored.keys() ?? [])];
  const compared = new Map<T, ReadonlyMap<string, JobResult>>();
  for (const { one, scored } of eligible) {
    const left = keys.filter((key) => scored.has(key));
    if (left.length < all / 2) continue;
    keys = left;
    compared.set(one, scored);
  }
  const figures = new Map<T, Figures>();
  for (const one of list) {
    const scored = compared.get(one);
    if (scored) figures.set(one, figuresOf(one.evaluation.workflowHash, pick(scored, keys)));
  }
  return { figures, shift: (reference) => shiftOf(reference, keys, eligible) };
}

function shiftOf(
  reference: Evaluation,
  keys: readonly string[],
  eligible: readonly { one: { evaluation: Evaluation } }[],
): number {
  const scored = scoredRuns(reference);
  const lists = eligible.map(({ one }) => keyed(one.evaluation.results));
  const [first, ...others] = lists;
  const asked = [...(first?.keys() ?? [])].filter((key) => others.every((list) => list.has(key)));
  const on = (names: readonly string[]) => mean(pick(scored, names).map(({ score }) => score));
  return on(asked) - on(keys);
}

/** Runs by sample and repetition. */
function keyed(results: readonly JobResult[]): Map<string, JobResult> {
  const times = new Map<string, number>();
  return new Map(
    results.map((result) => {
      const time = times.get(result.sampleId) ?? 0;
      times.set(result.sampleId, time + 1);
      return [`${time} ${result.sampleId}`, result];
    }),
  );
}

function scoredRuns({ results }: Pick<Figures, "results">): Map<string, JobResult> {
  return new Map([...keyed(results)].filter(([, { status }]) => status !== "error"));
}

function pick(runs: ReadonlyMap<string, JobResult>, keys: readonly string[]): JobResult[] {
  return keys.flatMap((key) => runs.get(key) ?? []);
}

/** Order of merit: accuracy, then fewer tokens, then the hash, so that no tie is left to chance. */
export function ranked<T>({ figures }: Pick<Common<T>, "figures">): T[] {
  // The same scores added in another order differ in the last digits.
  const merit = ({ accuracy }: Figures) => Math.round(accuracy * 1e9);
  return [...figures]
    .sort(
      ([, a], [, b]) =>
        merit(b) - merit(a) || a.tokens - b.tokens || (a.workflowHash < b.workflowHash ? -1 : 1),
    )
    .map(([one]) => one);
}

/** The best on common samples; undefined where none can be compared. */
export function bestOf<T extends { evaluation: Evaluation }>(workflows: readonly T[]): T | undefined {
  return ranked(onCommonItems(workflows)).at(0);
}

/** Difference of two workflows on the samples that both have. */
export interface PairedComparison {
  difference: number;
  /** 95 % bootstrap interval over samples. */
  low: number;
  high: number;
  /** Sign-flip test, two-sided. */
  pValue: number;
  /** Samples that both have. */
  n: number;
}

/** @returns a − b; undefined where they have no sample in common */
export function comparePaired(
  a: Figures,
  b: Figures,
  seed: number,
  resamples?: number,
): PairedComparison | undefined {
  const [one, other] = [scoredRuns(a), scoredRuns(b)];
  const keys = [...one.keys()].filter((key) => other.has(key));
  const [left, right] = [one, other].map((runs) => figuresOf("", pick(runs, keys)).scores) as [
    number[],
    number[],
  ];
  if (left.length === 0) return undefined;
  const { difference, interval } = pairedDifference(left, right, seed, resamples);
  const differences = left.map((score, index) => score - (right[index] as number));
  return { difference, ...interval, pValue: signFlipTest([differences], seed), n: left.length };
}
