/** @file `eval --suite`: several tasks × several rows, with averages, tests, reliance and fairness checks. */

import type { RunConfig } from "../../config/run-config.js";
import { messageOf } from "../../core/errors.js";
import { cachedFileHash } from "../../core/file-hash.js";
import { hashJson, seedFrom } from "../../core/hash.js";
import { writeAtomic } from "../../core/write-atomic.js";
import { evaluateAll } from "../../design/workbench.js";
import { namedBaselines } from "../../evaluate/baselines/cooperative-workflows.js";
import { answerKind } from "../../evaluate/baselines/seed-workflows.js";
import type { Evaluation } from "../../evaluate/evaluation.js";
import { checkJudge, judgeModel } from "../../evaluate/judge-model.js";
import { counterfactual, type SkipReason } from "../../tasks/counterfactual.js";
import type { Sample } from "../../tasks/task.js";
import { workflowHash } from "../../workflow/workflow-hash.js";
import { emitSpent, isInterruption } from "../run-session.js";
import {
  drawItems,
  openTask,
  programSandbox,
  type TaskBench,
  taskTools,
  workSettings,
} from "../task-bench.js";
import { openWorkplace, type RunHooks, type Workplace } from "../workplace.js";
import { type Design, designRow, NO_DESIGN } from "./design-row.js";
import { judgeReasoning } from "./judge-reasoning.js";
import { rowName } from "./load-suite.js";
import { type OpenedTask, type ResolvedSuite, resolveSuite, suiteText } from "./resolve-suite.js";
import type { SuiteCell } from "./suite-figures.js";
import { suiteMarkdown } from "./suite-markdown.js";
import { concludeSuite, type SuiteBench, type SuiteResult } from "./suite-result.js";
import type { Suite, SuiteRow } from "./suite-schema.js";

/**
 * Runs a suite. Interruptions do not throw: the result carries `stoppedBy` and what was finished; the same call on the
 * same run directory goes on, and no stored reply is paid again.
 * @throws {InputError | ConfigError | ModelCallError | StorageError} before anything is paid
 */
export async function evaluateSuite(
  config: RunConfig,
  suite: Suite,
  hooks: RunHooks = {},
): Promise<SuiteResult> {
  if (suite.judge !== undefined) checkJudge(suite.judge.model, config);
  const programs = programSandbox();
  const resolveModelFile = hooks.resolveModelFile ?? (async (path: string) => path);
  const tools = taskTools(config, hooks, programs);
  let resolved: ResolvedSuite;
  try {
    resolved = await resolveSuite(suite, config, tools, { resolveModelFile });
  } catch (error) {
    await programs.close();
    throw error;
  }
  const label = `suite-${suite.name}`;
  const weakFile = weakFileOf(config);
  const workplace = await openWorkplace(
    { ...config, task: label },
    {
      command: "eval",
      label,
      programs,
      prepare: async () => ({
        policy: "none",
        inputs: {
          // Paths may change between machines; what lies behind them may not.
          suite: hashJson(withoutPaths(resolved.suite)),
          weakHash: weakFile === undefined ? null : await cachedFileHash(await resolveModelFile(weakFile)),
        },
      }),
    },
    hooks,
  );
  try {
    tools.judge?.bind(workplace);
    return await runSuite(workplace, resolved, hooks, resolveModelFile);
  } finally {
    await workplace.close();
  }
}

/** What stands behind agent.weak, where it is a file. */
function weakFileOf({ weak = "policy", model }: RunConfig): string | undefined {
  if (weak === "policy") return model;
  return weak === "none" || /^simulated(:|$)/.test(weak) ? undefined : weak;
}

const RESOLVED = "suite.resolved.yaml";

function withDesigns(suite: Suite, designs: readonly Design[]): Suite {
  const rows = suite.rows.map((row) => {
    const own = designs.filter((design) => design.row === rowName(row));
    if (row.policy === undefined) return row;
    return { ...row, policy: { ...row.policy, designs: own.map(({ row: _, ...design }) => design) } };
  });
  return { ...suite, rows };
}

function withoutPaths(suite: Suite): unknown {
  const { settings: _, ...rest } = suite;
  return {
    ...rest,
    tasks: suite.tasks.map(({ task: _path, ...task }) => task),
    rows: suite.rows.map(({ policy, ...row }) => {
      if (policy === undefined) return row;
      const { model: _model, adapter: _adapter, designs: _designs, ...plan } = policy;
      return { ...row, policy: plan };
    }),
  };
}

async function runSuite(
  workplace: Workplace,
  { suite, tasks, notices }: ResolvedSuite,
  hooks: RunHooks,
  resolveModelFile: NonNullable<RunHooks["resolveModelFile"]>,
): Promise<SuiteResult> {
  const { directory, emit } = workplace;
  await writeAtomic(directory.file(RESOLVED), suiteText(suite));
  for (const message of notices) emit({ type: "warning", message });
  const warnings = [...notices];
  const cells: SuiteCell[] = [];
  const designs: Design[] = [];
  const benches: SuiteBench[] = [];
  let reasoning: SuiteResult["reasoning"] = null;
  let stoppedBy: unknown;
  const judge = suite.judge === undefined ? undefined : judgeModel(suite.judge.model, workplace);
  try {
    for (const opened of tasks) benches.push(await openBench(workplace, suite, opened));
    for (const row of suite.rows) {
      if (row.policy === undefined) continue;
      const order = { row: rowName(row), policy: row.policy, tasks: benches.map(({ bench }) => bench) };
      designs.push(...(await designRow(workplace, order, resolveModelFile, hooks.policy)));
    }
    await writeAtomic(directory.file(RESOLVED), suiteText(withDesigns(suite, designs)));
    for (const bench of benches) {
      if (suite.split === "test")
        emit({ type: "test-opened", items: bench.items.length, purpose: suite.name });
      for (const row of suite.rows) {
        const source = sourceFor(row, bench, designs, warnings);
        if (source !== undefined) cells.push(await runCell(workplace, suite, bench, rowName(row), source));
      }
    }
    if (judge && suite.judge) {
      const samples = new Map(benches.flatMap(({ items }) => items.map((item) => [item.id, item] as const)));
      const figures = await judgeReasoning(workplace, judge, cells, samples, suite.judge.items);
      reasoning = { judge: judge.id, figures };
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    stoppedBy = error;
  }
  const result = concludeSuite(workplace, suite, { cells, designs, reasoning, benches, warnings, stoppedBy });
  const summary = stoppedBy === undefined ? result : { ...result, stoppedBy: messageOf(stoppedBy) };
  await writeAtomic(directory.file("summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  await writeAtomic(directory.file("suite.md"), suiteMarkdown(result));
  emitSpent(workplace);
  emit({ type: "run-end", directory: directory.path, isComplete: result.isComplete });
  return result;
}

async function openBench(
  workplace: Workplace,
  suite: Suite,
  { spec, task }: OpenedTask,
): Promise<SuiteBench> {
  const { config, models, weakModel } = workplace;
  const needsValidation = suite.rows.some(({ policy }) => policy !== undefined);
  const bench = await openTask(workplace, task, {
    keepReplies: true,
    ...(needsValidation ? {} : { validation: [] }),
  });
  const items = await drawItems(task, suite.split, spec.limit ?? suite.limit, config.seed);
  const { weak } = models;
  const withoutStrong =
    weak && weakModel && suite.reliance !== "none"
      ? await openTask(
          {
            ...workplace,
            executor: weakModel,
            models: {
              executor: weak,
              weak,
              aliases: new Map([...models.aliases.keys()].map((name) => [name, weak])),
            },
          },
          task,
          { keepReplies: true, validation: [] },
        )
      : undefined;
  return {
    spec,
    bench,
    withoutStrong,
    items,
    swapped: suite.counterfactual.items === 0 ? [] : swappedItems(suite, bench, items, config.seed),
  };
}

function swappedItems(
  { counterfactual: { items: limit, swaps } }: Suite,
  { task }: TaskBench,
  items: readonly Sample[],
  seed: number,
): SuiteBench["swapped"] {
  return swaps.map((swap) => {
    const samples: Sample[] = [];
    const skipped: Partial<Record<SkipReason, number>> = {};
    for (const item of items) {
      if (samples.length >= limit) break;
      const made = counterfactual(item, swap, task, seedFrom(seed, "counterfactual"));
      if ("sample" in made) samples.push(made.sample);
      else skipped[made.skipped] = (skipped[made.skipped] ?? 0) + 1;
    }
    return { swap, samples, skipped };
  });
}

/** The workflow of a row on a task; undefined where it has none there. */
function sourceFor(
  row: SuiteRow,
  { bench: { task }, items }: SuiteBench,
  designs: readonly Design[],
  warnings: string[],
): string | undefined {
  const name = rowName(row);
  if (row.policy !== undefined) {
    const design = designs.find((one) => one.row === name && one.task === task.name);
    if (design?.source) return design.source;
    warnings.push(`${name} designed no workflow that runs on ${task.name}: it scores 0 there`);
    return NO_DESIGN;
  }
  const hasContext = items[0]?.context !== undefined;
  const source =
    row.source ??
    namedBaselines(answerKind(task), hasContext).find((one) => one.name === row.baseline)?.source;
  if (source === undefined)
    warnings.push(`there is no ${name} for ${task.name}: the row has no figure there`);
  return source;
}

async function runCell(
  workplace: Workplace,
  suite: Suite,
  { bench, withoutStrong, items, swapped }: SuiteBench,
  row: string,
  source: string,
): Promise<SuiteCell> {
  const workflow = { hash: workflowHash(source), source };
  const evaluate = async (on: TaskBench, samples: readonly Sample[], what: string): Promise<Evaluation> => {
    const parts = {
      ...on,
      settings: workSettings({ config: workplace.config, settingsHash: on.settingsHash }),
      onEvent: workplace.emit,
      ...(workplace.signal ? { signal: workplace.signal } : {}),
    };
    const [evaluation] = await evaluateAll(parts, [workflow], samples, `${bench.task.name}: ${row}${what}`);
    return evaluation as Evaluation;
  };
  const evaluation = await evaluate(bench, items, "");
  const { accuracy, interval, n } = evaluation;
  workplace.emit({ type: "baseline-scored", name: `${bench.task.name}, ${row}`, accuracy, interval, n });
  const roles = new Set(evaluation.results.flatMap(({ usage }) => Object.keys(usage)));
  const asksStrong = [...roles].some((role) => role !== "weak");
  const isWanted = suite.reliance === "all" || roles.has("weak");
  const cell: SuiteCell = { row, task: bench.task.name, evaluation, counterfactuals: [] };
  if (withoutStrong && asksStrong && isWanted)
    cell.withoutStrong = await evaluate(withoutStrong, items, " without the strong model");
  for (const { swap, samples } of swapped) {
    if (samples.length === 0) continue;
    cell.counterfactuals.push({ swap, evaluation: await evaluate(bench, samples, `, ${swap} swapped`) });
  }
  emitSpent(workplace);
  return cell;
}
