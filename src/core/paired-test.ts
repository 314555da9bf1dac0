/** @file Tests on paired differences and their correction for many comparisons. */
import { Random } from "./random.js";
import { mean } from "./statistics.js";

/** Up to so many differing pairs all sign patterns are counted; above, so many are drawn. */
const EXACT_PAIRS = 16;
const FLIPS = 10_000;

/** Sums of the same terms in another order differ by less. */
const ROUNDING = 1e-12;

/**
 * Two-sided sign-flip (paired permutation) test: how likely a macro mean as far from 0 as the one seen is, where each
 * difference could as well have had the other sign. With one group of right-or-wrong scores it equals McNemar's exact
 * test. Exact for up to 16 differing pairs, else 10 000 seeded draws, counting the one seen.
 * @param groups - differences a − b of the same items by task; tasks count alike, empty ones are left out
 * @returns the p-value; 1 where nothing differs
 */
export function signFlipTest(groups: readonly (readonly number[])[], seed: number): number {
  const filled = groups.filter((group) => group.length > 0);
  const terms = filled
    .flatMap((group) => group.map((value) => value / group.length / filled.length))
    .filter((value) => value !== 0);
  if (terms.length === 0) return 1;
  const seen = Math.abs(terms.reduce((sum, term) => sum + term, 0)) - ROUNDING;
  const isAsFar = (signs: (index: number) => number): boolean => {
    let sum = 0;
    for (let i = 0; i < terms.length; i++) sum += signs(i) * (terms[i] as number);
    return Math.abs(sum) >= seen;
  };
  let far = 0;
  if (terms.length <= EXACT_PAIRS) {
    const patterns = 2 ** terms.length;
    for (let pattern = 0; pattern < patterns; pattern++) {
      if (isAsFar((index) => ((pattern >> index) & 1 ? 1 : -1))) far++;
    }
    return far / patterns;
  }
  const random = new Random(seed);
  const words = new Uint32Array(Math.ceil(terms.length / 32));
  for (let flip = 0; flip < FLIPS; flip++) {
    for (let i = 0; i < words.length; i++) words[i] = random.next() * 2 ** 32;
    if (isAsFar((index) => (((words[index >> 5] as number) >>> (index & 31)) & 1 ? 1 : -1))) far++;
  }
  return (far + 1) / (FLIPS + 1);
}

/**
 * Holm's step-down correction: p-values that can be held against one level for the whole family.
 * @param pValues - each 0–1, in any order
 * @returns in the order given; never below the value itself, at most 1
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => (pValues[a] ?? 0) - (pValues[b] ?? 0));
  const adjusted = new Array<number>(pValues.length).fill(1);
  let highest = 0;
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * (pValues[index] ?? 1)));
    adjusted[index] = highest;
  });
  return adjusted;
}

/**
 * 95 % percentile bootstrap interval of any figure over groups of items: groups are drawn, then items within each drawn
 * group; with one group only its items.
 * @param groups - items by task; empty ones are left out
 * @param figure - computed anew from each drawn set; what is no finite number there is left out
 * @returns null where no draw gave a number, or there are fewer than two items
 */
export function groupedInterval<T>(
  groups: readonly (readonly T[])[],
  figure: (groups: readonly (readonly T[])[]) => number,
  seed: number,
  resamples: number,
): { low: number; high: number } | null {
  const filled = groups.filter((group) => group.length > 0);
  if (filled.reduce((sum, group) => sum + group.length, 0) < 2) return null;
  const random = new Random(seed);
  const values: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const drawn = filled.map(() => {
      const group = random.pick(filled);
      return group.map(() => random.pick(group));
    });
    const value = figure(drawn);
    if (Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  const at = (q: number) => values[Math.min(values.length - 1, Math.floor(q * values.length))] as number;
  return { low: at(0.025), high: at(0.975) };
}

/** Mean over groups of their means: every task counts alike. Empty groups are left out. */
export function macroMean(groups: readonly (readonly number[])[]): number {
  return mean(groups.filter((group) => group.length > 0).map(mean));
}
