/** @file What `w4s doctor` looks at, one finding a check: is everything here that a run needs, and does it really work? */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, freemem, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { ChatModel, RunConfig } from "../commands.js";
import { keyedServers } from "../config/key-variable.js";
import { messageOf, StorageError } from "../core/errors.js";
import { formatBytes } from "../core/figure-format.js";
import { checkPrice, checkTask, NO_TASK } from "./check-task.js";
import { EXIT, exitCodeOf } from "./exit-code.js";
import { isInteractive, writeErr } from "./print/output.js";
import { table } from "./print/tables.js";
import type { SignalWatch } from "./watch-signals.js";

type Api = typeof import("../commands.js");

export interface Finding {
  check: string;
  status: "ok" | "warning" | "failed" | "not checked";
  detail: string;
  hint?: string | undefined;
}

/** Thrown by a check that did not fail but found something to think about. */
class Warning extends Error {}
/** Thrown by a check that has nothing to look at. */
class NotChecked extends Error {}

const MINIMUM_NODE = [20, 19] as const;
const LOW_MEMORY = 2 * 1024 ** 3;
const LOW_DISK = 2 * 1024 ** 3;

/** Makes every check, also after one has failed. @returns the findings and the exit code of the first failure */
export async function checkHealth(
  api: Api,
  config: RunConfig,
  { watch, isQuiet }: { watch: SignalWatch; isQuiet: boolean },
): Promise<{ findings: Finding[]; exitCode: number }> {
  const findings: Finding[] = [];
  let exitCode: number = EXIT.done;
  for (const [check, look] of checks(api, config, watch.signal)) {
    if (isInteractive() && !isQuiet) writeErr(`checking ${check} …`);
    try {
      findings.push({ check, status: "ok", detail: await look() });
    } catch (error) {
      const isWarning = error instanceof Warning;
      const status = isWarning ? "warning" : error instanceof NotChecked ? "not checked" : "failed";
      const { hint } = error as { hint?: string };
      findings.push({ check, status, detail: api.messageOf(error), hint });
      if (status === "failed" && exitCode === EXIT.done) exitCode = exitCodeOf(error, watch.exitCode());
    }
  }
  return { findings, exitCode };
}

export function findingsTable(findings: readonly Finding[]): string {
  return table(
    ["check", "result", "detail"],
    findings.map(({ check, status, detail }) => [check, status, detail]),
  );
}

/** Advice on the first failure, on stderr. */
export function adviseOn(findings: readonly Finding[]): void {
  const failed = findings.find(({ status }) => status === "failed");
  if (failed)
    writeErr(`${failed.check}: ${failed.detail}; ${failed.hint ?? "put it right and run w4s doctor again"}`);
}

function checks(api: Api, config: RunConfig, signal: AbortSignal): [string, () => Promise<string>][] {
  return [
    ["Node.js", async () => nodeVersion(api)],
    ["threads", async () => threads(config)],
    ["memory", async () => memory()],
    [`disk of ${config.runsRoot}`, () => disk(config.runsRoot)],
    ["disk of models", () => disk(api.w4sHome())],
    ["sandbox and store", () => sandbox(api, signal)],
    ["llama.cpp", () => nativeModel(api, config)],
    ["weak model", () => weakModel(api, config)],
    ["dataset", () => dataset(api, config)],
    ["price", () => checkPrice(api, config, signal)],
    ["key", async () => key(config)],
    ["endpoint", () => endpoint(api, config, signal)],
  ];
}

function nodeVersion(api: Api): string {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isOld = major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1]);
  if (isOld) {
    throw new api.ConfigError(`${process.version} is too old`, {
      hint: `install Node.js ${MINIMUM_NODE.join(".")} or newer`,
    });
  }
  return `${process.version}, ${process.platform}-${process.arch}`;
}

function threads(config: RunConfig): string {
  const available = availableParallelism();
  const used = config.threads ?? Math.min(available, 8);
  if (used > available)
    throw new Warning(`${used} threads on ${available} cores: local models will be slow; lower --threads`);
  return `${available} cores, local models use ${used}`;
}

function memory(): string {
  const text = `${formatBytes(freemem())} free of ${formatBytes(totalmem())}`;
  if (freemem() < LOW_MEMORY) throw new Warning(`${text}: enough for the smallest models only`);
  return text;
}

/** Tries the nearest folder that exists: the directory itself may be made later. */
async function disk(directory: string): Promise<string> {
  let place = resolve(directory);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    rmSync(mkdtempSync(join(place, ".w4s-doctor-")), { recursive: true });
  } catch (error) {
    throw new StorageError(`cannot write to ${place}: ${messageOf(error)}`, {
      hint: "choose another folder (--runs-root, W4S_HOME), or make it writable",
      cause: error,
    });
  }
  const { bavail, bsize } = await statfs(place);
  const text = `${formatBytes(bavail * bsize)} free`;
  if (bavail * bsize < LOW_DISK)
    throw new Warning(`${text}: a run needs little, models need 0.1 to 1.1 GiB each`);
  return text;
}

const PROBE =
  "export default async function workflow(agent, task) { return [task.question, (await agent.text('x'))[0]]; }";

/** A real workflow in the real sandbox, with the real call store and a scripted executor. */
async function sandbox(api: Api, signal: AbortSignal): Promise<string> {
  const executor: ChatModel = {
    id: "doctor",
    isSimulated: true,
    async chat() {
      return {
        texts: ["pong"],
        usage: { promptTokens: 1, completionTokens: 1 },
        finishReasons: ["stop"],
        model: "doctor",
      };
    },
    async close() {},
  };
  await using runner = new api.WorkflowRunner({
    executor,
    price: { inputPerMillion: 0, outputPerMillion: 0 },
  });
  const start = performance.now();
  const { status, answer, error } = await runner.run(PROBE, { question: "ping" }, { signal });
  if (status !== "ok" || JSON.stringify(answer) !== '["ping","pong"]') {
    throw new api.InternalError(`a probe workflow ended as ${status} ${error ?? JSON.stringify(answer)}`, {
      hint: "install again with make install",
    });
  }
  return `QuickJS and SQLite work (${Math.round(performance.now() - start)} ms)`;
}

/** Loads a tiny random model and lets it write: the native library works, and on which device. */
async function nativeModel(api: Api, config: RunConfig): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "w4s-doctor-"));
  try {
    const modelPath = api.makeTinyGguf(join(folder, "tiny.gguf"));
    await using model = await api.LocalModel.load({ modelPath, gpu: config.gpu, threads: config.threads });
    await model.generate({
      messages: [{ role: "user", content: "ping" }],
      candidates: [{ seed: 0, temperature: 0 }],
      maxTokens: 4,
    });
    return `loads and writes on ${model.info.device}, ${model.info.threads} threads`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Contexts below this are too short for the shortest prompts and replies of a design. */
const LOW_CONTEXT = 2048;

/** Loads it as a run would: a header alone does not say whether llama.cpp takes the file. */
async function weakModel(api: Api, config: RunConfig): Promise<string> {
  if (config.model === undefined) throw new NotChecked("none named; w4s models list shows which there are");
  const modelPath = await api.resolveModel(config.model);
  const { fileSize } = api.readGgufHeader(modelPath);
  if (fileSize > freemem())
    throw new Warning(`${modelPath} has ${formatBytes(fileSize)}, more than is free in memory; not loaded`);
  await using model = await api.LocalModel.load({
    ...{ modelPath, adapterPath: config.adapter, gpu: config.gpu, threads: config.threads },
  });
  const { architecture, contextLength, warnings } = model.info;
  const odd = [...warnings];
  if (contextLength < LOW_CONTEXT)
    odd.push(`a context of ${contextLength} tokens is too short to design workflows in`);
  if (odd.length > 0) throw new Warning(`${modelPath}: ${odd.join("; ")}`);
  return `${modelPath} loads: ${architecture}, ${formatBytes(fileSize)}, context ${contextLength}`;
}

async function dataset(api: Api, config: RunConfig): Promise<string> {
  if (config.task === NO_TASK) throw new NotChecked("none named; w4s data list shows which there are");
  return await checkTask(api, config);
}

/** Says whether a key is set, never what it is. */
function key(config: RunConfig): string {
  const names = new Set(keyedServers(config).flatMap(({ variable }) => variable ?? []));
  if (names.size === 0) throw new NotChecked("no executor that needs one");
  const missing = [...names].filter((name) => !process.env[name]);
  if (missing.length > 0)
    throw new Warning(`${missing.join(", ")} is not set; servers on this machine need none`);
  return `${[...names].join(", ")} is set`;
}

async function endpoint(api: Api, config: RunConfig, signal: AbortSignal): Promise<string> {
  const file = /^local:(.+)$/.exec(config.executor)?.[1];
  if (file !== undefined) return `${await api.resolveModel(file)} is on this machine`;
  const isRemote = config.executor.startsWith("openai:") || Object.hasOwn(config.executors, config.executor);
  if (!isRemote) throw new NotChecked("no remote executor named");
  const local = new api.LocalModels(config, api.resolveModel);
  const context = { config, local, onWarning: () => {} };
  const { model } = await api.buildExecutor(config.executor, context);
  try {
    const { models } = (await model.preflight?.(signal)) ?? { models: [] };
    const names = models.slice(0, 5).join(", ");
    return `${model.id} answers${models.length > 0 ? `, has ${names}${models.length > 5 ? ", …" : ""}` : ""}`;
  } finally {
    await model.close();
  }
}
