/** @file Reads w4s.config.yaml strictly: no tags, no duplicate keys, no alias bombs, at most 1 MiB. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ConfigLayer, environmentLayer, objectLayer, resolveConfig } from "./config-layers.js";
import type { RunConfig } from "./run-config.js";
import { readStrictYaml } from "./strict-yaml.js";

export const CONFIG_FILE = "w4s.config.yaml";

export interface ConfigSources {
  /** A named file must exist. Default: `$W4S_CONFIG`, else `w4s.config.yaml` in the working folder if it is there. */
  file?: string | undefined;
  /** False reads no file, also where one lies in the working folder. Default true. */
  hasFile?: boolean | undefined;
  /** Default: the process's own. */
  env?: Record<string, string | undefined>;
  /** Working folder. Default: the process's own. */
  cwd?: string | undefined;
  /** Dotted path to text, as the command line gave it. */
  flags?: ReadonlyMap<string, string | boolean> | undefined;
  /** Name of a path on the command line. */
  flagName?: (path: string) => string | undefined;
  /** Settings below all other sources: a preset, or what a caller needs that has no task. */
  defaults?: Record<string, unknown> | undefined;
  /** Settings of a suite file, above all sources but the flags; `name` is what errors call them. */
  suite?: { settings: Record<string, unknown>; name: string } | undefined;
  /** Called with what is still read but should be written otherwise. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * The configuration of a run from its sources, later ones winning: defaults, file, W4S_* variables, suite, flags.
 * @throws {ConfigError} naming source, key, value and what is allowed.
 */
export function loadRunConfig(sources: ConfigSources = {}): RunConfig {
  const env = sources.env ?? process.env;
  const layers: ConfigLayer[] = sources.defaults ? [objectLayer(sources.defaults, "default")] : [];
  const named = sources.file ?? env.W4S_CONFIG;
  const file = named ?? join(sources.cwd ?? process.cwd(), CONFIG_FILE);
  if (sources.hasFile !== false && (named !== undefined || existsSync(file)))
    layers.push(readConfigFile(file));
  layers.push(environmentLayer(env));
  if (sources.suite) layers.push(objectLayer(sources.suite.settings, sources.suite.name));
  if (sources.flags) {
    const nameOf = (path: string) => sources.flagName?.(path) ?? path;
    layers.push({ isText: true, values: sources.flags, nameOf });
  }
  return resolveConfig(layers, sources.flagName, sources.onWarning);
}

/** @throws {ConfigError} when the file is missing, too big, not YAML, or uses what is refused. */
export function readConfigFile(path: string): ConfigLayer {
  return objectLayer(readStrictYaml(path, "configuration", "w4s init writes an example") ?? {}, path);
}
