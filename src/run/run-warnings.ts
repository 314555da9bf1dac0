/** @file What a reader must know before believing the figures of a run. */

import type { Evaluation } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { ResultRow } from "../records/result-row.js";

const SATURATED = 0.98;
const EMPTY_SHARE = 0.05;
const CUT_SHARE = 0.1;
const MINIMUM_CANDIDATES = 8;

/** Warnings, one sentence each. */
export function runWarnings(input: {
  baselines: readonly ScoredWorkflow[];
  evaluations: readonly Evaluation[];
  test: readonly ResultRow[];
  bestName: string;
  candidates: number;
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
  const calls = input.evaluations.reduce((sum, evaluation) => sum + evaluation.calls, 0);
  const empty = input.evaluations.reduce((sum, evaluation) => sum + evaluation.emptyReplies, 0);
  if (empty > EMPTY_SHARE * (calls + empty)) {
    warnings.push(
      `${empty} of ${calls + empty} replies were empty: check the executor's token limit and model`,
    );
  }
  const replies = input.evaluations.reduce((sum, evaluation) => sum + evaluation.replies, 0);
  const cut = input.evaluations.reduce((sum, evaluation) => sum + evaluation.cutReplies, 0);
  if (cut > CUT_SHARE * replies) {
    warnings.push(`${cut} of ${replies} replies were cut at the token limit: raise --reply-tokens`);
  }
  const best = input.test.find((row) => row.name === input.bestName);
  const rival = input.test
    .filter((row) => row.name !== input.bestName)
    .reduce<ResultRow | undefined>(
      (top, row) => (top && top.accuracy >= row.accuracy ? top : row),
      undefined,
    );
  if (best && rival && best.interval.low <= rival.interval.high && rival.interval.low <= best.interval.high) {
    warnings.push(
      `on test the intervals of the best workflow and of ${rival.title} overlap: ${best.n} items do not tell them apart`,
    );
  }
  if (input.candidates < MINIMUM_CANDIDATES) {
    warnings.push(`only ${input.candidates} candidates were tried: too few to call the result a search`);
  }
  const lost = input.evaluations.reduce((sum, evaluation) => sum + evaluation.errors, 0);
  if (lost > 0)
    warnings.push(`${lost} samples were lost to outages and are not in the figures; run again to fill them`);
  return warnings;
}
