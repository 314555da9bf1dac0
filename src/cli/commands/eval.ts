/** @file `w4s eval`: score workflows and baselines on a split, with one executor or several. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { BudgetLimits, EvaluateResult } from "../../commands.js";
import { formatPairedInterval, formatPercentChange, formatProbability } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { evalSuiteAction } from "../eval-suite-action.js";
import { repeated } from "../flag-values.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { Progress } from "../print/progress.js";
import { spentText, spentTogether } from "../print/spent-text.js";
import { pairs, resultTable, table } from "../print/tables.js";
import { addRunFlags, configSources, DATASET_FLAGS, MODEL_FLAGS, QUEUE_FLAGS } from "../run-flags.js";
import { stoppedByJson, withProgress } from "../run-frame.js";
import { namedRunOf } from "../runs-root.js";
import { verdict } from "../verdict.js";

const EXAMPLES = `
Examples:
  The workflow of a run beside the baselines, on validation:
  $ w4s eval runs/optimize-gsm8k-1a2b3c4d --task gsm8k --executor openai:http://127.0.0.1:8080/v1 \\
      --executor-model qwen2.5-coder-1.5b

  Does it hold for another executor? (transfer table; "big" is an alias of w4s.config.yaml)
  $ w4s eval best-workflow.js --task gsm8k --executor small --also big --split test --test-limit 100

  Baselines only:
  $ w4s eval --task word-problems --executor simulated

  At half the price, within a day, through the batches of the provider (docs/executors.md):
  $ w4s eval best-workflow.js --task gsm8k --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini --batch

  Several tasks and rows, with tests, reliance on the strong model and fairness checks (docs/evaluation.md):
  $ w4s eval --suite core
  $ w4s eval --suite my-suite.yaml --max-dollars 2

WORKFLOW is a .js file, or a run: its directory, its name, or latest. --split test counts as opening the test split and is logged.`;

interface EvalFlags {
  split: string;
  also: string[];
  epochs: string;
  suite?: string | undefined;
  /** False with --no-baselines. */
  baselines?: string | false | undefined;
}

export function command(): Command {
  const command = new Command("eval")
    .description("Scores workflows and baselines on a split, with 95 % intervals and paired differences.")
    .argument("[workflow...]", "workflow files, or runs: directory, name, or latest")
    .option("--split <name>", "train, validation or test", "validation")
    .option("--also <executor>", "score with this executor too; may be repeated", repeated, [])
    .option("--epochs <n>", "repetitions of every sample with fresh replies", "1")
    .option("--suite <name|file>", "a suite of tasks and rows: core, full, or a YAML file");
  addRunFlags(command, [...DATASET_FLAGS, ...MODEL_FLAGS, ...QUEUE_FLAGS]);
  // Behind --baselines: a negated option that comes first would be on by default.
  command.option("--no-baselines", "only the named workflows");
  return complete(command, evaluateAction, { examples: EXAMPLES });
}

const evaluateAction: ActionBody = async (context, ...paths) => {
  const { isJson, watch, command } = context;
  const flags = command.opts<EvalFlags>();
  if (flags.suite !== undefined) return await evalSuiteAction(context, flags.suite, paths);
  const api = await import("../../commands.js");
  const config = api.loadRunConfig(configSources(command));
  const { split } = flags;
  if (split !== "train" && split !== "validation" && split !== "test") {
    throw new api.ConfigError(`--split: "${split}" is no split`, { hint: "use train, validation or test" });
  }
  const epochs = Number(flags.epochs);
  if (!Number.isInteger(epochs) || epochs < 1 || epochs > 1000) {
    throw new api.ConfigError(`--epochs: "${flags.epochs}" must be a whole number from 1 to 1000`);
  }
  if (paths.length === 0 && flags.baselines === false) {
    throw new api.ConfigError("nothing to evaluate", {
      hint: "name a workflow, or leave --no-baselines out",
    });
  }
  const workflows: ReturnType<typeof api.readWorkflowFile>[] = [];
  for (const path of paths) workflows.push(api.readWorkflowFile(await workflowPath(command, path)));
  const result = await withProgress(api, config, watch, new Progress({ budget: config.budget }), (hooks) =>
    api.evaluate(
      config,
      { workflows, split, epochs, baselines: flags.baselines !== false, otherExecutors: flags.also },
      hooks,
    ),
  );
  if (isJson) writeJson({ ...result, ...stoppedByJson(result, api) });
  else printEvaluation(result, config.budget);
  const isJudged = ({ name }: { name: string }) =>
    workflows.length === 0 || workflows.some((workflow) => workflow.name === name);
  const judged = result.rows.filter(isJudged).map(({ title, accuracy }) => ({
    title,
    accuracy,
    advice: "improve it or lower the threshold",
  }));
  return verdict(result.stoppedBy, result.rows, judged, config);
};

/** A run stands for its best workflow: its directory, its name, or latest. @returns the name where it is no run */
export async function workflowPath(command: Command, name: string): Promise<string> {
  const isFile = /\.m?js$/.test(name);
  const directory = existsSync(name) || isFile ? name : await namedRunOf(command, name);
  const inRun = join(directory, "best-workflow.js");
  if (existsSync(inRun)) return inRun;
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return directory;
  const { InputError } = await import("../../commands.js");
  throw new InputError(`${directory} holds no best-workflow.js`, {
    hint: "w4s optimize and w4s learn leave one; name its .js file where it lies elsewhere",
  });
}

/** Tables and figures of an evaluation on stdout. */
export function printEvaluation(result: EvaluateResult, limits: BudgetLimits): void {
  const hasExecutor = new Set(result.rows.map((row) => row.executor)).size > 1;
  if (result.rows.length > 0) writeOut(resultTable(result.rows, { hasExecutor }));
  const reference = result.rows[0]?.title ?? "the first";
  if (result.differences.length > 0) {
    writeOut(`\nDifference to ${reference} on the same items:`);
    writeOut(
      table(
        [
          "workflow",
          ...(hasExecutor ? ["executor"] : []),
          "difference",
          "95 % interval",
          "p (sign-flip)",
          "n",
        ],
        result.differences.map(({ name, executor, difference, low, high, pValue, n }) => [
          name,
          ...(hasExecutor ? [executor] : []),
          formatPercentChange(difference),
          formatPairedInterval({ low, high }, n),
          formatProbability(pValue),
          n,
        ]),
      ),
    );
  }
  for (const message of result.warnings) writeErr(`warning: ${message}`);
  const parts = Object.entries(result.spent);
  const rows: [string, string][] = parts.map(([executor, spent]) => [
    "spent",
    `${spentText(spent, parts.length === 1 ? limits : {})} with ${executor}`,
  ]);
  if (parts.length > 1)
    rows.push(["together", spentText(spentTogether(parts.map(([, spent]) => spent)), limits)]);
  for (const directory of result.directories) rows.push(["run", directory]);
  writeOut(`\n${pairs(rows)}`);
}
