/** @file The work of `optimize` and `collect`: configuration in, tables and exit code out. */

import type { OptimizeResult, RunConfig } from "../../commands.js";
import { formatCount, formatDollars, formatPercent } from "../../core/figure-format.js";
import type { ActionBody } from "../action.js";
import { approvalHook } from "../ask-approval.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { forecastLine, Progress } from "../print/progress.js";
import { pairs, resultTable, table } from "../print/tables.js";
import { configSources } from "../run-flags.js";

/** @param name - the function of the library to call */
export function searchAction(name: "optimize" | "collect"): ActionBody {
  return async ({ isJson, watch, command }) => {
    const api = await import("../../commands.js");
    const { replay } = command.opts<{ replay?: string }>();
    const sources = configSources(command);
    const { flags } = sources;
    if (replay !== undefined) {
      flags.set("executor", `replay:${replay}`);
      if (!flags.has("weak")) flags.set("weak", "none");
    }
    const config = api.loadRunConfig(sources);
    const progress = new Progress({ budget: config.budget });
    for (const message of api.configWarnings(config, process.env)) progress.line(`warning: ${message}`);
    let result: OptimizeResult;
    try {
      result = await api[name](config, {
        policy: replay === undefined ? undefined : new api.ReplayPolicy(replay),
        ...approvalHook(config, api.cardText, () => progress.stop()),
        onEvent: progress.onEvent,
        signal: watch.signal,
        stopSignal: watch.stopSignal,
        resolveModelFile: api.resolveModel,
      });
    } finally {
      progress.stop();
    }
    if (isJson) writeJson({ ...result, ...stoppedByJson(result, api) });
    else printSearch(result, config.dryRun);
    return verdict(result, config);
  };
}

/** What ended a run early, for its JSON output: an error object has none of its own. */
export function stoppedByJson(
  { stoppedBy }: { stoppedBy?: unknown },
  { W4sError, messageOf }: Pick<typeof import("../../commands.js"), "W4sError" | "messageOf">,
): { stoppedBy?: object } {
  if (stoppedBy === undefined) return {};
  if (W4sError.is(stoppedBy)) return { stoppedBy: stoppedBy.toJson() };
  return { stoppedBy: { code: "interrupted", message: messageOf(stoppedBy) } };
}

function printSearch(result: OptimizeResult, isDryRun: boolean): void {
  const { isSimulated } = result;
  if (isDryRun) {
    writeOut(`forecast, about: ${forecastLine(result.forecast)}`);
    for (const line of result.forecast.basis) writeOut(`  ${line}`);
    return;
  }
  if (result.validation.length > 0) writeOut(resultTable(result.validation));
  if (result.test.length > 0) writeOut(resultTable(result.test));
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
    [
      "spent",
      `${spent.calls} calls, ${formatCount(spent.tokens)} tokens, ${formatDollars(spent.dollars)}${isSimulated ? " (simulated)" : ""}`,
    ],
    ["weak model", `${result.policy} on ${result.device}`],
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

/** The exit code of a finished run, or what ended it early. */
export function verdict(
  result: Pick<OptimizeResult, "stoppedBy" | "validation" | "test">,
  config: Pick<RunConfig, "maxErrors" | "minScore">,
): number | { failure: unknown } {
  if (result.stoppedBy !== undefined) return { failure: result.stoppedBy };
  if (hasLostTooMany([...result.validation, ...result.test], config)) return EXIT.failedSamples;
  if (config.minScore !== undefined) {
    const rows = result.test.length > 0 ? result.test : result.validation;
    const best = rows.find((row) => row.name === "best");
    if (best === undefined || best.accuracy < config.minScore) {
      writeErr(
        `the best workflow reaches ${best ? formatPercent(best.accuracy) : "nothing"}, below --min-score ${config.minScore}; search longer or lower the threshold`,
      );
      return EXIT.belowScore;
    }
  }
  return EXIT.done;
}

/** Whether more samples were lost to outages than allowed, which is then said on stderr. */
export function hasLostTooMany(
  rows: readonly { n: number; errors: number }[],
  { maxErrors }: Pick<RunConfig, "maxErrors">,
): boolean {
  const failed = failedShare(rows);
  if (failed <= maxErrors) return false;
  writeErr(
    `${formatPercent(failed)} of the samples were lost to outages, more than --max-errors ${maxErrors} allows; run the same command again to fill them`,
  );
  return true;
}

/** Samples lost to outages among all that were to be scored. */
export function failedShare(rows: readonly { n: number; errors: number }[]): number {
  const lost = rows.reduce((sum, row) => sum + row.errors, 0);
  const all = rows.reduce((sum, row) => sum + row.n + row.errors, 0);
  return all === 0 ? 0 : lost / all;
}
