/** @file Reads w4s.config.yaml strictly: no tags, no duplicate keys, no alias bombs, at most 1 MiB. */
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type ConfigLayer, environmentLayer, objectLayer, resolveConfig } from "./config-layers.js";
import type { RunConfig } from "./run-config.js";
import { readStrictYaml } from "./strict-yaml.js";

export const CONFIG_FILE = "w4s.config.yaml";

export interface ConfigSources {
  /** A named file must exist. Default: `$W4S_CONFIG`, else the nearest `w4s.config.yaml` from the working folder upwards. */
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
  const cwd = sources.cwd ?? process.cwd();
  if (sources.hasFile !== false) {
    const file = named ?? findConfig(cwd);
    if (file !== undefined) layers.push(readConfigFile(file, named === undefined ? cwd : undefined));
    else tellOfOthers(cwd, sources.onWarning);
  }
  layers.push(environmentLayer(env));
  if (sources.suite) layers.push(objectLayer(sources.suite.settings, sources.suite.name));
  if (sources.flags) {
    const nameOf = (path: string) => sources.flagName?.(path) ?? path;
    layers.push({ isText: true, values: sources.flags, nameOf });
  }
  return resolveConfig(layers, sources.flagName, sources.onWarning);
}

/**
 * The nearest `w4s.config.yaml` from the working folder upwards. The search ends at the root of a repository and at the home
 * folder; files of other users count only in the working folder itself, since a configuration can name code to load.
 */
function findConfig(cwd: string): string | undefined {
  const home = homedir();
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, CONFIG_FILE);
    const found = statSync(file, { throwIfNoEntry: false });
    const isOwn = folder === resolve(cwd) || found?.uid === process.getuid?.();
    if (found && isOwn) return file;
    if (folder === home || existsSync(join(folder, ".git")) || dirname(folder) === folder) return undefined;
  }
}

/** Names that a configuration might have been given, and that are not read. */
const MISNAMED = ["w4s.config.yml", "w4s.config.json", ".w4s.yaml", "w4s.yaml", "w4s.yml"];

function tellOfOthers(cwd: string, onWarning: ConfigSources["onWarning"]): void {
  const found = MISNAMED.find((name) => existsSync(join(cwd, name)));
  if (found !== undefined)
    onWarning?.(`${found} is not read: call it ${CONFIG_FILE}, or pass --config ${found}`);
}

/** Settings that name files or folders; those of a dataset and of a model may be names as well. */
const PATHS = ["runsRoot", "cache", "tools", "rulesFile", "approveFile", "adapter"];
const NAMES_OR_PATHS = ["task", "model"];

/**
 * @param cwd - the file was found from here: its relative paths are then those of its own folder. Default: they are taken as
 *   they stand
 * @throws {ConfigError} when the file is missing, too big, not YAML, or uses what is refused.
 */
export function readConfigFile(path: string, cwd?: string): ConfigLayer {
  const layer = objectLayer(readStrictYaml(path, "configuration", "w4s init writes an example") ?? {}, path);
  const folder = dirname(path);
  if (cwd === undefined || folder === resolve(cwd)) return layer;
  const moved = (key: string, value: unknown): unknown => {
    if (key === "tools" && typeof value === "object" && value !== null && "module" in value)
      return { ...value, module: moved(key, value.module) };
    if (typeof value !== "string" || isAbsolute(value)) return value;
    const there = join(folder, value);
    const isPath = PATHS.includes(key) || (NAMES_OR_PATHS.includes(key) && existsSync(there));
    return isPath ? relative(cwd, there) : value;
  };
  return { ...layer, values: new Map([...layer.values].map(([key, value]) => [key, moved(key, value)])) };
}
