/** @file What a reader must know before believing the figures of a run. */

import type { Evaluation } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import { SHORT_PROMPT_ADVICE } from "../evaluate/workflow-agent.js";
import { faultClassOf } from "../llm/fault-class.js";
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
  return [...warnings, ...replyWarnings(input.evaluations)];
}

/** Warnings about replies: empty, cut and missing ones, and prompts that were not read whole. */
export function replyWarnings(evaluations: readonly Evaluation[]): string[] {
  const warnings: string[] = [];
  const results = evaluations.flatMap((evaluation) => evaluation.results);
  const sumOf = (key: "calls" | "replies" | "emptyReplies" | "cutReplies") =>
    evaluations.reduce((sum, evaluation) => sum + evaluation[key], 0);
  const calls = sumOf("calls");
  const empty = sumOf("emptyReplies");
  if (empty > EMPTY_SHARE * (calls + empty)) {
    warnings.push(
      `${empty} of ${calls + empty} replies were empty: check the executor's token limit and model`,
    );
  }
  const replies = sumOf("replies");
  const cut = sumOf("cutReplies");
  if (cut > CUT_SHARE * replies) {
    warnings.push(`${cut} of ${replies} replies were cut at the token limit: raise --reply-tokens`);
  }
  const short = results.reduce((sum, { shortPrompts = 0 }) => sum + shortPrompts, 0);
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
