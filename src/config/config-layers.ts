/** @file Where the configuration comes from: defaults < file < W4S_* environment < flags; every error names its source. */
import type { z } from "zod";
import { ConfigError } from "../core/errors.js";
import { firstIssue, memberAt } from "../core/issue-line.js";
import { nearHint, nearNames } from "../core/near-names.js";
import { isLoopback } from "../core/network/loopback.js";
import { keyedServers } from "./key-variable.js";
import { QUEUE_PASSWORD_VARIABLE, QUEUE_TOKEN_VARIABLE } from "./queue-url.js";
import { type RunConfig, type RunConfigInput, runConfigSchema } from "./run-config.js";
import { keysAt, SETTINGS } from "./settings.js";

/** One source of settings. Text layers (environment, flags) hold strings that are read by the key's kind. */
export interface ConfigLayer {
  /** True for texts (`"10"` is a number there), false for typed values (`"10"` is refused for a number). */
  isText: boolean;
  /** Dotted path to value: "budget.dollars" → 5. */
  values: ReadonlyMap<string, unknown>;
  /** Name of a key of this layer in an error: "w4s.config.yaml: seed", "--seed", "W4S_SEED". */
  nameOf(path: string): string;
}

/** Names that keys had before; files, variables and flags that use them are still read. */
export const RENAMED_KEYS: ReadonlyMap<string, string> = new Map([["policyFile", "rulesFile"]]);

/**
 * Folds layers, later ones win, and checks the result.
 * @param flagName - how a path is called on the command line, for hints
 * @param onWarning - called for each key that was given by a name it had before
 * @throws {ConfigError} naming source, key, value and what is allowed; an unknown key comes with the nearest known one.
 */
export function resolveConfig(
  layers: readonly ConfigLayer[],
  flagName: (path: string) => string | undefined = () => undefined,
  onWarning: (message: string) => void = () => {},
): RunConfig {
  const tree: Record<string, unknown> = Object.create(null);
  const source = new Map<string, ConfigLayer>();
  for (const layer of layers) {
    for (const [given, value] of layer.values) {
      if (value === undefined) continue;
      const path = RENAMED_KEYS.get(given) ?? given;
      if (path !== given) onWarning(`${layer.nameOf(given)} is now called ${layer.nameOf(path)}`);
      setPath(tree, path, layer.isText ? fromText(path, value) : value);
      source.set(path, layer);
    }
  }
  const parsed = runConfigSchema.safeParse(tree);
  if (parsed.success) {
    refuseIdle(parsed.data, source);
    return parsed.data;
  }
  throw explain(firstIssue({ issues: typedFirst(parsed.error.issues, tree) }), tree, source, flagName);
}

/**
 * The configuration of a run from a plain object; what is left out takes its default. Reads no file and no variable.
 * @throws {ConfigError} naming key, value and what is allowed; an unknown key comes with the nearest known one
 */
export function parseRunConfig(input: RunConfigInput): RunConfig {
  return resolveConfig([objectLayer(input, "configuration")]);
}

/** A typed layer from a nested object, such as a parsed file. */
export function objectLayer(input: unknown, name: string): ConfigLayer {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new ConfigError(`${name}: must be a map of settings`, { hint: "w4s init writes an example" });
  }
  const values = new Map<string, unknown>();
  flatten(input, "", values);
  return { isText: false, values, nameOf: (path) => `${name}: ${path}` };
}

/** Variables of ours that are not settings of a run. */
const OTHER_VARIABLES = new Set([
  ...["W4S_HOME", "W4S_DATASETS", "W4S_CONFIG", "W4S_SHARED"],
  ...[QUEUE_PASSWORD_VARIABLE, QUEUE_TOKEN_VARIABLE],
]);

export function variableOf(path: string): string {
  return `W4S_${path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replace(/\./g, "_")
    .toUpperCase()}`;
}

/**
 * The W4S_* variables. One that is a misspelt setting is refused, since a limit that is silently ignored costs money;
 * others are left alone.
 */
export function environmentLayer(env: Record<string, string | undefined>): ConfigLayer {
  const known = new Map([...SETTINGS.keys(), ...RENAMED_KEYS.keys()].map((path) => [variableOf(path), path]));
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith("W4S_") || OTHER_VARIABLES.has(name) || value === undefined) continue;
    const path = known.get(name);
    if (path !== undefined) values.set(path, value);
    else {
      const [near] = nearNames(name, known.keys());
      if (near) throw new ConfigError(`unknown variable ${name}`, { hint: `did you mean ${near}?` });
    }
  }
  return { isText: true, values, nameOf: variableOf };
}

/** Warnings about what is allowed but should be seen at the start of a run. */
export function configWarnings(config: RunConfig, env: Record<string, string | undefined>): string[] {
  const unencrypted = keyedServers(config)
    .filter(
      ({ url, variable }) =>
        variable !== undefined &&
        env[variable] &&
        url.startsWith("http:") &&
        !isLoopback(new URL(url).hostname),
    )
    .map(
      ({ url }) =>
        `the key is sent unencrypted to ${new URL(url).host}: use https where the server offers it`,
    );
  if (config.judge !== "executor") return unencrypted;
  return [
    ...unencrypted,
    "the executor judges its own texts and may favour them: name another model with --judge",
  ];
}

function fromText(path: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  switch (SETTINGS.get(path)?.kind) {
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
    case "boolean":
      if (/^(true|yes|1)$/i.test(value)) return true;
      return /^(false|no|0)$/i.test(value) ? false : value;
    default:
      return value;
  }
}

/** Nested maps to dotted paths; maps under `executors` and `policies` stay whole: their keys are the user's. */
function flatten(input: object, prefix: string, values: Map<string, unknown>): void {
  for (const [key, value] of Object.entries(input)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const isSection = [...SETTINGS.keys()].some((known) => known.startsWith(`${path}.`));
    if (isSection && typeof value === "object" && value !== null && !Array.isArray(value)) {
      flatten(value, path, values);
    } else values.set(path, value);
  }
}

function setPath(tree: Record<string, unknown>, path: string, value: unknown): void {
  // A key of the user's with a dot in it is no path: the schema refuses it as it stands.
  const section = path.slice(0, Math.max(0, path.lastIndexOf(".")));
  const isNested = section !== "" && [...SETTINGS.keys()].some((known) => known.startsWith(`${section}.`));
  if (!isNested) {
    tree[path] = value;
    return;
  }
  const known = tree[section];
  // `budget: 5` is kept as it stands for the schema to refuse, unless a later layer replaces it.
  const branch: Record<string, unknown> =
    typeof known === "object" && known !== null ? (known as Record<string, unknown>) : Object.create(null);
  tree[section] = branch;
  branch[path.slice(section.length + 1)] = value;
}

/** @throws {ConfigError} for workers, or a number of calls at once, that were given where calls go in batches */
function refuseIdle({ batch, queue }: RunConfig, source: ReadonlyMap<string, ConfigLayer>): void {
  if (batch && queue !== undefined)
    throw new ConfigError(`${nameIn(source, "queue")}: workers ask their models directly, not in batches`, {
      hint: `leave it out, or ${nameIn(source, "batch")}`,
    });
  const layer = source.get("concurrency");
  // A file may hold it for other runs.
  if (!batch || !layer || !(layer.isText || layer === source.get("batch"))) return;
  throw new ConfigError(
    `${layer.nameOf("concurrency")}: means nothing in batches: all calls that wait are sent together`,
    { hint: `leave it out, or ${nameIn(source, "batch")}` },
  );
}

/** What was given and cannot be taken comes before what is missing: its user has just typed it. */
function typedFirst(issues: readonly z.core.$ZodIssue[], tree: unknown): z.core.$ZodIssue[] {
  const isMissing = ({ code, path }: z.core.$ZodIssue) =>
    code !== "unrecognized_keys" && memberAt(tree, path) === undefined;
  return [...issues.filter((issue) => !isMissing(issue)), ...issues.filter(isMissing)];
}

function explain(
  issue: z.core.$ZodIssue,
  tree: Record<string, unknown>,
  source: ReadonlyMap<string, ConfigLayer>,
  flagName: (path: string) => string | undefined,
): ConfigError {
  const parent = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const path = parent === "" ? key : `${parent}.${key}`;
    const known = keysAt(runConfigSchema as unknown as z.ZodType, issue.path);
    return new ConfigError(`${nameIn(source, path)}: unknown key`, {
      code: "unknown-key",
      hint: nearHint(key, known, "w4s init writes an example with all keys"),
    });
  }
  const value = memberAt(tree, issue.path);
  if (value === undefined) {
    const flag = flagName(parent);
    return new ConfigError(`${nameIn(source, parent)}: missing`, {
      hint: `give it${flag ? ` with ${flag},` : ""} in the configuration or as ${variableOf(parent)}`,
    });
  }
  const message =
    issue.code === "invalid_key"
      ? "must be an alias of letters, digits, dashes and underscores"
      : issue.message;
  return new ConfigError(`${nameIn(source, parent)}: ${show(value, parent)} ${message}`, {
    hint: `correct ${parent}; w4s init writes an example with all keys and ranges`,
  });
}

function nameIn(source: ReadonlyMap<string, ConfigLayer>, path: string): string {
  for (let prefix = path; prefix !== ""; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
    const layer = source.get(prefix);
    if (layer)
      return prefix === path ? layer.nameOf(path) : `${layer.nameOf(prefix)}${path.slice(prefix.length)}`;
  }
  return path;
}

/** A value for an error message; what may be a key or a password is never repeated. */
function show(value: unknown, path: string): string {
  if (/apiKeyEnv$|(^|\.)(params|env)(\.|$)|^queue$/.test(path)) return "(value not shown)";
  // JSON has no word for Infinity and NaN.
  if (typeof value === "number") return String(value);
  const json = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/@\s"]*@/g, "//…@");
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}
