/** @file Figures that a run ends with: rows with intervals, how its policy wrote, when the search has paid for itself. */
import { mean } from "../core/statistics.js";
import type { Evaluation, JobResult } from "../evaluate/evaluation.js";
import type { ResultRow } from "../records/result-row.js";
import type { CandidateStats } from "../records/run-summary.js";
import { distinctShare, type TurnRecord, validShare } from "../records/trajectory.js";

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

/** Counts over all candidates of a run. */
export function candidateStats(turns: readonly TurnRecord[]): CandidateStats {
  const candidates = turns.flatMap((turn) => turn.candidates);
  const techniques: Record<string, number> = {};
  for (const candidate of candidates) {
    for (const name of candidate.techniques)
      techniques[name] = (techniques[name] ?? 0) + 1 / candidates.length;
  }
  return {
    count: candidates.length,
    validShare: validShare(candidates),
    distinctShare: distinctShare(candidates),
    meanReward: mean(candidates.map((candidate) => candidate.reward)),
    techniques,
  };
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
