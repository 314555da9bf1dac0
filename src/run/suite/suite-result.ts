/** @file The result of a suite, put together from finished cells; also where the suite was stopped half-way. */

import { resultHash } from "../../evaluate/evaluation.js";
import type { Result, SuiteSummary } from "../../records/run-summary.js";
import type { SuiteDesign } from "../../records/suite-design.js";
import type { SkipReason, SwapKind } from "../../tasks/counterfactual.js";
import type { Sample } from "../../tasks/task.js";
import type { Bench } from "../bench.js";
import type { Run } from "../run.js";
import { replyWarnings } from "../run-warnings.js";
import type { ReasoningFigures } from "./judge-reasoning.js";
import { type SuiteCell, type SuiteFigures, suiteFigures } from "./suite-figures.js";
import type { Suite, SuiteTask } from "./suite-schema.js";

export interface SuiteTaskFigures {
  name: string;
  title: string;
  hash: string;
  n: number;
  /** Items that have a counterfactual, by kind of swap; and why others have none. */
  counterfactuals: { swap: SwapKind; pairs: number; skipped: Partial<Record<SkipReason, number>> }[];
}

export interface SuiteResult extends Omit<SuiteFigures, "rows">, Result<SuiteSummary> {
  directory: string;
  split: Suite["split"];
  /** Model behind agent.weak; null where there is none. */
  weak: string | null;
  /** Which of the two are simulated: their figures say nothing about any real model. */
  simulated: { strong: boolean; weak: boolean };
  suiteTasks: SuiteTaskFigures[];
  /** One line a row, over all tasks. */
  summary: SuiteFigures["rows"];
  designs: Omit<SuiteDesign, "source">[];
  /** Ratings of worked steps by a judge model; null without one. */
  reasoning: { judge: string; figures: ReasoningFigures[] } | null;
  resultHash: string;
}

/** A task of the suite with the items that its rows are run on. */
export interface SuiteColumn {
  spec: SuiteTask;
  bench: Bench;
  /** Bench with the strong model's calls answered by the weak one. */
  withoutStrong: Bench | undefined;
  items: Sample[];
  swapped: { swap: SwapKind; samples: Sample[]; skipped: Partial<Record<SkipReason, number>> }[];
}

export function concludeSuite(
  run: Run,
  suite: Suite,
  found: {
    cells: SuiteCell[];
    designs: readonly SuiteDesign[];
    reasoning: SuiteResult["reasoning"];
    columns: readonly SuiteColumn[];
    warnings: string[];
    stoppedBy: unknown;
  },
): SuiteResult {
  const { config, directory, executor, weak } = run;
  const { cells, designs, columns, reasoning, warnings, stoppedBy } = found;
  const simulated = { strong: executor.model.isSimulated, weak: weak?.model.isSimulated ?? false };
  const isSimulated = simulated.strong || simulated.weak;
  if (isSimulated) {
    const which =
      simulated.strong && simulated.weak
        ? "both models are"
        : simulated.strong
          ? "the executor is"
          : "the weak model is";
    warnings.push(`${which} simulated: their figures say nothing about any real model`);
    if (suite.counterfactual.items > 0)
      warnings.push(
        "a simulated model has no bias: every wording of an item draws its own luck, so that changed answers show that luck alone",
      );
  }
  const items = columns.map(({ spec, bench, items: samples }) => ({
    task: bench.task.name,
    samples,
    groups: spec.groups ?? suite.groups,
  }));
  const settings = { seed: config.seed, resamples: config.bootstrap.samples };
  const { rows: summary, ...figures } = suiteFigures(suite, cells, items, settings);
  const all = cells.flatMap(({ evaluation, withoutStrong, counterfactuals }) => [
    evaluation,
    ...(withoutStrong ? [withoutStrong] : []),
    ...counterfactuals.map((one) => one.evaluation),
  ]);
  warnings.push(...replyWarnings(all));
  return {
    command: "eval",
    suite: suite.name,
    task: `suite ${suite.name}`,
    directory: directory.path,
    split: suite.split,
    executor: executor.model.id,
    weak: weak?.model.id ?? null,
    isSimulated,
    simulated,
    suiteTasks: columns.map(({ bench: { task }, items: samples, swapped }) => ({
      name: task.name,
      title: task.title,
      hash: task.hash,
      n: samples.length,
      counterfactuals: swapped.map(({ swap, samples: pairs, skipped }) => ({
        swap,
        pairs: pairs.length,
        skipped,
      })),
    })),
    summary,
    ...figures,
    rows: cells.map(({ row, task, evaluation }) => {
      const { bench } = columns.find((column) => column.bench.task.name === task)!;
      const name = `${task}: ${row}`;
      return bench.row({ name, title: name }, suite.split, evaluation);
    }),
    designs: designs.map(({ source: _, ...design }) => design),
    reasoning,
    warnings,
    spent: run.spent(),
    resultHash: resultHash(all),
    isComplete: stoppedBy === undefined,
    stoppedBy,
  };
}
