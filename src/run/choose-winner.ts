/** @file The workflow that a search ends with, and how far it is ahead of the baselines. */
import type { RunConfig } from "../config/run-config.js";
import { formatPercent } from "../core/figure-format.js";
import { seedFrom } from "../core/hash.js";
import { startsOf } from "../evaluate/baselines/choose-baselines.js";
import { bestOf, comparePaired, onCommonItems } from "../evaluate/common-items.js";
import type { Figures } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { Spent } from "../records/result-row.js";
import type { SearchSummary } from "../records/run-summary.js";
import type { Tested } from "./bench.js";
import type { Run } from "./run.js";
import { breakEven } from "./run-figures.js";

/** Findings of a search so far: filled as it goes, so that a run that is stopped can still report. */
export interface SearchProgress {
  baselines: ScoredWorkflow[];
  found: ScoredWorkflow[];
  test: Tested[];
}

/**
 * The best on validation; once test was opened for a workflow that one, so that samples which were lost and are filled
 * later choose nothing by test.
 */
export function chooseWinner(
  { config, directory }: Run,
  progress: SearchProgress,
): { best: ScoredWorkflow | undefined; warnings: string[] } {
  const all = [...startsOf(progress.baselines, config.baselines), ...progress.found];
  const first = bestOf(all);
  const [hash] = directory.tested;
  if (hash === undefined || first === undefined || first.hash === hash) return { best: first, warnings: [] };
  const opened = all.find((one) => one.hash === hash);
  if (opened === undefined) {
    const message = `test was opened before for workflow ${hash.slice(0, 12)}, which was not scored this time; now it is opened for ${first.title}`;
    return { best: first, warnings: [message] };
  }
  const figures = [...onCommonItems([opened, first]).figures.values()];
  const [kept, now] = figures.map(({ accuracy }) => formatPercent(accuracy));
  const values =
    figures.length === 2 ? `, ${now} against ${kept} on ${figures[0]?.n} samples that both have` : "";
  const message = `since lost samples were filled, ${first.title} is the best on validation${values}; test was opened for ${opened.title} and stays with it`;
  return { best: opened, warnings: [message] };
}

/** Best workflow against the best baseline on validation, on every split that both were scored on. */
export function comparisonsOf(
  best: ScoredWorkflow | undefined,
  { baselines, test }: SearchProgress,
  { seed, bootstrap }: Pick<RunConfig, "seed" | "bootstrap">,
): NonNullable<SearchSummary["comparisons"]> {
  const rival = bestOf(baselines);
  if (best === undefined || rival === undefined || best.hash === rival.hash) return [];
  const onTest = ({ hash }: ScoredWorkflow) => test.find(({ row }) => row.workflowHash === hash)?.evaluation;
  return (["validation", "test"] as const).flatMap((split) => {
    const [one, other] = [best, rival].map((it) => (split === "test" ? onTest(it) : it.evaluation));
    const found = one && other && comparePaired(one, other, seedFrom(seed, "best", split), bootstrap.samples);
    return found ? [{ split, against: rival.title, ...found }] : [];
  });
}

/**
 * By baseline, at the costs on samples that it and the best workflow have; null for all where the best baseline is more
 * accurate: what is worse saves nothing.
 */
export function breakEvens(
  best: ScoredWorkflow | undefined,
  { baselines }: SearchProgress,
  spent: Spent,
): Record<string, number | null> {
  if (best === undefined) return {};
  const costOf = ({ dollars, tokens, n }: Figures) =>
    ((spent.dollars ? dollars : tokens) ?? 0) / Math.max(1, n);
  const rival = bestOf(baselines);
  const both = (baseline: ScoredWorkflow) => {
    const { figures } = onCommonItems([baseline, best]);
    return { own: figures.get(best), others: figures.get(baseline) };
  };
  const isAhead = ({ own, others }: ReturnType<typeof both>) =>
    own !== undefined && others !== undefined && own.accuracy > 0 && own.accuracy >= others.accuracy;
  const isWorthIt = rival !== undefined && isAhead(both(rival));
  return Object.fromEntries(
    baselines.flatMap((baseline) => {
      const { own, others } = both(baseline);
      if (baseline.hash === best.hash || !own || !others) return [];
      const samples = isWorthIt
        ? breakEven(spent.dollars || spent.tokens, costOf(others), costOf(own))
        : null;
      return [[baseline.title, samples]];
    }),
  );
}
