/** @file What `w4s init` proposes on this machine, and what it accepts: datasets, models, servers and prices. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { isLoopback } from "../core/network/loopback.js";
import type { AskContext } from "./ask-settings.js";
import { isSimulated, NO_TASK } from "./check-task.js";

type Api = typeof import("../commands.js");
type Given = ReadonlyMap<string, unknown>;

const GENERATED = "word-problems";
/** Weak models in the order they are proposed in; the last one is part of the package. */
const WEAK_MODELS = ["qwen2.5-coder-0.5b", "smollm2-135m", "nano"];
/** Models that answer questions on this machine, the ablest first. */
const STRONG_MODELS = ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b"];
const OPENAI_URL = "https://api.openai.com/v1";
/** Cheap, and in the list of prices. */
const OPENAI_MODEL = "gpt-4o-mini";

/** @param env - variables that name servers, models and keys: OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_API_KEY */
export function initContext(
  api: Api,
  env: Readonly<Record<string, string | undefined>>,
  tell: (text: string) => void,
): AskContext {
  return {
    tell,
    suggest: (path, given) => suggestion(api, env, path, given),
    check: (path, value, given) => refusal(api, path, value, given),
    isPriceOpen: (given) => api.priceFor(String(given.get("executorModel"))) === null,
  };
}

async function suggestion(
  api: Api,
  env: Readonly<Record<string, string | undefined>>,
  path: string,
  given: Given,
): Promise<string | undefined> {
  switch (path) {
    case "task":
      return await ownDataset(api);
    case "model":
      return installed(api, WEAK_MODELS);
    case "executor":
      if (await isGenerated(api, given.get("task"))) return "simulated";
      if (env.OPENAI_BASE_URL || env.OPENAI_API_KEY) return `openai:${env.OPENAI_BASE_URL || OPENAI_URL}`;
      return `local:${installed(api, STRONG_MODELS) ?? STRONG_MODELS[0]}`;
    case "executorModel":
      return (
        env.OPENAI_MODEL || (given.get("executor") === `openai:${OPENAI_URL}` ? OPENAI_MODEL : undefined)
      );
    case "apiKeyEnv":
      return "OPENAI_API_KEY";
    case "price.inputPerMillion":
    case "price.outputPerMillion":
      // A server of one's own bills nothing; the line in the file can be corrected where it is a door to a paid one.
      return isOwnServer(given) ? "0" : undefined;
    default:
      return undefined;
  }
}

function installed(api: Api, names: readonly string[]): string | undefined {
  const there = new Set(api.listModels().flatMap(({ name, isInstalled }) => (isInstalled ? [name] : [])));
  return names.find((name) => there.has(name));
}

/** Why a value cannot be taken, by the words of the command that would refuse it. */
async function refusal(api: Api, path: string, value: unknown, given: Given): Promise<string | undefined> {
  try {
    const [section, key] = path.split(".") as [string, string | undefined];
    // The two ends of a price belong together: the other one is taken as good.
    const both = section === "price" ? { inputPerMillion: 0, outputPerMillion: 0 } : {};
    const member = key === undefined ? value : { ...both, [key]: value };
    const defaults = { task: NO_TASK, executor: "simulated", [section]: member };
    api.loadRunConfig({ env: {}, hasFile: false, defaults });
    if (path === "task") await api.datasetNamed(String(value));
    const local = path === "executor" ? /^local:(.*)$/.exec(String(value))?.[1] : undefined;
    const model = path === "model" ? String(value) : local;
    if (model !== undefined && !api.listModels().some(({ name }) => name === model))
      await api.resolveModel(model);
    if (path === "executor" && isSimulated(String(value)) && !(await isGenerated(api, given.get("task"))))
      return `the simulated executor cannot solve ${given.get("task")}: it knows generated families only`;
    return undefined;
  } catch (error) {
    if (!api.W4sError.is(error)) throw error;
    return `${error.message.replace(/^default: /, "")}${error.hint === undefined ? "" : `; ${error.hint}`}`;
  }
}

async function isGenerated(api: Api, task: unknown): Promise<boolean> {
  try {
    return (await api.datasetNamed(String(task))).family !== undefined;
  } catch (error) {
    if (!api.W4sError.is(error)) throw error;
    return false;
  }
}

/** The newest dataset in the working folder, or in its datasets/, that is somebody's own; else a generated one. */
async function ownDataset(api: Api): Promise<string> {
  const entries = await api.listDatasets([resolve("datasets"), resolve(".")]);
  const own = entries.filter(({ family, error }) => family === undefined && error === undefined);
  const age = ({ directory }: (typeof own)[number]) => statSync(join(directory, "dataset.json")).mtimeMs;
  return own.sort((a, b) => age(b) - age(a))[0]?.name ?? GENERATED;
}

function isOwnServer(given: Given): boolean {
  const url = String(given.get("executor")).slice("openai:".length);
  return URL.canParse(url) && isLoopback(new URL(url).hostname);
}
