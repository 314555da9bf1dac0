/** @file `w4s eval --suite`: a suite by name or file, its tables and its exit code. */
import type { ActionContext } from "./action.js";
import { writeErr, writeJson, writeOut } from "./print/output.js";
import { Progress } from "./print/progress.js";
import { spentText } from "./print/spent-text.js";
import { pairs, table } from "./print/tables.js";
import { configSources, flagName } from "./run-flags.js";
import { stoppedByJson, withProgress } from "./run-frame.js";
import { verdict } from "./verdict.js";

/** Flags whose meaning a suite takes over. */
const TAKEN = ["task", "testLimit"];

export async function evalSuiteAction(
  { isJson, watch, command }: ActionContext,
  nameOrFile: string,
  paths: readonly string[],
): Promise<number | { failure: unknown }> {
  const api = await import("../commands.js");
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
  const result = await withProgress(api, config, watch, new Progress({ budget: config.budget }), (hooks) =>
    api.evaluateSuite(config, suite, hooks),
  );
  if (isJson) writeJson({ ...result, ...stoppedByJson(result, api) });
  else {
    for (const { title, head, rows, notes } of api.suiteTables(result))
      writeOut(`${title}:\n${table(head, rows)}\n${notes.map((note) => `  ${note}\n`).join("")}`);
    for (const message of result.warnings) writeErr(`warning: ${message}`);
    writeOut(
      pairs([
        ["spent", `${spentText(result.spent, config.budget)} with ${result.executor}`],
        ["run", `${result.directory} (suite.md, suite.resolved.yaml)`],
      ]),
    );
  }
  const accuracy = result.summary.reduce((most, row) => Math.max(most, row.accuracy), 0);
  const best = { title: "the best row", accuracy, advice: "improve it or lower the threshold" };
  return verdict(result.stoppedBy, result.rows, [best], config);
}
