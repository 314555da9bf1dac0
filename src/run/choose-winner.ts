/** @file The workflow that a search ends with, and how far it is ahead of the baselines. */
import type { RunConfig } from "../config/run-config.js";
import { formatPercent } from "../core/figure-format.js";
import { seedFrom } from "../core/hash.js";
import { standingInterval, standings } from "../design/standings.js";
import { startsOf } from "../evaluate/baselines/choose-baselines.js";
import { bestOf, comparePaired, isEligible, onCommonItems } from "../evaluate/common-items.js";
import type { Evaluation, Figures } from "../evaluate/evaluation.js";
import type { ScoredWorkflow } from "../evaluate/scored-workflow.js";
import type { Spent } from "../records/result-row.js";
import type { SearchSummary } from "../records/run-summary.js";
import type { Tested } from "./bench.js";
import type { Choice } from "./confirm-best.js";
import type { Run } from "./run.js";
import { breakEven } from "./run-figures.js";

/** Findings of a search so far: filled as it goes, so that a run that is stopped can still report. */
export interface SearchProgress {
  baselines: ScoredWorkflow[];
  found: ScoredWorkflow[];
  test: Tested[];
  /** What the race and its confirmation chose; undefined before that, and without either. */
  choice?: Choice | undefined;
}

/**
 * What was confirmed, else the best on validation; once test was opened for a workflow that one, so that samples which were
 * lost and are filled later choose nothing by test.
 */
export function chooseWinner(
  { config, directory }: Run,
  progress: SearchProgress,
): { best: ScoredWorkflow | undefined; warnings: string[] } {
  const all = [...startsOf(progress.baselines, config.baselines), ...progress.found];
  const first = progress.choice?.best ?? bestMeasured(all);
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

/** The best: by shrunk means where workflows were measured on different items, else on the samples that all have. */
export function bestMeasured(workflows: readonly ScoredWorkflow[]): ScoredWorkflow | undefined {
  if (!workflows.some(({ level }) => level !== undefined)) return bestOf(workflows);
  const levelOf = ({ level, evaluation }: ScoredWorkflow) => level ?? evaluation.accuracy;
  return workflows
    .filter(({ evaluation }) => isEligible(evaluation))
    .sort((a, b) => levelOf(b) - levelOf(a) || (a.hash < b.hash ? -1 : 1))
    .at(0);
}

/** Figures that a table shows of a workflow: shrunk where it was chosen among many that raced. */
export function shownFigures(workflow: ScoredWorkflow, { choice, found }: SearchProgress): Evaluation {
  const { evaluation, level, hash } = workflow;
  if (choice?.best.hash === hash) return choice.estimate;
  if (level === undefined) return evaluation;
  const [, standing] = [...standings(found)].find(([one]) => one.hash === hash) ?? [];
  return standing
    ? { ...evaluation, accuracy: standing.level, interval: standingInterval(standing) }
    : evaluation;
}

/** Best workflow against the best baseline on validation, on every split that both were scored on. */
export function comparisonsOf(
  best: ScoredWorkflow | undefined,
  { baselines, test, choice }: SearchProgress,
  { seed, bootstrap }: Pick<RunConfig, "seed" | "bootstrap">,
): NonNullable<SearchSummary["comparisons"]> {
  const rival = bestOf(baselines);
  if (best === undefined || rival === undefined || best.hash === rival.hash) return [];
  const onTest = ({ hash }: ScoredWorkflow) => test.find(({ row }) => row.workflowHash === hash)?.evaluation;
  const confirmed = choice?.confirmation?.rows.find(({ hash }) => hash === best.hash)?.lead;
  const first = confirmed ? [{ split: "confirmation", against: rival.title, ...confirmed }] : [];
  const others = (choice ? (["test"] as const) : (["validation", "test"] as const)).flatMap((split) => {
    const [one, other] = [best, rival].map((it) => (split === "test" ? onTest(it) : it.evaluation));
    const found = one && other && comparePaired(one, other, seedFrom(seed, "best", split), bootstrap.samples);
    return found ? [{ split, against: rival.title, ...found }] : [];
  });
  return [...first, ...others];
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
    // What a race measured further than a baseline is not cut back to the baseline's items.
    if (best.level !== undefined) return { own: best.evaluation, others: baseline.evaluation };
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
