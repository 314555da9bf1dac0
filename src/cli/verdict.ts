/** @file The exit code of a finished run: what ended it early, samples lost to the executor, accuracy below --min-score. */
import type { OptimizeResult, RunConfig } from "../commands.js";
import { formatPercent } from "../core/figure-format.js";
import { EXIT } from "./exit-code.js";
import { writeErr } from "./print/output.js";

interface Counted {
  /** Runs on samples; "error" stands for lost ones. */
  statusCounts: Readonly<Record<string, number>>;
}

/** Accuracy that --min-score is held against. */
interface Judged {
  title: string;
  /** Undefined where nothing was found. */
  accuracy: number | undefined;
  advice: string;
}

type Limits = Pick<RunConfig, "maxErrors" | "minScore">;

/** @param judged - one whose accuracy is too low ends the command with exit code 9 */
export function verdict(
  stoppedBy: unknown,
  rows: readonly Counted[],
  judged: readonly Judged[],
  { maxErrors, minScore }: Limits,
): number | { failure: unknown } {
  if (stoppedBy !== undefined) return { failure: stoppedBy };
  const lost = lostShare(rows);
  if (lost > maxErrors) {
    writeErr(
      `${formatPercent(lost)} of the samples were lost, more than --max-errors ${maxErrors} allows; run the same command again to fill them`,
    );
    return EXIT.failedSamples;
  }
  const low = judged.find(({ accuracy = -1 }) => minScore !== undefined && accuracy < minScore);
  if (low === undefined) return EXIT.done;
  const reached = low.accuracy === undefined ? "nothing" : formatPercent(low.accuracy);
  writeErr(`${low.title} reaches ${reached}, below --min-score ${minScore}; ${low.advice}`);
  return EXIT.belowScore;
}

/** Verdict on a search: its best workflow is judged, on test where that was opened. */
export function bestVerdict(
  { stoppedBy, validation, test }: Pick<OptimizeResult, "stoppedBy" | "validation" | "test">,
  limits: Limits,
): number | { failure: unknown } {
  const best = (test.length > 0 ? test : validation).find(({ name }) => name === "best");
  const judged = {
    title: "the best workflow",
    accuracy: best?.accuracy,
    advice: "search longer or lower the threshold",
  };
  return verdict(stoppedBy, [...validation, ...test], [judged], limits);
}

/** Lost samples among all that were to be scored. */
function lostShare(rows: readonly Counted[]): number {
  const counts = rows.flatMap(({ statusCounts }) => Object.entries(statusCounts));
  const sum = (list: typeof counts) => list.reduce((total, [, count]) => total + count, 0);
  return sum(counts.filter(([status]) => status === "error")) / Math.max(1, sum(counts));
}
