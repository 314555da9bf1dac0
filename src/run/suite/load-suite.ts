/** @file A suite by name or file, checked; every error names file, line, key and what is allowed. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import type { z } from "zod";
import { objectLayer, RENAMED_KEYS, resolveConfig } from "../../config/config-layers.js";
import { decidesOf, keysAt, SETTINGS } from "../../config/settings.js";
import {
  parseStrictYaml,
  readYamlText,
  type StrictYaml,
  YAML_HINT,
  YamlProblem,
} from "../../config/strict-yaml.js";
import { ConfigError, InputError, messageOf } from "../../core/errors.js";
import { firstIssue, memberAt } from "../../core/issue-line.js";
import { nearHint } from "../../core/near-names.js";
import { BUILT_IN_SUITES } from "./built-in-suites.js";
import { type Suite, suiteSchema } from "./suite-schema.js";

/** True for settings a suite has no say in: where a run lies, what it may cost, what is done for it already. */
function isRefused(path: string): boolean {
  const [key = ""] = path.split(".");
  return key === "task" || /^(session|learning)$/.test(decidesOf(key));
}

/**
 * Reads a suite file, or takes a built-in suite by name. Paths in a file are relative to its folder.
 * @param nameOrFile - "core", "full", or a YAML file
 * @returns the suite and its origin: the file, or the name where it is built in
 * @throws {InputError} naming file, line, key and what is allowed
 */
export function loadSuite(nameOrFile: string): { suite: Suite; origin: string } {
  const builtIn = BUILT_IN_SUITES.get(nameOrFile);
  if (builtIn !== undefined) return { suite: suiteSchema.parse(builtIn), origin: nameOrFile };
  const suite = parseSuite(readText(nameOrFile), nameOrFile);
  return { suite: withPaths(suite, dirname(resolve(nameOrFile))), origin: nameOrFile };
}

function readText(path: string): string {
  try {
    return readYamlText(path);
  } catch (error) {
    const names = [...BUILT_IN_SUITES.keys()].join(" and ");
    throw new InputError(`cannot read the suite ${path}: ${messageOf(error)}`, {
      code: "no-suite",
      hint: nearHint(path, BUILT_IN_SUITES.keys(), `name a YAML file; built in are ${names}`),
      cause: error,
    });
  }
}

/** @throws {InputError} */
export function parseSuite(text: string, file: string): Suite {
  let yaml: StrictYaml;
  try {
    yaml = parseStrictYaml(text);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new InputError(`${file}${error.place}: not usable YAML: ${error.message}`, {
      code: "bad-yaml",
      hint: YAML_HINT,
      cause: error.cause,
    });
  }
  const parsed = suiteSchema.safeParse(yaml.value ?? {});
  if (!parsed.success) throw explain(parsed.error, yaml, file);
  checkSettings(parsed.data, yaml, file);
  checkNames(parsed.data, yaml, file);
  return parsed.data;
}

function problem(yaml: StrictYaml, file: string, path: readonly PropertyKey[], what: string, hint?: string) {
  const key = path.map(String).join(".");
  return new InputError(`${file}${yaml.placeOf(path)}: ${key === "" ? "" : `${key}: `}${what}`, {
    code: "bad-suite",
    hint: hint ?? "see docs/evaluation.md for all keys",
  });
}

function explain(error: z.ZodError, yaml: StrictYaml, file: string): InputError {
  const issue = firstIssue(error);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const hint = nearHint(key, keysAt(suiteSchema, issue.path));
    return problem(yaml, file, [...issue.path, key], "unknown key", hint);
  }
  const isMissing = issue.code === "invalid_type" && memberAt(yaml.value, issue.path) === undefined;
  return problem(yaml, file, issue.path, isMissing ? `missing; it ${issue.message}` : issue.message);
}

/** Settings are those of a run, and checked by the same rules. */
function checkSettings({ settings }: Suite, yaml: StrictYaml, file: string): void {
  const layer = objectLayer(settings, "settings");
  for (const path of layer.values.keys()) {
    if (isRefused(path)) {
      throw problem(
        yaml,
        file,
        ["settings", ...path.split(".")],
        "cannot be set by a suite",
        "give it as a flag",
      );
    }
    if (!SETTINGS.has(RENAMED_KEYS.get(path) ?? path) && !/^(executors|params)$/.test(path)) {
      const hint = nearHint(path, SETTINGS.keys(), "w4s init writes an example with all settings");
      throw problem(yaml, file, ["settings", ...path.split(".")], "unknown setting", hint);
    }
  }
  try {
    resolveConfig([objectLayer({ task: "suite", executor: "simulated", ...settings }, "settings")]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const key = /^settings: ([\w.]+)/.exec(error.message)?.[1] ?? "";
    const place = yaml.placeOf(["settings", ...key.split(".")]);
    throw new InputError(`${file}${place}: ${error.message}`, {
      code: "bad-suite",
      hint: error.hint,
    });
  }
}

/** The name a row has in tables. */
export function rowName(row: Suite["rows"][number]): string {
  return row.name ?? row.baseline ?? row.workflow ?? row.run ?? "";
}

function checkNames({ rows, tasks, reference }: Suite, yaml: StrictYaml, file: string): void {
  const names = rows.map(rowName);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) throw problem(yaml, file, ["rows", twice], `a second row is called ${names[twice]}`);
  const repeated = tasks.findIndex(
    ({ task }, index) => tasks.findIndex((one) => one.task === task) !== index,
  );
  if (repeated >= 0) {
    throw problem(yaml, file, ["tasks", repeated], `task ${tasks[repeated]?.task} is named twice`);
  }
  if (reference !== undefined && !names.includes(reference)) {
    const hint = nearHint(reference, names, `rows: ${names.join(", ")}`);
    throw problem(yaml, file, ["reference"], `no row is called ${reference}`, hint);
  }
}

/** Files and folders named in a suite lie relative to it; names of datasets and models stay names. */
function withPaths(suite: Suite, folder: string): Suite {
  const isPath = (text: string) => /[\\/]/.test(text) || text.startsWith(".");
  const placed = (text: string) => (isAbsolute(text) ? text : resolve(folder, text));
  const maybe = (text: string) => (isPath(text) || existsSync(resolve(folder, text)) ? placed(text) : text);
  return {
    ...suite,
    tasks: suite.tasks.map((task) => ({ ...task, task: isPath(task.task) ? placed(task.task) : task.task })),
    rows: suite.rows.map((row) => ({
      ...row,
      name: rowName(row),
      workflow: row.workflow && placed(row.workflow),
      run: row.run && placed(row.run),
      policy: row.policy && {
        ...row.policy,
        adapter: row.policy.adapter && placed(row.policy.adapter),
        model: row.policy.model && maybe(row.policy.model),
      },
    })),
  };
}
