/** @file The figures a run ends with: rows with intervals, warnings, what was spent; written to summary.json. */

import { type Interval, mean, sumOrNull } from "../core/statistics.js";
import type { Evaluation, JobResult } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { LedgerRow } from "../llm/call-store.js";
import type { TurnRecord } from "./trajectory.js";

/** One line of a result table. */
export interface ResultRow {
  name: string;
  title: string;
  workflowHash: string;
  split: "train" | "validation" | "test";
  executor: string;
  /** The executor is simulated and answered calls of this row; the local model's own row is real. */
  isSimulated: boolean;
  n: number;
  accuracy: number;
  interval: Interval;
  callsPerSample: number;
  tokensPerSample: number;
  /** null when the price is unknown. */
  dollarsPerSample: number | null;
  errors: number;
  statusCounts: Record<string, number>;
}

export function resultRow(
  row: Pick<ResultRow, "name" | "title" | "split" | "executor">,
  executor: { isSimulated: boolean },
  evaluation: Evaluation,
): ResultRow {
  const perSample = (value: number) => value / Math.max(1, evaluation.results.length);
  return {
    ...row,
    isSimulated: executor.isSimulated && evaluation.results.some(asksExecutor),
    workflowHash: evaluation.workflowHash,
    n: evaluation.n,
    accuracy: evaluation.accuracy,
    interval: evaluation.interval,
    callsPerSample: perSample(evaluation.calls),
    tokensPerSample: perSample(evaluation.tokens),
    dollarsPerSample: evaluation.dollars === null ? null : perSample(evaluation.dollars),
    errors: evaluation.errors,
    statusCounts: evaluation.statusCounts,
  };
}

function asksExecutor({ usage }: JobResult): boolean {
  return Object.keys(usage).some((role) => role !== "weak");
}

/** How the policy wrote: counts over all candidates of a run. */
export interface CandidateStats {
  count: number;
  /** Share that passed the quick check, repairs counted as candidates of their own. */
  validShare: number;
  /** Share of distinct sources among those that could be extracted. */
  distinctShare: number;
  meanReward: number;
  /** Share of candidates that use a technique, by name. */
  techniques: Record<string, number>;
}

export function candidateStats(turns: readonly TurnRecord[]): CandidateStats {
  const candidates = turns.flatMap((turn) => turn.candidates);
  const sources = candidates.map((candidate) => candidate.workflowHash).filter((hash) => hash !== null);
  const techniques: Record<string, number> = {};
  for (const candidate of candidates) {
    for (const name of candidate.techniques)
      techniques[name] = (techniques[name] ?? 0) + 1 / candidates.length;
  }
  return {
    count: candidates.length,
    validShare: mean(candidates.map((candidate) => (candidate.outcome === "invalid" ? 0 : 1))),
    distinctShare: sources.length === 0 ? 0 : new Set(sources).size / sources.length,
    meanReward: mean(candidates.map((candidate) => candidate.reward)),
    techniques,
  };
}

const SATURATED = 0.98;
const EMPTY_SHARE = 0.05;
const CUT_SHARE = 0.1;
const MINIMUM_CANDIDATES = 8;

/** What a reader must know before believing the table. */
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

/** Deployed samples after which the money (or, without prices, the tokens) spent on the search is saved again. */
export function breakEven(
  spentOnSearch: number,
  baselineCostPerSample: number,
  bestCostPerSample: number,
): number | null {
  const saving = baselineCostPerSample - bestCostPerSample;
  return saving > 0 ? Math.ceil(spentOnSearch / saving) : null;
}

export interface Spent {
  rows: LedgerRow[];
  calls: number;
  tokens: number;
  dollars: number | null;
}

/** Totals over the paid roles; the local model costs nothing and stays in the rows. */
export function spentOf(rows: LedgerRow[]): Spent {
  const paid = rows.filter((row) => row.role !== "weak");
  return {
    rows,
    calls: paid.reduce((sum, row) => sum + row.calls, 0),
    tokens: paid.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0),
    dollars: sumOrNull(paid.map(({ dollars }) => dollars)),
  };
}
