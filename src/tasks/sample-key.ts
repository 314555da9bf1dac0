/** @file When two samples are the same item: question, options and passage compared, exactly and folded. */

import { groupBy } from "../core/statistics.js";
import type { Sample, SplitName } from "./task.js";

/** Folded: Unicode compatibility forms, case and white space do not matter. */
export function foldText(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}

/** What decides whether two items ask the same. */
interface Asked extends Pick<Sample, "question" | "context"> {
  choices?: readonly string[] | undefined;
  publicTests?: readonly string[] | undefined;
}

/** Equal for samples that ask the same; ids and answers do not count. */
export function sampleKey(sample: Asked, fold: (text: string) => string = foldText): string {
  const parts = [
    sample.question,
    sample.context ?? "",
    ...(sample.choices ?? []),
    ...(sample.publicTests ?? []),
  ];
  return JSON.stringify(parts.map(fold));
}

export interface SplitOverlap {
  splits: readonly [SplitName, SplitName];
  /** Items of the first split that the second has too, folded. */
  count: number;
  /** Number of shared items that are equal letter by letter. */
  exactCount: number;
  /** Pairs of ids, at most five. */
  examples: [string, string][];
}

/** Overlap of two splits; undefined where they share nothing. */
export function findOverlap(
  [firstName, first]: readonly [SplitName, readonly Sample[]],
  [secondName, second]: readonly [SplitName, readonly Sample[]],
): SplitOverlap | undefined {
  const known = groupBy(second, (sample) => sampleKey(sample));
  const overlap: SplitOverlap = { splits: [firstName, secondName], count: 0, exactCount: 0, examples: [] };
  const exactly = (text: string) => text;
  for (const sample of first) {
    const twins = known.get(sampleKey(sample));
    if (!twins) continue;
    overlap.count++;
    const key = sampleKey(sample, exactly);
    if (twins.some((twin) => sampleKey(twin, exactly) === key)) overlap.exactCount++;
    if (overlap.examples.length < 5) overlap.examples.push([sample.id, twins[0]!.id]);
  }
  return overlap.count === 0 ? undefined : overlap;
}

/** One line for messages and notices. */
export function overlapText({ splits, count, exactCount, examples }: SplitOverlap): string {
  const pairs = examples.map(([a, b]) => `${a} = ${b}`).join(", ");
  return `split overlap: ${count} ${count === 1 ? "item" : "items"} of ${splits[0]} also in ${splits[1]} (${exactCount} exact): ${pairs}`;
}
