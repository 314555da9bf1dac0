/** @file The smallest and the largest of any number of values. */

export interface ValueRange {
  /** ∞ of no values. */
  lowest: number;
  /** −∞ of no values. */
  highest: number;
}

/** Both ends of a list that grows with the user's data; `Math.min(...list)` ends in a RangeError near 100,000 values. */
export function rangeOf(values: Iterable<number>): ValueRange {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return { lowest, highest };
}
