/** @file `w4s inspect FILE`: what is in a GGUF file, a workflow, a trajectory or a run directory. */
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { formatBytes, formatCount, formatDollars, formatPercent } from "../../core/figure-format.js";
import type { GgufHeader, OptimizeResult, TrajectoryRecord } from "../../index.js";
import { type ActionBody, action } from "../action.js";
import { EXIT } from "../exit-code.js";
import { visible, visibleLine, writeErr, writeJson, writeOut } from "../print/output.js";
import { pairs, resultTable, table } from "../print/tables.js";
import { addCommonFlags } from "../run-flags.js";
import { auditAction } from "./inspect-audit.js";

const EXAMPLES = `
Examples:
  $ w4s inspect smollm2-135m.gguf
  $ w4s inspect adapter-lora-<hash>.gguf --base smollm2-135m
  $ w4s inspect best-workflow.js
  $ w4s inspect runs/RUN
  $ w4s inspect runs/RUN --audit
  $ w4s inspect runs/RUN/trajectories.jsonl --json

Reads headers only: no tensor data, no native code. A bad file ends with exit code 3,
a log that is not what was written with 6.`;

/** Longer values are cut on the screen; --json has them whole. */
const MAX_VALUE = 100;
const MAX_TEMPLATE = 2000;

type Api = typeof import("../../index.js");

export function command(): Command {
  const inspect = new Command("inspect")
    .description(
      "Shows a GGUF file (metadata, tensors, chat template), a workflow in words, a trajectory or a run directory.",
    )
    .argument("<file>", "GGUF file, workflow file, trajectories.jsonl or run directory")
    .option("--audit", "for runs: check the log, and tell who designed what, from which data, at what cost")
    .option("--base <model>", "for adapters: check that it fits this model (GGUF file or name)");
  return addCommonFlags(inspect, { hasConfig: false })
    .addHelpText("after", EXAMPLES)
    .action(action(inspectAction));
}

const inspectAction: ActionBody = async ({ isJson, command }, path = "") => {
  const api = await import("../../index.js");
  const isDirectory = statOf(api, path).isDirectory();
  const { audit } = command.opts<{ audit?: boolean }>();
  if (audit) {
    if (isDirectory) return await auditAction(path, isJson);
    throw new api.ConfigError("--audit is for run directories", { hint: "name the directory of a run" });
  }
  if (isDirectory) {
    const run = readRun(api, path);
    if (isJson) writeJson(run);
    else printRun(run, api.cardText);
  } else if (path.endsWith(".jsonl")) {
    const records = api.readTrajectory(path);
    const summary = trajectorySummary(records);
    if (isJson) writeJson({ ...summary, records });
    else printTrajectory(summary);
  } else if (/\.m?js$/.test(path)) {
    const card = api.workflowCard(api.readWorkflowFile(path).source, api.cardContext({}));
    if (isJson) writeJson(card);
    else writeOut(api.cardText(card));
  } else if (path.endsWith(".gguf") || startsLikeGguf(path)) {
    const { header, problems } = api.inspectGguf(path);
    const { base } = command.opts<{ base?: string }>();
    const training = [...(await trainingPairs(api, header, base)), ...lineagePairs(api, header, path)];
    if (isJson) writeJson({ ...headerJson(header), problems, ...Object.fromEntries(training) });
    else printHeader(header, problems, training);
  } else {
    throw new api.InputError(
      `${path} is no GGUF file, workflow (.js), trajectory (.jsonl) or run directory`,
      {
        hint: "name one of these",
      },
    );
  }
  return EXIT.done;
};

/** Name and answer: can the trainer use a model, does an adapter fit its base. */
async function trainingPairs(
  api: Api,
  header: GgufHeader,
  base: string | undefined,
): Promise<[string, string][]> {
  if (base !== undefined) {
    if (header.kind !== "adapter")
      throw new api.ConfigError("--base is for adapters", { hint: "leave it out for a model" });
    const fit = await api.adapterFit(header, await api.resolveModel(base));
    const text = {
      "same base": `yes, trained on ${base}`,
      "fits another base": `its shapes fit ${base}, but it was trained on another file`,
      fits: `its shapes fit ${base}; the file does not say what it was trained on`,
    }[fit];
    return [["fits", text]];
  }
  if (header.kind !== "model" || header.tensors.length === 0) return [];
  const problem = api.trainerProblem(header);
  return [["trainable", problem === null ? "yes" : `no: ${problem}`]];
}

/** The adapters this one was trained on from, youngest first. */
function lineagePairs(api: Api, header: GgufHeader, path: string): [string, string][] {
  if (header.kind !== "adapter") return [];
  const line = api.adapterLineage(path);
  const short = (hash: string | undefined) => hash?.slice(0, 12) ?? "unknown";
  const rows = line.map(({ path: file, hash, origin }, generation): [string, string] => {
    const rewards = origin.rewards === undefined ? "" : `, rewards ${origin.rewards}`;
    const from = `${short(hash)}${generation === 0 ? "" : ` (${file})`}`;
    return [
      generation === 0 ? "lineage" : `${"  ".repeat(Math.min(generation, 8))}from`,
      `${from}, data ${short(origin.dataHash)}${rewards}`,
    ];
  });
  const oldest = line.at(-1)?.origin;
  const indent = "  ".repeat(Math.min(line.length, 8));
  if (oldest?.parentHash !== undefined)
    rows.push([`${indent}from`, `${short(oldest.parentHash)} (its file is not here)`]);
  else if (oldest?.baseHash !== undefined)
    rows.push([`${indent}base`, `${oldest.baseName ?? "unnamed"}, ${short(oldest.baseHash)}`]);
  return rows;
}

/** Only plain files and folders are opened: a pipe or a device could block for ever. */
function statOf(api: Api, path: string) {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(path);
  } catch (error) {
    throw new api.InputError(`cannot read ${path}: ${api.messageOf(error)}`, {
      hint: "check the path",
      cause: error,
    });
  }
  if (!stat.isFile() && !stat.isDirectory()) {
    throw new api.InputError(`${path} is neither a file nor a directory`, { hint: "name a file" });
  }
  return stat;
}

function startsLikeGguf(path: string): boolean {
  const descriptor = openSync(path, "r");
  try {
    const magic = Buffer.alloc(4);
    readSync(descriptor, magic, 0, 4, 0);
    return magic.toString("latin1") === "GGUF";
  } finally {
    closeSync(descriptor);
  }
}

/** Tensor counts and bytes by type. */
function tensorTypes(
  header: GgufHeader,
): { type: string; tensors: number; parameters: number; bytes: number }[] {
  const types = new Map<string, { type: string; tensors: number; parameters: number; bytes: number }>();
  for (const { type, elementCount, sizeBytes } of header.tensors) {
    const sum = types.get(type.name) ?? { type: type.name, tensors: 0, parameters: 0, bytes: 0 };
    sum.tensors++;
    sum.parameters += elementCount;
    sum.bytes += sizeBytes;
    types.set(type.name, sum);
  }
  return [...types.values()].sort((a, b) => b.bytes - a.bytes);
}

function parameterCount(header: GgufHeader): number {
  return header.tensors.reduce((sum, { elementCount }) => sum + elementCount, 0);
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as ArrayLike<unknown>, plainValue);
  return value;
}

function headerJson(header: GgufHeader) {
  const { file, fileSize, version, kind, architecture, alignment, warnings, metadata, tensors } = header;
  return {
    file,
    fileSize,
    version,
    kind,
    architecture,
    parameterCount: parameterCount(header),
    alignment,
    types: tensorTypes(header),
    metadata: [...metadata].map(([key, { value }]) => ({ key, value: plainValue(value) })),
    tensors: tensors.map(({ name, dimensions, type, sizeBytes }) => ({
      name,
      dimensions,
      type: type.name,
      sizeBytes,
    })),
    warnings,
  };
}

function printHeader(
  header: GgufHeader,
  problems: readonly { field: string; why: string }[],
  training: readonly (readonly [string, string])[],
): void {
  const { file, fileSize, version, kind, architecture, metadata, warnings } = header;
  writeOut(
    pairs([
      ["file", `${file}, ${formatBytes(fileSize)}, GGUF version ${version}`],
      ["kind", `${kind}, architecture ${architecture || "not given"}`],
      [
        "parameters",
        `${formatCount(parameterCount(header))} (${parameterCount(header)}) in ${header.tensors.length} tensors`,
      ],
      ...training,
    ]),
  );
  writeOut(
    table(
      ["type", "tensors", "parameters", "size"],
      tensorTypes(header).map(({ type, tensors, parameters, bytes }) => [
        type,
        tensors,
        formatCount(parameters),
        formatBytes(bytes),
      ]),
    ),
  );
  const isTemplate = (key: string) => key.startsWith("tokenizer.chat_template");
  writeOut(
    pairs(
      [...metadata]
        .filter(([key]) => !isTemplate(key))
        .map(([key, { value }]) => [visibleLine(key), short(value)]),
    ),
  );
  for (const [key, { value }] of metadata) {
    if (!isTemplate(key) || typeof value !== "string") continue;
    const cut =
      value.length > MAX_TEMPLATE
        ? `${value.slice(0, MAX_TEMPLATE)}\n… ${value.length} characters in all`
        : value;
    writeOut(`\n${visibleLine(key)}:\n${visible(cut)}`);
  }
  for (const warning of warnings) writeErr(`warning: ${warning}`);
  for (const { field, why } of problems) writeErr(`warning: cannot be loaded as a model: ${field} ${why}`);
}

function short(value: unknown): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const list = value as unknown as ArrayLike<unknown>;
    const head = Array.from({ length: Math.min(5, list.length) }, (_, index) =>
      JSON.stringify(plainValue(list[index])),
    );
    return `[${head.join(", ")}${list.length > 5 ? ", …" : ""}] (${list.length})`;
  }
  const text = typeof value === "string" ? value : String(plainValue(value));
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

function trajectorySummary(records: readonly TrajectoryRecord[]) {
  const header = records.find((record) => record.kind === "header");
  const turns = records.filter((record) => record.kind === "turn");
  const actions = records.filter((record) => record.kind === "actions").flatMap((record) => record.actions);
  const candidates = turns.flatMap((turn) => turn.candidates);
  return {
    header: header ?? null,
    turns: turns.map(({ episode, turn, history, candidates, kept }) => ({
      episode,
      turn,
      candidates: candidates.length,
      valid: candidates.filter(({ outcome }) => outcome !== "invalid").length,
      best: Math.max(history.best, ...candidates.map(({ accuracy }) => accuracy ?? 0)),
      bestReward: candidates.length === 0 ? 0 : Math.max(...candidates.map(({ reward }) => reward)),
      kept,
    })),
    candidates: candidates.length,
    distinct: new Set(candidates.flatMap(({ workflowHash }) => workflowHash ?? [])).size,
    actionTokens: actions.reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
}

function printTrajectory(summary: ReturnType<typeof trajectorySummary>): void {
  const { header, turns, candidates, distinct, actionTokens } = summary;
  writeOut(
    pairs([
      ["task", header?.task.name ?? "unknown"],
      ["executor", `${header?.executor ?? "unknown"}${header?.isSimulated ? " (simulated)" : ""}`],
      ["weak model", header?.policy.id ?? "unknown"],
      ["candidates", `${candidates}, ${distinct} distinct workflows, ${actionTokens} tokens written`],
    ]),
  );
  writeOut(
    table(
      ["episode", "turn", "candidates", "valid", "best so far", "best reward", "kept"],
      turns.map(({ episode, turn, candidates, valid, best, bestReward, kept }) => [
        episode + 1,
        turn + 1,
        candidates,
        valid,
        formatPercent(best),
        bestReward.toFixed(2),
        kept === null ? "none" : kept + 1,
      ]),
    ),
  );
}

function readRun(api: Api, directory: string) {
  const read = (name: string): unknown => {
    const path = join(directory, name);
    if (!existsSync(path)) return null;
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new api.StorageError(`${path} is damaged: ${api.messageOf(error)}`, {
        hint: "start again with --fresh",
      });
    }
  };
  const manifest = read("run.json") as { command?: string; executor?: string; isSimulated?: boolean } | null;
  if (manifest === null) {
    throw new api.InputError(`${directory} is no run directory: it has no run.json`, {
      hint: "name a directory that w4s optimize, collect or eval has written",
    });
  }
  const trajectory = join(directory, "trajectories.jsonl");
  const summary = read("summary.json") as Partial<OptimizeResult> | null;
  return {
    directory,
    manifest,
    summary,
    card: cardOfRun(api, directory, manifest, summary, read("config.resolved.json")),
    trajectory: existsSync(trajectory) ? trajectorySummary(api.readTrajectory(trajectory)) : null,
  };
}

/** Of the best workflow, with what was measured of it on validation. */
function cardOfRun(
  api: Api,
  directory: string,
  { executor, isSimulated = false }: { executor?: string; isSimulated?: boolean },
  summary: Partial<OptimizeResult> | null,
  config: unknown,
) {
  const path = join(directory, "best-workflow.js");
  if (!existsSync(path)) return null;
  const { source } = api.readWorkflowFile(path);
  const row = summary?.validation?.find(({ name }) => name === "best");
  const context = api.cardContext(
    (config ?? {}) as Parameters<typeof api.cardContext>[0],
    executor === undefined ? undefined : { id: executor, isSimulated },
  );
  return api.workflowCard(source, context, api.measuredUse(row));
}

function printRun(
  { directory, manifest, summary, card, trajectory }: ReturnType<typeof readRun>,
  cardText: Api["cardText"],
): void {
  const isSimulated = manifest.isSimulated ?? false;
  const rows: [string, string][] = [
    ["run", directory],
    [
      "command",
      `${manifest.command ?? "unknown"}, ${summary === null ? "not finished" : summary.isComplete === false ? "ended early" : "finished"}`,
    ],
    ["executor", `${manifest.executor ?? "unknown"}${isSimulated ? " (simulated)" : ""}`],
  ];
  if (summary?.spent && "calls" in summary.spent) {
    const { calls, tokens, dollars } = summary.spent;
    rows.push(["spent", `${calls} calls, ${formatCount(tokens)} tokens, ${formatDollars(dollars)}`]);
  }
  writeOut(pairs(rows));
  for (const list of [summary?.validation, summary?.test]) {
    if (list && list.length > 0) writeOut(resultTable(list));
  }
  if (summary?.best) writeOut(`\nBest workflow (${summary.best.title}):\n\n${summary.best.source}`);
  if (card) writeOut(cardText(card));
  if (trajectory) printTrajectory(trajectory);
}
