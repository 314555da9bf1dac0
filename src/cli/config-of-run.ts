/** @file The models of a finished run, for who runs its workflow without naming any. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { RunConfig } from "../commands.js";
import { writeErr } from "./print/output.js";
import { configSources } from "./run-flags.js";

/** Settings that say which models answer and how they are asked. */
const OF_MODELS = [
  ...["executor", "executorModel", "executors", "apiKeyEnv", "params", "price", "model", "adapter", "weak"],
  ...["tools", "gpu", "threads", "maxTokens", "limits", "timeoutMs", "idleTimeoutMs", "maxRetries", "stream"],
  ...["sendSeed", "requestsPerMinute", "rulesFile"],
] as const;

/** Stands for an executor that nobody named. */
const UNNAMED = "replay:unnamed";

/**
 * The configuration of a command for one workflow. Where no flag, variable or file names an executor, the models are those
 * that the run was made with, which is said on stderr.
 * @param directory - of the run; undefined: the workflow comes from elsewhere
 * @throws {ConfigError} as loadRunConfig()
 */
export async function configOfRun(command: Command, directory: string | undefined): Promise<RunConfig> {
  const { loadRunConfig } = await import("../commands.js");
  const sources = configSources(command);
  const load = (defaults: Record<string, unknown>) =>
    loadRunConfig({ ...sources, defaults: { task: "input", ...defaults } });
  const kept = directory === undefined ? undefined : keptSettings(directory);
  if (kept?.executor === undefined) return load({});
  const quiet = loadRunConfig({
    ...{ ...sources, onWarning: () => {} },
    defaults: { task: "input", executor: UNNAMED },
  });
  if (quiet.executor !== UNNAMED) return load({});
  const config = load(kept);
  const name = config.executorModel === undefined ? "" : `, ${config.executorModel}`;
  writeErr(`executor ${config.executor}${name}: the one this run was made with`);
  return config;
}

/** Settings about models that a run was made with; undefined where none are kept. */
export function keptSettings(directory: string): Record<string, unknown> | undefined {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(readFileSync(join(directory, "config.resolved.json"), "utf8"));
  } catch {
    return undefined;
  }
  return Object.fromEntries(OF_MODELS.flatMap((key) => (config[key] == null ? [] : [[key, config[key]]])));
}
