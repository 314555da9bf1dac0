/** @file The models of a finished run, and its adapter, for who names the run instead of them. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { RunConfig } from "../commands.js";
import { writeErr } from "./print/output.js";
import { configSources } from "./run-flags.js";
import { namedRunOf } from "./runs-root.js";

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

/** Folders above an adapter in which its run lies: rounds/02/adapter.gguf. */
const FOLDERS_ABOVE = 3;

/**
 * @param source - an adapter's file, or a run: its directory, its name, or latest
 * @param base - the model as it was named; default: the model of the run that the adapter lies in
 * @throws {InputError} where a run has no adapter, or several; {ConfigError} where the model is not known
 */
export async function adapterAndBase(
  command: Command,
  source: string,
  base: string | undefined,
): Promise<{ adapterPath: string; base: string }> {
  const adapterPath = await adapterOf(command, source);
  if (base !== undefined) return { adapterPath, base };
  const run = runAround(adapterPath);
  const model = run === undefined ? undefined : keptSettings(run)?.model;
  if (typeof model === "string") {
    writeErr(`base ${model}: the model of ${run}`);
    return { adapterPath, base: model };
  }
  const { ConfigError } = await import("../commands.js");
  throw new ConfigError("--base is missing", { hint: "name the model that the adapter was trained on" });
}

async function adapterOf(command: Command, source: string): Promise<string> {
  const isFile = existsSync(source) ? !statSync(source).isDirectory() : /\.gguf$/i.test(source);
  if (isFile) return source;
  const run = await namedRunOf(command, source);
  const { adaptersOf, InputError } = await import("../commands.js");
  const adapters = adaptersOf(run);
  const [adapter] = adapters;
  if (adapter === undefined)
    throw new InputError(`${run} holds no adapter`, {
      hint: "w4s learn and w4s train leave one; name its .gguf file where it lies elsewhere",
    });
  if (adapters.length > 1)
    throw new InputError(`${run} holds the adapters of ${adapters.length} members`, {
      hint: `name one of them: ${adapters.join(", ")}`,
    });
  writeErr(`adapter ${adapter}: the last one of this run`);
  return adapter;
}

function runAround(path: string): string | undefined {
  let folder = path;
  for (let above = 0; above < FOLDERS_ABOVE; above++) {
    folder = dirname(folder);
    if (existsSync(join(folder, "run.json"))) return folder;
  }
  return undefined;
}
