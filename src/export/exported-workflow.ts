/** @file Everything that an exported file says of a workflow, out of a run directory or beside a workflow file. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { keyVariable } from "../config/key-variable.js";
import { defaultReplyTokens, LOCAL_REPLY_TOKENS } from "../config/reply-tokens.js";
import type { RunConfig } from "../config/run-config.js";
import { ConfigError, InputError, messageOf } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import { asksForExamples } from "../evaluate/examples/task-examples.js";
import { readRecord } from "../records/record-file.js";
import { readParts, type WorkflowParts } from "../records/workflow-parts.js";
import { readWorkflow, type WorkflowReading } from "../workflow/reading/read-workflow.js";
import { DEFAULT_LIMITS } from "../workflow/sandbox/sandbox-protocol.js";

/** The settings of a run that an export takes over; what an older run did not write is left out. */
export type ExportConfig = Partial<
  Pick<
    RunConfig,
    | "executor"
    | "executorModel"
    | "executors"
    | "apiKeyEnv"
    | "params"
    | "sendSeed"
    | "maxTokens"
    | "limits"
    | "task"
    | "price"
  >
>;

/** A model as the exported file names it; without `model` and `baseURL` the environment has to. */
export interface ExportedModel {
  model?: string | undefined;
  baseURL?: string | undefined;
  /** Environment variable with the key. */
  key?: string | undefined;
  /** Further members of the request body. */
  params?: Record<string, unknown> | undefined;
  /** Members of the request that the server does not take, or "name=value" where only that value is refused. */
  omit?: string[] | undefined;
  /** Name of the limit of a reply where it is not max_tokens. */
  limit?: string | undefined;
}

export interface ExportedWorkflow {
  /** Run, or name of the file. */
  title: string;
  /** Undefined where the workflow file lies in no run. */
  run: string | undefined;
  source: string;
  reading: WorkflowReading;
  /** Parts of a template that it needs. */
  features: ReadonlySet<string>;
  parts: WorkflowParts | undefined;
  models: Record<string, ExportedModel>;
  settings: { seed: number; maxTokens: number; weakTokens: number; modelCalls: number; toolCalls: number };
  config: ExportConfig;
  /** Differences to the run that a user has to know of. */
  warnings: string[];
}

/**
 * @param path - a workflow file, best-workflow.js of a run directory for one
 * @throws {InputError} where it cannot be read; {ConfigError} where it asks for examples and has none
 */
export function openWorkflow(path: string): ExportedWorkflow {
  if (!/\.[cm]?js$/.test(path))
    throw new InputError(`${path} is no workflow file`, {
      hint: "name a run (its directory, its name, or latest), or a .js file",
    });
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    throw new InputError(`cannot read the workflow ${path}: ${messageOf(error)}`, {
      hint: "name a run that has ended with a workflow, or a .js file",
      cause: error,
    });
  }
  const directory = dirname(path);
  const isRun = existsSync(join(directory, "run.json"));
  const config: ExportConfig = isRun
    ? ((readRecord(join(directory, "config.resolved.json"), z.record(z.string(), z.unknown())) ??
        {}) as ExportConfig)
    : {};
  const parts = readParts(path);
  const reading = readWorkflow(source);
  const features = featuresOf(reading, source);
  if (asksForExamples(source) && parts?.examples === undefined)
    throw new ConfigError(`${path} asks for examples, and none lie beside it`, {
      hint: "keep best-workflow.json beside best-workflow.js",
    });
  const warnings: string[] = [];
  const models = modelsOf(config, isRun ? directory : undefined, warnings);
  if (features.has("weak")) {
    models.weak = { key: "WEAK_API_KEY" };
    warnings.push(
      "the workflow asks the local model: serve it (llama-server, Ollama) and give WEAK_BASE_URL and WEAK_MODEL",
    );
  }
  if (features.has("tool"))
    warnings.push("the workflow uses own tools: give them to the function that answers, by their names");
  const { modelCalls, toolCalls } = { ...DEFAULT_LIMITS, ...config.limits };
  return {
    title: isRun ? basename(directory === "." ? process.cwd() : directory) : basename(path),
    run: isRun ? directory : undefined,
    ...{ source, reading, features, parts, models, config, warnings },
    settings: {
      seed: 0,
      maxTokens: config.maxTokens ?? defaultReplyTokens(config.executor ?? ""),
      weakTokens: LOCAL_REPLY_TOKENS,
      ...{ modelCalls, toolCalls },
    },
  };
}

/** What it calls; where that cannot be read for certain, whatever its text may speak of. */
function featuresOf({ calls, doubts }: WorkflowReading, source: string): Set<string> {
  const names = new Set(calls.map(({ name }) => name));
  const has = (name: string) =>
    names.has(name) || (doubts.length > 0 && new RegExp(`\\b${name}\\b`).test(source));
  const found = ["json", "runPython", "test", "examples", "tool"].filter(has);
  const isWeak = has("weak") || names.has("weak.text") || names.has("weak.json");
  const isWeakJson = names.has("weak.json") || (isWeak && has("json"));
  if (isWeak) found.push("weak");
  if (isWeakJson) found.push("weakjson", "json");
  if (found.includes("runPython") || found.includes("test")) found.push("programs");
  return new Set(found);
}

function modelsOf(
  config: ExportConfig,
  run: string | undefined,
  warnings: string[],
): Record<string, ExportedModel> {
  const { executor = "", executors = {} } = config;
  const habits =
    (run && readRecord(join(run, "endpoints.json"), z.record(z.string(), z.array(z.string())))) || {};
  const endpoint = (
    url: string,
    model: string | undefined,
    named: string | undefined,
    { headers, extra_body, organization, project, ...params }: Record<string, unknown> = {},
    sendSeed = true,
  ): ExportedModel => {
    const baseURL = url.replace(/\/+$/, "");
    if (headers ?? organization ?? project)
      warnings.push(`headers of ${new URL(url).host} are not exported: give a client of your own with them`);
    const body = { ...params, ...(extra_body as object) };
    const query = Object.keys(body).length === 0 ? "" : `?params=${hashJson(body).slice(0, 12)}`;
    const learned = habitsOf(habits[`openai:${baseURL}${query}#${model}`] ?? [], baseURL, warnings);
    const omit = [...(sendSeed ? [] : ["seed"]), ...learned.omit];
    return {
      ...{ model, baseURL },
      key: keyVariable({ executors, executor, apiKeyEnv: config.apiKeyEnv }, url, named),
      params: Object.keys(body).length > 0 ? body : undefined,
      omit: omit.length > 0 ? omit : undefined,
      limit: learned.limit,
    };
  };
  const aliases = Object.fromEntries(
    Object.entries(executors).map(([name, { url, model, apiKeyEnv, params, sendSeed }]) => [
      name,
      endpoint(url, model, apiKeyEnv, params, sendSeed ?? config.sendSeed),
    ]),
  );
  if (aliases[executor]) return { ...aliases, default: { ...aliases[executor] } };
  if (executor.startsWith("openai:"))
    return {
      ...aliases,
      default: endpoint(
        executor.slice("openai:".length),
        config.executorModel,
        config.apiKeyEnv,
        config.params,
        config.sendSeed,
      ),
    };
  warnings.push(
    `${executor === "" ? "no run tells which model answers" : `the run's executor (${executor}) is no server`}: give OPENAI_BASE_URL and OPENAI_MODEL`,
  );
  return { ...aliases, default: { key: "OPENAI_API_KEY" } };
}

/** What the server was found not to take, as far as it can be said by names. */
function habitsOf(
  changes: readonly string[],
  host: string,
  warnings: string[],
): { omit: string[]; limit: string | undefined } {
  const known = changes.filter((change) => /^(seed|n|response_format|temperature(=.*)?)$/.test(change));
  const isIdle = (change: string) => /^(stream|stream_options|stop|max_completion_tokens)$/.test(change);
  const lost = changes.filter((change) => !known.includes(change) && !isIdle(change));
  if (lost.length > 0) warnings.push(`not exported of what ${host} was found to want: ${lost.join(", ")}`);
  return {
    omit: known,
    limit: changes.includes("max_completion_tokens") ? "max_completion_tokens" : undefined,
  };
}

/** The title where quotes and line breaks have no place. */
export function titleText({ title }: Pick<ExportedWorkflow, "title">): string {
  return title.replace(/["\\\p{Cc}]/gu, " ");
}
