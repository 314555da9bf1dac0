/** @file Accuracy against cost: which workflows are on the front, where none is both cheaper and more accurate. */

/** A workflow with what an input costs. */
export interface CostPoint {
  /** Hash of its source. */
  hash: string;
  title: string;
  accuracy: number;
  /** Per input, in the unit of the view. */
  cost: number;
}

export interface ParetoView {
  /** Dollars where every price is known and something was paid, else tokens, prompts and replies together. */
  unit: "dollars" | "tokens";
  /** Cheapest first; of equal cost the most accurate first. */
  points: (CostPoint & { isOnFront: boolean })[];
}

/**
 * @param workflows - each once; a hash that comes again is the same workflow and is left out
 */
export function paretoView(
  workflows: readonly {
    hash: string;
    title: string;
    accuracy: number;
    tokens: number;
    dollars: number | null;
  }[],
): ParetoView {
  const distinct = [...new Map([...workflows].reverse().map((one) => [one.hash, one])).values()].reverse();
  const isMoney =
    distinct.every(({ dollars }) => dollars !== null) && distinct.some(({ dollars }) => (dollars ?? 0) > 0);
  const sorted = distinct
    .map(({ hash, title, accuracy, tokens, dollars }) => ({
      ...{ hash, title, accuracy },
      cost: isMoney ? (dollars ?? 0) : tokens,
    }))
    .sort((a, b) => a.cost - b.cost || b.accuracy - a.accuracy || (a.hash < b.hash ? -1 : 1));
  let best = Number.NEGATIVE_INFINITY;
  let last: CostPoint | undefined;
  const points = sorted.map((point) => {
    // As good and as dear as one on the front is on it too.
    const isTwin = last?.accuracy === point.accuracy && last.cost === point.cost;
    const isOnFront = point.accuracy > best || isTwin;
    if (isOnFront) [best, last] = [point.accuracy, point];
    return { ...point, isOnFront };
  });
  return { unit: isMoney ? "dollars" : "tokens", points };
}
