/** @file Whether a new adapter replaces the one before. */

import type { LearnSettings } from "../config/learn-schema.js";
import { formatChange } from "../core/figure-format.js";
import type { PolicyDifference } from "../records/round-record.js";

/**
 * `not-worse` refuses an adapter whose mean reward is below the previous policy's beyond doubt: the 95 % interval of
 * the paired difference lies below 0 as a whole. Few episodes refuse little; more of them sharpen the test.
 * @param difference - new − previous; null where nothing was judged
 */
export function acceptance(
  difference: PolicyDifference | null,
  rule: LearnSettings["accept"],
): { isAccepted: boolean; reason: string } {
  if (difference === null) return { isAccepted: true, reason: "accepted unjudged: no evaluation episodes" };
  const { mean, interval } = difference.meanReward;
  const figures = `mean reward ${formatChange(mean)} [${formatChange(interval.low)}, ${formatChange(interval.high)}] against the previous policy, ${difference.pairs} pairs`;
  if (rule === "always") return { isAccepted: true, reason: `accepted whatever comes out: ${figures}` };
  return interval.high < 0
    ? { isAccepted: false, reason: `refused: worse, ${figures}` }
    : { isAccepted: true, reason: `accepted: not worse, ${figures}` };
}
