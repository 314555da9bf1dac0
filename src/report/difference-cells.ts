/** @file A paired difference as cells of a table. */
import { FEWEST_FOR_INTERVAL, formatProbability } from "../core/figure-format.js";
import { count, points, tone } from "./figure-format.js";
import type { Cell } from "./report-table.js";
import type { RunReport } from "./run-report.js";

/** Difference, 95 % interval, p and pairs: four cells; no interval where the pairs are too few for one. */
export function differenceCells({
  difference,
  low,
  high,
  pValue,
  n,
}: Omit<RunReport["comparisons"][number], "against" | "split">): Cell[] {
  return [
    { text: points(difference), ...(n < FEWEST_FOR_INTERVAL ? {} : tone(low, high)) },
    n < FEWEST_FOR_INTERVAL ? "too few pairs" : `${points(low)} to ${points(high)}`,
    formatProbability(pValue),
    count(n),
  ];
}
