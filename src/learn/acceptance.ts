/** @file Whether a new adapter replaces the one before. */

import type { LearnSettings } from "../config/learn-schema.js";
import { formatDifference } from "../core/figure-format.js";
import type { PolicyDifference } from "../records/round-record.js";

/**
 * `not-worse` refuses an adapter that designs worse than the previous policy: equal ones are refused in at most 2.5 % of
 * cases, however few the episodes. What is not told apart is accepted; few episodes tell little apart.
 * @param difference - new − previous; null where nothing was judged
 */
export function acceptance(
  difference: PolicyDifference | null,
  rule: LearnSettings["accept"],
): { isAccepted: boolean; reason: string } {
  if (difference === null) return { isAccepted: true, reason: "accepted unjudged: no evaluation episodes" };
  const { meanReward, pairs, each, verdict = "not told apart" } = difference;
  const figures = `${verdict}, mean reward ${formatDifference(meanReward, pairs, each)} against the previous policy, ${pairs} pairs`;
  if (rule === "always") return { isAccepted: true, reason: `accepted whatever comes out: ${figures}` };
  return verdict === "worse"
    ? { isAccepted: false, reason: `refused: ${figures}` }
    : { isAccepted: true, reason: `accepted: ${figures}` };
}
