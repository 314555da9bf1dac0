/** @file `eval --suite`: several tasks × several rows, with averages, tests, reliance and fairness checks. */

import type { RunConfig } from "../../config/run-config.js";
import { suiteSettings } from "../../config/run-identity.js";
import { cachedFileHash } from "../../core/file-hash.js";
import { hashJson, seedFrom } from "../../core/hash.js";
import { writeAtomic } from "../../core/write-atomic.js";
import type { Policy } from "../../design/policy.js";
import { isCalled } from "../../evaluate/baselines/baseline.js";
import { namedBaselines } from "../../evaluate/baselines/named-baselines.js";
import type { Evaluation } from "../../evaluate/evaluation.js";
import { asksForExamples, offersExamples } from "../../evaluate/examples/task-examples.js";
import { checkJudge, judgeModel } from "../../evaluate/judge-model.js";
import { LocalModels, type ResolveModelFile } from "../../evaluate/local-models.js";
import { weakFile } from "../../evaluate/open-models.js";
import type { SuiteDesign } from "../../records/suite-design.js";
import { counterfactual, type SkipReason } from "../../tasks/counterfactual.js";
import type { Sample, Task } from "../../tasks/task.js";
import { workflowHash } from "../../workflow/workflow-hash.js";
import { type Bench, drawItems } from "../bench.js";
import { inRunSpan } from "../in-run-span.js";
import { isInterruption } from "../is-interruption.js";
import { Run } from "../run.js";
import type { RunHooks } from "../run-hooks.js";
import { TaskOpener } from "../task-opener.js";
import { designRow, NO_DESIGN } from "./design-row.js";
import { judgeReasoning } from "./judge-reasoning.js";
import { rowName } from "./load-suite.js";
import { type OpenedTask, type ResolvedSuite, resolveSuite, suiteText } from "./resolve-suite.js";
import type { SuiteCell } from "./suite-figures.js";
import { suiteMarkdown } from "./suite-markdown.js";
import { concludeSuite, type SuiteColumn, type SuiteResult } from "./suite-result.js";
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
  await using local = new LocalModels(config, hooks.resolveModelFile);
  await using tasks = new TaskOpener(config, local.resolve);
  const whole = { ...suite, settings: suiteSettings(config) };
  const resolved = await resolveSuite(whole, config, tasks.options, { resolveModelFile: local.resolve });
  const label = `suite-${suite.name}`;
  const weak = weakFile(config);
  const isFile = weak !== undefined && !/^simulated(:|$)/.test(weak);
  await using run = await Run.open(
    { ...config, task: label },
    {
      command: "eval",
      label,
      isDesigning: suite.rows.some(({ policy }) => policy !== undefined),
      inputs: {
        // Paths may change between machines; what lies behind them may not.
        suite: hashJson(withoutPaths(resolved.suite)),
        weakHash: isFile ? await cachedFileHash(await local.resolve(weak)) : null,
      },
      ...{ local, tasks, hooks },
    },
  );
  const named = { ...config, task: label };
  return await inRunSpan("eval", named, () => runSuite(run, resolved, hooks.policy, local.resolve));
}

const RESOLVED = "suite.resolved.yaml";

function withDesigns(suite: Suite, designs: readonly SuiteDesign[]): Suite {
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
  run: Run,
  { suite, tasks, notices }: ResolvedSuite,
  given: Policy | undefined,
  resolve: ResolveModelFile,
): Promise<SuiteResult> {
  const { directory } = run;
  await writeAtomic(directory.file(RESOLVED), suiteText(suite));
  for (const message of notices) run.warn(message);
  const warnings = [...notices];
  const cells: SuiteCell[] = [];
  const designs: SuiteDesign[] = [];
  const columns: SuiteColumn[] = [];
  let reasoning: SuiteResult["reasoning"] = null;
  let stoppedBy: unknown;
  const judge = suite.judge === undefined ? undefined : judgeModel(suite.judge.model, run.meter);
  try {
    for (const opened of tasks) columns.push(await openColumn(run, suite, opened));
    for (const row of suite.rows) {
      if (row.policy === undefined) continue;
      const order = { row: rowName(row), policy: row.policy, benches: columns.map(({ bench }) => bench) };
      designs.push(...(await designRow(run, order, resolve, given)));
    }
    await writeAtomic(directory.file(RESOLVED), suiteText(withDesigns(suite, designs)));
    for (const column of columns) {
      if (suite.split === "test")
        run.emit({ type: "test-opened", items: column.items.length, purpose: suite.name });
      for (const row of suite.rows) {
        const source = sourceFor(row, column, designs, warnings);
        if (source !== undefined) cells.push(await runCell(run, suite, column, rowName(row), source));
      }
    }
    if (judge && suite.judge) {
      const samples = new Map(columns.flatMap(({ items }) => items.map((item) => [item.id, item] as const)));
      const figures = await judgeReasoning(run, judge, cells, samples, suite.judge.items);
      reasoning = { judge: judge.id, figures };
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    stoppedBy = error;
  }
  const result = concludeSuite(run, suite, { cells, designs, reasoning, columns, warnings, stoppedBy });
  await writeAtomic(directory.file("suite.md"), suiteMarkdown(result));
  await run.finish(result);
  return result;
}

async function openColumn(run: Run, suite: Suite, { spec, task }: OpenedTask): Promise<SuiteColumn> {
  const needsValidation = suite.rows.some(({ policy }) => policy !== undefined);
  const options = { keepReplies: true, validation: needsValidation ? undefined : [] };
  const bench = await run.bench(task, options);
  const items = await drawItems(task, suite.split, spec.limit ?? suite.limit, run.config.seed);
  const withoutStrong =
    run.weak && suite.reliance !== "none"
      ? await run.bench(task, { keepReplies: true, validation: [], isWeakOnly: true })
      : undefined;
  const swapped = suite.counterfactual.items === 0 ? [] : swappedItems(suite, task, items, run.config.seed);
  return { spec, bench, withoutStrong, items, swapped };
}

function swappedItems(
  { counterfactual: { items: limit, swaps } }: Suite,
  task: Task,
  items: readonly Sample[],
  seed: number,
): SuiteColumn["swapped"] {
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
  { bench: { task, answer }, items }: SuiteColumn,
  designs: readonly SuiteDesign[],
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
  const isOffered = (source: string) => offersExamples(task) || !asksForExamples(source);
  const baseline = namedBaselines(answer, hasContext).find((one) => isCalled(one, row.baseline ?? ""));
  const source = row.source ?? (baseline && isOffered(baseline.source) ? baseline.source : undefined);
  if (source === undefined)
    warnings.push(`there is no ${name} for ${task.name}: the row has no figure there`);
  return source;
}

async function runCell(
  run: Run,
  suite: Suite,
  { bench, withoutStrong, items, swapped }: SuiteColumn,
  row: string,
  source: string,
): Promise<SuiteCell> {
  const workflow = { hash: workflowHash(source), source };
  const evaluate = async (on: Bench, samples: readonly Sample[], what: string): Promise<Evaluation> => {
    const [evaluation] = await on.evaluate([workflow], samples, {
      what: `${bench.task.name}: ${row}${what}`,
    });
    return evaluation as Evaluation;
  };
  const evaluation = await evaluate(bench, items, "");
  const { accuracy, interval, n, errors: lost } = evaluation;
  run.emit({ type: "baseline-scored", name: `${bench.task.name}, ${row}`, accuracy, interval, n, lost });
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
  run.emitSpent();
  return cell;
}
