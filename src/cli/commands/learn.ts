/** @file `w4s learn`: rounds of collecting and training, then base against trained. */
import { Command } from "commander";
import type { BudgetLimits, LearnResult, RunConfig } from "../../commands.js";
import { FEWEST_FOR_INTERVAL, formatDifference, formatPercent } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { LearnPrinter, roundRow } from "../print/learn-printer.js";
import { writeJson, writeOut, writeProse } from "../print/output.js";
import { spentText } from "../print/spent-text.js";
import { pairs, resultTable, table } from "../print/tables.js";
import {
  addRunFlags,
  configSources,
  DATASET_FLAGS,
  LEARN_FLAGS,
  MODEL_FLAGS,
  QUEUE_FLAGS,
  SEARCH_FLAGS,
} from "../run-flags.js";
import { stoppedByJson, withProgress } from "../run-frame.js";
import { bestVerdict } from "../verdict.js";
import type { SignalWatch } from "../watch-signals.js";

const EXAMPLES = `
--task takes several names, separated by commas; the last one is held back to judge adapters unless --held-back names
others. --episodes counts the episodes of a round over all its tasks. The same command goes on where a run was
stopped, and a finished run goes on with more --rounds.

Examples:
  $ w4s learn --task counting,shopping,swaps --model smollm2-135m --executor simulated
  $ w4s learn --task gsm8k,mgsm --held-back math-500 --model qwen2.5-coder-0.5b \\
      --executor openai:https://api.openai.com/v1 --executor-model gpt-4o-mini \\
      --rounds 3 --episodes 8 --explore-schedule 0.8,0.5,0.3 --max-dollars 5
  $ w4s inspect runs/RUN/rounds/02/adapter-02-….gguf   # where an adapter comes from
  $ w4s rollback runs/RUN --to 1                       # go on from an earlier round`;

export function command(): Command {
  const learn = new Command("learn").description(
    "Alternates collecting and training: the weak model's adapter learns from the rewards of its own workflows.",
  );
  addRunFlags(learn, [
    ...DATASET_FLAGS,
    ...MODEL_FLAGS,
    ...SEARCH_FLAGS.filter((path) => path !== "dryRun" && path !== "designer"),
    ...LEARN_FLAGS,
    ...QUEUE_FLAGS,
  ]);
  learn.option("--preset <name>", "settings to start from: demo, or real (docs/real-models.md)");
  return complete(learn, learnAction, { examples: EXAMPLES });
}

const learnAction: ActionBody = async ({ isJson, watch, command }) => {
  const api = await import("../../commands.js");
  const { preset } = command.opts<{ preset?: string }>();
  const config = api.loadRunConfig({
    ...configSources(command),
    defaults: preset === undefined ? undefined : api.preset(preset),
  });
  const result = await learnWithProgress(api, config, watch);
  if (isJson) writeJson({ ...result, ...stoppedByJson(result, api) });
  else printLearning(result, config.budget);
  return bestVerdict({ ...result, validation: [] }, config);
};

export function learnWithProgress(
  api: typeof import("../../commands.js"),
  config: RunConfig,
  watch: SignalWatch,
): Promise<LearnResult> {
  const printer = new LearnPrinter({ budget: config.budget });
  return withProgress(api, config, watch, printer, (hooks) => api.learn(config, hooks));
}

export function printLearning(result: LearnResult, limits: BudgetLimits): void {
  const simulated = result.isSimulated ? " (simulated executor)" : "";
  if (result.rounds.length > 0) {
    writeOut(`Rounds${simulated}:`);
    writeOut(
      table(
        ["round", "candidates", "valid", "distinct", "mean reward", "loss", "judged", "adapter"],
        result.rounds.map(roundRow),
      ),
    );
  }
  const { base, trained, difference } = result;
  if (base !== null) {
    const where = result.isHeldBack ? "not trained on" : "trained on";
    writeOut(`\nDesigning for ${result.judgeTasks.join(", ")} (${where})${simulated}:`);
    const row = (name: string, score: NonNullable<typeof base>) => [
      name,
      score.episodes,
      score.meanReward.toFixed(3),
      score.best.toFixed(3),
      formatPercent(score.validShare),
      formatPercent(score.distinctShare),
      Math.round(score.executorTokensPerCandidate),
    ];
    const rows = [row("base", base)];
    if (trained !== null) rows.push(row("trained", trained));
    if (result.random) rows.push(row("random techniques", result.random));
    writeOut(
      table(["policy", "episodes", "mean accuracy", "best", "valid", "distinct", "executor tokens"], rows),
    );
    printDifference("base", difference);
    printDifference("random techniques", result.againstRandom);
  }
  if (result.test.length > 0) {
    writeOut("\nTest items, opened once:");
    writeOut(resultTable(result.test));
  }
  const rows: [string, string][] = [
    ["spent", `${spentText(result.spent, limits)}${simulated}`],
    ["run", result.directory],
  ];
  if (result.adapter !== null)
    rows.unshift(["adapter", `${result.adapter.path} (round ${result.adapter.round})`]);
  for (const { name, path, round } of result.members ?? []) rows.push([name, `${path} (round ${round})`]);
  const pays = result.breakEven.filter(({ samples }) => samples !== null);
  if (pays.length > 0) {
    rows.unshift([
      "pays off",
      pays
        .map(({ task, baseline, samples }) => `${task}: after ${samples} samples against ${baseline}`)
        .join("; "),
    ]);
  }
  writeOut(`\n${pairs(rows)}`);
}

function printDifference(other: string, difference: LearnResult["difference"] | undefined): void {
  if (!difference) return;
  const { meanReward, best, pairs, each, verdict = "not told apart" } = difference;
  const intervals = pairs < FEWEST_FOR_INTERVAL ? "" : ", 95 % intervals";
  writeProse(
    `trained − ${other}: ${verdict}, mean accuracy ${formatDifference(meanReward, pairs, each)}, best of an episode ${formatDifference(best, pairs)}; ${pairs} paired episodes${intervals}`,
  );
}
