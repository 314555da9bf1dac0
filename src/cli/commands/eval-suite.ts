/** @file `w4s eval --suite`: a suite by name or file, its tables and its exit code. */

import type { RunConfig, SuiteResult } from "../../commands.js";
import { formatDollars, formatPercent } from "../../core/figure-format.js";
import type { ActionContext } from "../action.js";
import { approvalHook } from "../ask-approval.js";
import { EXIT } from "../exit-code.js";
import { writeErr, writeJson, writeOut } from "../print/output.js";
import { Progress } from "../print/progress.js";
import { pairs, table } from "../print/tables.js";
import { configSources, flagName } from "../run-flags.js";
import { hasLostTooMany, stoppedByJson } from "./search-action.js";

/** Flags whose meaning a suite takes over. */
const TAKEN = ["task", "testLimit"];

export async function evalSuiteAction(
  { isJson, watch, command }: ActionContext,
  nameOrFile: string,
  paths: readonly string[],
): Promise<number | { failure: unknown }> {
  const api = await import("../../commands.js");
  const sources = configSources(command);
  const given = TAKEN.find((path) => sources.flags.has(path)) ?? (paths.length > 0 ? "workflow" : undefined);
  if (given !== undefined) {
    const what = flagName(given) ?? "a workflow on the command line";
    throw new api.ConfigError(`${what} has no meaning with --suite`, {
      hint: "a suite names its own tasks and rows: write them into its file",
    });
  }
  const { suite, origin } = api.loadSuite(nameOrFile);
  const config = api.loadRunConfig({
    ...sources,
    defaults: { task: suite.name },
    suite: { settings: suite.settings, name: `${origin}: settings` },
  });
  const progress = new Progress({ budget: config.budget });
  for (const message of api.configWarnings(config, process.env)) progress.line(`warning: ${message}`);
  let result: SuiteResult;
  try {
    result = await api.evaluateSuite(config, suite, {
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
  else {
    for (const { title, head, rows, notes } of api.suiteTables(result))
      writeOut(`${title}:\n${table(head, rows)}\n${notes.map((note) => `  ${note}\n`).join("")}`);
    for (const message of result.warnings) writeErr(`warning: ${message}`);
    const { calls, tokens, dollars } = result.spent;
    writeOut(
      pairs([
        ["spent", `${calls} calls, ${tokens} tokens, ${formatDollars(dollars)} with ${result.executor}`],
        ["run", `${result.directory} (suite.md, suite.resolved.yaml)`],
      ]),
    );
  }
  return verdict(result, config);
}

function verdict(
  result: SuiteResult,
  config: Pick<RunConfig, "maxErrors" | "minScore">,
): number | { failure: unknown } {
  if (result.stoppedBy !== undefined) return { failure: result.stoppedBy };
  if (hasLostTooMany(result.rows, config)) return EXIT.failedSamples;
  const best = result.summary.reduce((most, { accuracy }) => Math.max(most, accuracy), 0);
  if (config.minScore !== undefined && best < config.minScore) {
    writeErr(
      `the best row reaches ${formatPercent(best)}, below --min-score ${config.minScore}; improve it or lower the threshold`,
    );
    return EXIT.belowScore;
  }
  return EXIT.done;
}
