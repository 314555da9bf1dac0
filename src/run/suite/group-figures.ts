/** @file Scores by group of items (language, difficulty, …), and the largest gap between two groups. */

import { Random } from "../../core/random.js";
import { rangeOf } from "../../core/range-of.js";
import { bootstrapInterval, groupBy, type Interval, mean } from "../../core/statistics.js";
import type { Sample } from "../../tasks/task.js";

/** Groups smaller than this have figures, but are no end of a gap. */
export const SMALLEST_GROUP = 5;
/** A number with more different values than this is cut into three bands. */
const MOST_NUMBERS = 6;
const BANDS = ["low", "middle", "high"] as const;
const SHUFFLES = 2000;

export interface GroupScore {
  value: string;
  n: number;
  accuracy: number;
  interval: Interval;
}

export interface GroupGap {
  high: string;
  low: string;
  difference: number;
  interval: Interval;
  /** Probability of a gap this large between groups drawn at random; takes account of the choice of the largest. */
  pValue: number;
}

export interface GroupFigures {
  row: string;
  key: string;
  groups: GroupScore[];
  /** null where fewer than two groups have at least five items. */
  gap: GroupGap | null;
}

/**
 * Names the group of every item that has the key in its meta data. Numbers with many values are cut into thirds of
 * their range: for a difficulty from 0 to 1 below 1/3, below 2/3 and above.
 */
export function groupsOf(samples: readonly Sample[], key: string): Map<string, string> {
  const values = samples.flatMap(({ id, meta }) => {
    const value = meta[key];
    return ["string", "number", "boolean"].includes(typeof value)
      ? [{ id, value: value as string | number | boolean }]
      : [];
  });
  const numbers = values.flatMap(({ value }) => (typeof value === "number" ? [value] : []));
  if (numbers.length < values.length || new Set(numbers).size <= MOST_NUMBERS)
    return new Map(values.map(({ id, value }) => [id, String(value)]));
  const isShare = numbers.every((value) => value >= 0 && value <= 1);
  const { lowest: low, highest: high } = rangeOf(isShare ? [0, 1] : numbers);
  const step = (high - low) / BANDS.length;
  const band = (value: number) => Math.min(BANDS.length - 1, Math.floor((value - low) / step));
  const edge = (index: number) => String(Number((low + index * step).toFixed(2)));
  return new Map(
    values.map(({ id, value }) => {
      const index = band(value as number);
      return [id, `${BANDS[index]} (${edge(index)} to ${edge(index + 1)})`];
    }),
  );
}

/**
 * @param scores - score by item id
 * @param groups - group by item id
 */
export function groupFigures(
  names: { row: string; key: string },
  scores: ReadonlyMap<string, number>,
  groups: ReadonlyMap<string, string>,
  seed: number,
  resamples: number,
): GroupFigures {
  const items = [...scores].flatMap(([id, score]) => {
    const value = groups.get(id);
    return value === undefined ? [] : [{ value, score }];
  });
  const byValue = collect(items);
  const figures = [...byValue]
    .map(([value, list]) => ({
      value,
      n: list.length,
      accuracy: mean(list),
      interval: bootstrapInterval(list, seed, resamples),
    }))
    .sort((a, b) => (a.value < b.value ? -1 : 1));
  return { ...names, groups: figures, gap: largestGap(byValue, items, seed, resamples) };
}

function collect(items: readonly { value: string; score: number }[]): Map<string, number[]> {
  const groups = groupBy(items, ({ value }) => value);
  return new Map([...groups].map(([value, group]) => [value, group.map(({ score }) => score)]));
}

function extremes(byValue: ReadonlyMap<string, readonly number[]>) {
  const ranked = [...byValue]
    .filter(([, list]) => list.length >= SMALLEST_GROUP)
    .map(([value, list]) => ({ value, list, accuracy: mean(list) }))
    .sort((a, b) => b.accuracy - a.accuracy || (a.value < b.value ? -1 : 1));
  const [high, low] = [ranked.at(0), ranked.at(-1)];
  return high && low && high !== low ? { high, low, difference: high.accuracy - low.accuracy } : undefined;
}

function largestGap(
  byValue: ReadonlyMap<string, readonly number[]>,
  items: readonly { value: string; score: number }[],
  seed: number,
  resamples: number,
): GroupGap | null {
  const seen = extremes(byValue);
  if (!seen) return null;
  const { high, low, difference } = seen;
  const random = new Random(seed);
  const drawnMean = (list: readonly number[]) => mean(list.map(() => random.pick(list)));
  const drawn = Array.from({ length: resamples }, () => drawnMean(high.list) - drawnMean(low.list)).sort(
    (a, b) => a - b,
  );
  const at = (q: number) => drawn[Math.min(drawn.length - 1, Math.floor(q * drawn.length))] as number;
  const labels = items.map(({ value }) => value);
  let asLarge = 1;
  for (let i = 0; i < SHUFFLES; i++) {
    const shuffled = random.shuffle(labels);
    const gap = extremes(collect(items.map(({ score }, j) => ({ value: shuffled[j] as string, score }))));
    if (gap && gap.difference >= difference - 1e-12) asLarge++;
  }
  return {
    high: high.value,
    low: low.value,
    difference,
    interval: { low: at(0.025), high: at(0.975) },
    pValue: asLarge / (SHUFFLES + 1),
  };
}
