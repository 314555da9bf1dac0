/** @file What a reader must know before believing the figures of a run. */

import { formatPairedInterval, formatPercentChange } from "../core/figure-format.js";
import type { PairedComparison } from "../evaluate/common-items.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import { SHORT_PROMPT_ADVICE } from "../evaluate/workflow-agent.js";
import { faultClassOf } from "../llm/fault-class.js";

const SATURATED = 0.98;
const EMPTY_SHARE = 0.05;
const CUT_SHARE = 0.1;
const MINIMUM_CANDIDATES = 8;

/**
 * Warnings about a search, one sentence each.
 * @param input.comparison - best workflow against the best baseline, on test
 */
export function runWarnings(input: {
  baselines: readonly ScoredWorkflow[];
  evaluations: readonly Evaluation[];
  comparison: (Omit<PairedComparison, "pValue"> & { against: string }) | undefined;
  candidates: { count: number; lost?: number | undefined };
  isSimulated: boolean;
}): string[] {
  const warnings: string[] = [];
  if (input.isSimulated) {
    warnings.push("the executor is simulated: its figures say nothing about any real model");
  }
  const saturated = input.baselines.find((baseline) => baseline.evaluation.accuracy >= SATURATED);
  if (saturated) {
    warnings.push(
      `the task is saturated: ${saturated.title} reaches ${saturated.evaluation.accuracy.toFixed(2)}; there is nothing to learn`,
    );
  }
  warnings.push(...replyWarnings(input.evaluations));
  const { comparison } = input;
  if (comparison && comparison.low <= 0 && comparison.high >= 0) {
    warnings.push(
      `on test ${comparison.n} items do not tell the best workflow and ${comparison.against} apart: ${formatPercentChange(comparison.difference)}, ${formatPairedInterval(comparison, comparison.n)}`,
    );
  }
  const { count, lost } = input.candidates;
  if (count < MINIMUM_CANDIDATES)
    warnings.push(`only ${count} candidates were tried: too few to call the result a search`);
  if (lost)
    warnings.push(
      `${lost} candidates were left out of their turn: each lost more than a tenth of its samples`,
    );
  return warnings;
}

/** Warnings about the replies behind any figures: empty, cut and lost ones, and prompts that were not read whole. */
export function replyWarnings(evaluations: readonly Evaluation[]): string[] {
  const warnings: string[] = [];
  const results = evaluations.flatMap((evaluation) => evaluation.results);
  const sum = (key: "calls" | "emptyReplies" | "replies" | "cutReplies") =>
    evaluations.reduce((total, evaluation) => total + evaluation[key], 0);
  const [calls, empty] = [sum("calls"), sum("emptyReplies")];
  if (empty > EMPTY_SHARE * (calls + empty)) {
    warnings.push(
      `${empty} of ${calls + empty} replies were empty: check the executor's token limit and model`,
    );
  }
  const [replies, cut] = [sum("replies"), sum("cutReplies")];
  if (cut > CUT_SHARE * replies) {
    warnings.push(`${cut} of ${replies} replies were cut at the token limit: raise --reply-tokens`);
  }
  const short = results.reduce((total, { shortPrompts = 0 }) => total + shortPrompts, 0);
  if (short > 0) warnings.push(`${short} prompts: ${SHORT_PROMPT_ADVICE}`);
  const lost = results.filter(({ status }) => status === "error");
  for (const kind of new Set(lost.map(({ fault }) => fault))) {
    const alike = lost.filter(({ fault }) => fault === kind);
    warnings.push(
      `${alike.length} samples were lost (${faultClassOf("error", kind)}: ${kind ?? "outage"}) and are not in the figures; run again to fill them. ` +
        `The first: ${alike[0]?.message}`,
    );
  }
  return warnings;
}
