/** @file `w4s learn`: rounds of collecting and training, then base against trained. */
import { Command } from "commander";
import type { BudgetLimits, LearnResult, RunConfig } from "../../commands.js";
import { counted, FEWEST_FOR_INTERVAL, formatDifference } from "../../core/figure-format.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { LearnPrinter } from "../print/learn-printer.js";
import { policiesText, roundsText } from "../print/learn-tables.js";
import { writeJson, writeOut, writeProse } from "../print/output.js";
import { spentText } from "../print/spent-text.js";
import { pairs, resultTable } from "../print/tables.js";
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
import { printForecast } from "../search-action.js";
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
  $ w4s learn … --dry-run                              # what would it cost?
  $ w4s inspect runs/RUN/rounds/02/adapter-02-….gguf   # where an adapter comes from
  $ w4s rollback runs/RUN --to 1                       # go on from an earlier round`;

export function command(): Command {
  const learn = new Command("learn").description(
    "Alternates collecting and training: the weak model's adapter learns from the rewards of its own workflows.",
  );
  addRunFlags(learn, [
    ...DATASET_FLAGS,
    ...MODEL_FLAGS,
    ...SEARCH_FLAGS.filter((path) => path !== "designer"),
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
  if (config.dryRun) {
    const printer = new LearnPrinter();
    const dry = await withProgress(api, config, watch, printer, (hooks) =>
      api.forecastLearn(config, {
        ...hooks,
        onEvent: (event) => event.type !== "forecast" && printer.onEvent(event),
      }),
    );
    if (isJson) writeJson(dry);
    else printForecast(dry.forecast);
    return EXIT.done;
  }
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
  const rounds = roundsText(result);
  if (rounds !== "") writeOut(rounds);
  const policies = policiesText(result);
  if (policies !== "") {
    writeOut(`\n${policies}`);
    printDifference("base", result.difference);
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
    `trained − ${other}: ${verdict}, mean accuracy ${formatDifference(meanReward, pairs, each)}, best of an episode ${formatDifference(best, pairs)}; ${counted(pairs, "paired episode")}${intervals}`,
  );
}
