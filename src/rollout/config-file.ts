/** @file Reads w4s.config.yaml strictly: no tags, no duplicate keys, no alias bombs, at most 1 MiB. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Document, parseAllDocuments, YAMLError } from "yaml";
import { ConfigError, messageOf } from "../core/errors.js";
import { type ConfigLayer, environmentLayer, objectLayer, resolveConfig } from "./config-layers.js";
import type { RunConfig } from "./run-config.js";

export const CONFIG_FILE = "w4s.config.yaml";
const MAX_BYTES = 1024 * 1024;
const MAX_ALIASES = 50;

export interface ConfigSources {
  /** A named file must exist. Default: `$W4S_CONFIG`, else `w4s.config.yaml` in the working folder if it is there. */
  file?: string;
  /** False reads no file, also where one lies in the working folder. Default true. */
  hasFile?: boolean;
  /** Default: the process's own. */
  env?: Record<string, string | undefined>;
  /** Working folder. Default: the process's own. */
  cwd?: string;
  /** Dotted path to text, as the command line gave it. */
  flags?: ReadonlyMap<string, string | boolean>;
  /** How a path is called on the command line. */
  flagName?: (path: string) => string | undefined;
  /** Settings below all other sources: a preset, or what a caller needs that has no task. */
  defaults?: Record<string, unknown>;
}

/**
 * The resolved configuration: defaults < file < W4S_* environment < flags.
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
  if (sources.flags) {
    const nameOf = (path: string) => sources.flagName?.(path) ?? path;
    layers.push({ isText: true, values: sources.flags, nameOf });
  }
  return resolveConfig(layers, sources.flagName);
}

/** @throws {ConfigError} when the file is missing, too big, not YAML, or uses what is refused. */
export function readConfigFile(path: string): ConfigLayer {
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error("not a regular file");
    if (stat.size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new ConfigError(`cannot read the configuration ${path}: ${messageOf(error)}`, {
      hint: "w4s init writes an example",
      cause: error,
    });
  }
  return objectLayer(parseYaml(text, path) ?? {}, path);
}

function parseYaml(text: string, path: string): unknown {
  try {
    // logLevel "silent": warnings are errors here, and the library would print them itself.
    const documents = parseAllDocuments(text, { schema: "core", uniqueKeys: true, logLevel: "silent" });
    const document: Document.Parsed | undefined = documents[0];
    if (document === undefined) return undefined;
    if (documents.length > 1) throw new Error("it holds more than one document");
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw problem;
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const where =
      error instanceof YAMLError && error.linePos ? `:${error.linePos[0].line}:${error.linePos[0].col}` : "";
    throw new ConfigError(`${path}${where}: not usable YAML: ${messageOf(error, 200)}`, {
      code: "bad-yaml",
      hint: "plain keys and values only: no tags, no repeated keys, few aliases",
      cause: error,
    });
  }
}
