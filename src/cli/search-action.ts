/** @file The work of `optimize` and `collect`: configuration in, tables and exit code out. */
import { basename } from "node:path";
import type { Forecast, OptimizeResult, RunConfig } from "../commands.js";
import {
  formatCount,
  formatDollars,
  formatInterval,
  formatPairedInterval,
  formatPercent,
  formatPercentChange,
  formatProbability,
} from "../core/figure-format.js";
import type { ActionBody } from "./action.js";
import { writeJson, writeOut, writeProse } from "./print/output.js";
import { forecastLine, Progress } from "./print/progress.js";
import { spentText } from "./print/spent-text.js";
import { pairs, resultTable, table } from "./print/tables.js";
import { configSources } from "./run-flags.js";
import { stoppedByJson, withProgress } from "./run-frame.js";
import { bestVerdict } from "./verdict.js";

/** @param name - the function of the library to call */
export function searchAction(name: "optimize" | "collect"): ActionBody {
  return async ({ isJson, watch, command }) => {
    const api = await import("../commands.js");
    const { replay } = command.opts<{ replay?: string }>();
    const sources = configSources(command);
    const { flags } = sources;
    if (replay !== undefined) {
      flags.set("executor", `replay:${replay}`);
      if (!flags.has("weak")) flags.set("weak", "none");
    }
    const config = api.loadRunConfig(sources);
    const progress = new Progress({ budget: config.budget });
    const result = await withProgress(api, config, watch, progress, (hooks) =>
      api[name](config, {
        ...hooks,
        // The forecast is the result of a dry run, and stands on stdout.
        onEvent: (event) => {
          if (!config.dryRun || event.type !== "forecast") hooks.onEvent(event);
        },
        policy: replay === undefined ? undefined : new api.ReplayPolicy(replay),
      }),
    );
    if (isJson) writeJson({ ...result, ...stoppedByJson(result, api) });
    else printSearch(result, config);
    return bestVerdict(result, config);
  };
}

/** Tables and figures of a search on stdout. */
export function printSearch(
  result: OptimizeResult,
  { dryRun: isDryRun, budget: limits, model, designer }: RunConfig,
): void {
  const { isSimulated } = result;
  if (isDryRun) {
    printForecast(result.forecast);
    return;
  }
  if (result.validation.length > 0) writeOut(resultTable(result.validation));
  if (result.test.length > 0) writeOut(resultTable(result.test));
  printConfirmation(result);
  printComparisons(result);
  const { best, candidates, spent } = result;
  if (best) {
    writeOut(
      best.isBaseline
        ? `\nNo designed workflow beat the baseline ${best.title}:\n`
        : `\nBest workflow (${best.title}):\n`,
    );
    writeOut(best.source);
  }
  printFront(result);
  const techniques = Object.entries(candidates.techniques)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => `${name} ${formatPercent(share)}`);
  const rows: [string, string][] = [
    [
      "candidates",
      `${candidates.count}, ${formatPercent(candidates.validShare)} valid, ${formatPercent(candidates.distinctShare)} distinct`,
    ],
    ["techniques", techniques.join(", ") || "none"],
    ["spent", `${spentText(spent, limits)}${isSimulated ? " (simulated)" : ""}`],
    ["weak model", weakModelText(result, designer === "random" ? undefined : model)],
    ["run", result.directory],
  ];
  const pays = Object.entries(result.breakEven).filter(([, samples]) => samples !== null);
  if (pays.length > 0) {
    rows.splice(2, 0, [
      "pays off",
      pays.map(([name, samples]) => `after ${samples} samples against ${name}`).join(", "),
    ]);
  }
  writeOut(`\n${pairs(rows)}`);
}

export function printForecast(forecast: Forecast): void {
  writeProse(`forecast, about: ${forecastLine(forecast)}`);
  for (const line of forecast.basis) writeProse(`  ${line}`);
}

/** The finalists on the items that nothing was chosen by. */
function printConfirmation({ confirmation, isSimulated }: OptimizeResult): void {
  if (!confirmation) return;
  const { items, rows, sentence } = confirmation;
  writeOut(
    `\nConfirmation on ${items} validation items kept for it${isSimulated ? " (simulated)" : ""}: ${sentence}.`,
  );
  writeOut(
    table(
      ["workflow", "accuracy there", "n", "shrunk, all items", "95 % interval", "n of all"],
      rows.map(({ title, accuracy, n, estimate }) => [
        title,
        formatPercent(accuracy),
        n,
        estimate ? formatPercent(estimate.accuracy) : "–",
        estimate ? formatInterval(estimate.interval) : "–",
        estimate?.n ?? "–",
      ]),
    ),
  );
}

/** By the name that it was asked for, since its id is a hash. */
function weakModelText({ policy, device }: OptimizeResult, model: string | undefined): string {
  return `${model === undefined ? policy : `${basename(model)} (${policy})`} on ${device}`;
}

/** On validation the best was chosen, so that its lead there is too large; test tells. */
function printComparisons({ comparisons = [], isSimulated }: OptimizeResult): void {
  const [first] = comparisons;
  if (first === undefined) return;
  writeOut(
    `\nBest workflow against ${first.against}, the best baseline on validation, on samples that both have${isSimulated ? " (simulated)" : ""}:`,
  );
  writeOut(
    table(
      ["split", "difference", "95 % interval", "p (sign-flip)", "n"],
      comparisons.map((one) => [
        one.split,
        formatPercentChange(one.difference),
        formatPairedInterval(one, one.n),
        formatProbability(one.pValue),
        one.n,
      ]),
    ),
  );
}

/** Which workflows are on the front of accuracy against cost; one alone needs no table. */
function printFront({ pareto, isSimulated }: OptimizeResult): void {
  const front = pareto.points.filter(({ isOnFront }) => isOnFront);
  if (pareto.points.length < 2) return;
  const isMoney = pareto.unit === "dollars";
  writeOut(
    `\nOn the front of accuracy against cost, ${front.length} of ${pareto.points.length}${isSimulated ? " (simulated)" : ""}:`,
  );
  writeOut(
    table(
      ["workflow", "accuracy on validation", `${pareto.unit} a sample`],
      front.map(({ title, accuracy, cost }) => [
        title,
        formatPercent(accuracy),
        isMoney ? formatDollars(cost) : formatCount(cost),
      ]),
    ),
  );
}
