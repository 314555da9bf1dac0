/** @file Figures that a run ends with: rows with intervals, how its policy wrote, when the search has paid for itself. */
import { cut } from "../core/figure-format.js";
import { mean } from "../core/statistics.js";
import { type Evaluation, figuresOf, type JobResult } from "../evaluate/evaluation.js";
import type { Failure, ResultRow } from "../records/result-row.js";
import type { CandidateStats } from "../records/run-summary.js";
import { distinctShare, type TurnRecord, validShare } from "../records/trajectory.js";

export function resultRow(
  row: Pick<ResultRow, "name" | "title" | "split" | "executor">,
  executor: { isSimulated: boolean },
  evaluation: Evaluation,
): ResultRow {
  const scored = figuresOf(
    evaluation.workflowHash,
    evaluation.results.filter(({ status }) => status !== "error"),
  );
  const perSample = (value: number) => value / Math.max(1, scored.results.length);
  return {
    ...row,
    isSimulated: executor.isSimulated && evaluation.results.some(asksExecutor),
    workflowHash: evaluation.workflowHash,
    n: evaluation.n,
    accuracy: evaluation.accuracy,
    interval: evaluation.interval,
    callsPerSample: perSample(scored.calls),
    tokensPerSample: perSample(scored.tokens),
    dollarsPerSample: scored.dollars === null ? null : perSample(scored.dollars),
    byCode: perSample(scored.results.filter(({ byCode }) => byCode).length) || undefined,
    errors: evaluation.errors,
    statusCounts: evaluation.statusCounts,
    failures: failuresIn(evaluation.results),
  };
}

const MESSAGE_CHARACTERS = 300;

/** By class in the order of the first of each; undefined where every run gave an answer. */
function failuresIn(results: readonly JobResult[]): Failure[] | undefined {
  const failures = new Map<string, Failure>();
  for (const { status, fault, message } of results) {
    if (status === "ok") continue;
    const key = status === "error" ? `lost ${fault}` : status;
    const known = failures.get(key);
    if (known) known.count++;
    else
      failures.set(key, {
        what: status === "error" ? "lost" : status,
        fault,
        count: 1,
        message: message && cut(message, MESSAGE_CHARACTERS),
      });
  }
  return failures.size === 0 ? undefined : [...failures.values()];
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
    lost: candidates.filter(({ outcome }) => outcome === "lost").length || undefined,
    validShare: validShare(candidates),
    distinctShare: distinctShare(candidates),
    meanReward: mean(candidates.flatMap(({ outcome, reward }) => (outcome === "lost" ? [] : reward))),
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
