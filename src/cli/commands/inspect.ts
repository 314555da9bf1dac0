/** @file `w4s inspect FILE`: what is in a GGUF file, a workflow, a trajectory or a run directory. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { Command } from "commander";
import type { GgufHeader, RunReport } from "../../commands.js";
import { formatBytes, formatCount, formatPercent } from "../../core/figure-format.js";
import { groupBy } from "../../core/statistics.js";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { visible, visibleLine, writeErr, writeJson, writeOut, writeProse } from "../print/output.js";
import { spentText } from "../print/spent-text.js";
import { pairs, resultTable, table } from "../print/tables.js";
import { addRunFlags } from "../run-flags.js";
import { namedRunOf } from "../runs-root.js";
import { auditAction } from "./inspect-audit.js";

const EXAMPLES = `
Examples:
  $ w4s inspect smollm2-135m.gguf
  $ w4s inspect adapter-lora-<hash>.gguf --base smollm2-135m
  $ w4s inspect best-workflow.js
  $ w4s inspect latest
  $ w4s inspect runs/RUN --audit
  $ w4s inspect runs/RUN/trajectories.jsonl --json

Reads headers only: no tensor data, no native code. A bad file ends with exit code 3,
a log that is not what was written with 6.`;

/** Longer values are cut on the screen; --json has them whole. */
const MAX_VALUE = 100;
const MAX_TEMPLATE = 2000;

type Api = typeof import("../../commands.js");

export function command(): Command {
  const inspect = new Command("inspect")
    .description(
      "Shows a GGUF file (metadata, tensors, chat template), a workflow in words, a trajectory or a run directory.",
    )
    .argument(
      "<file>",
      "GGUF file or name of a model, workflow file, trajectories.jsonl, or a run: its directory, its name, or latest",
    )
    .option("--audit", "for runs: check the log, and tell who designed what, from which data, at what cost")
    .option("--base <model>", "for adapters: check that it fits this model (GGUF file or name)");
  addRunFlags(inspect, ["runsRoot"]);
  return complete(inspect, inspectAction, { examples: EXAMPLES });
}

const inspectAction: ActionBody = async ({ isJson, command }, name = "") => {
  const api = await import("../../commands.js");
  const path = await inspectedPath(api, command, name);
  const isDirectory = statOf(api, path).isDirectory();
  const { audit } = command.opts<{ audit?: boolean }>();
  if (audit) {
    if (isDirectory) return await auditAction(path, isJson);
    throw new api.ConfigError("--audit is for run directories", { hint: "name the directory of a run" });
  }
  if (isDirectory) {
    const run = await api.readRunReport(path);
    const summary = turnsSummary(api, run.turns);
    const { baselines: _, turns: __, replays: ___, ...rest } = run;
    if (isJson) writeJson({ directory: path, ...rest, ...summary });
    else printRun(path, run, summary, api.cardText);
  } else if (path.endsWith(".jsonl")) {
    const { turns, sources } = await api.readTurns(path);
    const summary = turnsSummary(api, turns);
    if (isJson) writeJson({ sources, ...summary, records: api.readTrajectory(path) });
    else printTrajectory(sources[0], summary);
  } else if (/\.m?js$/.test(path)) {
    const card = api.workflowCard(api.readWorkflowFile(path).source, api.cardContext({}));
    if (isJson) writeJson(card);
    else writeOut(api.cardText(card));
  } else if (path.endsWith(".gguf") || startsLikeGguf(path)) {
    const { header, problems: asModel } = api.inspectGguf(path);
    // An adapter is no model, and need not be loadable as one.
    const problems = header.kind === "adapter" ? [] : asModel;
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

/** A path, the name of a model that is here, or that of a run. */
async function inspectedPath(api: Api, command: Command, name: string): Promise<string> {
  if (existsSync(name)) return name;
  const isModel = api.listModels().some((model) => model.name === name);
  if (isModel) return await api.resolveModel(name);
  return /[\\/.]/.test(name) ? name : await namedRunOf(command, name);
}

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
function tensorTypes({ tensors }: GgufHeader) {
  return [...groupBy(tensors, ({ type }) => type.name)]
    .map(([type, own]) => ({
      type,
      tensors: own.length,
      parameters: own.reduce((sum, { elementCount }) => sum + elementCount, 0),
      bytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    }))
    .sort((a, b) => b.bytes - a.bytes);
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

/** Counts of turns, and over all their candidates. */
export function turnsSummary(api: Pick<Api, "bestLevel">, turns: RunReport["turns"]) {
  const candidates = turns.flatMap((turn) => turn.candidates);
  return {
    turns: turns.map(({ episode, turn, history, candidates: own, kept }) => ({
      episode,
      turn,
      candidates: own.length,
      valid: own.filter(({ outcome }) => outcome !== "invalid").length,
      best: api.bestLevel({ history, candidates: own }),
      bestReward: own.length === 0 ? 0 : Math.max(...own.map(({ reward }) => reward)),
      kept,
    })),
    candidates: candidates.length,
    distinct: new Set(candidates.flatMap(({ workflowHash }) => workflowHash ?? [])).size,
    actionTokens: candidates.reduce((sum, { written }) => sum + written, 0),
  };
}

type TurnsSummary = ReturnType<typeof turnsSummary>;

function candidatesLine({ candidates, distinct, actionTokens }: TurnsSummary): [string, string] {
  return ["candidates", `${candidates}, ${distinct} distinct workflows, ${actionTokens} tokens written`];
}

function printTrajectory(source: RunReport["sources"][number] | undefined, summary: TurnsSummary): void {
  writeOut(
    pairs([
      ["task", source?.task ?? "unknown"],
      ["executor", `${source?.executor ?? "unknown"}${source?.isSimulated ? " (simulated)" : ""}`],
      ["weak model", source?.policy.id ?? "unknown"],
      candidatesLine(summary),
    ]),
  );
  printTurns(summary);
}

function printTurns({ turns }: TurnsSummary): void {
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

/** What a run directory holds, on stdout. */
export function printRun(
  directory: string,
  run: RunReport,
  summary: TurnsSummary,
  cardText: Api["cardText"],
): void {
  const { command, task, executor, policy, isSimulated, isComplete, spent, rows, best, card, sources } = run;
  const end = isComplete === null ? "not finished" : isComplete ? "finished" : "ended early";
  const lines: [string, string][] = [
    ["run", directory],
    ["command", `${command}, ${end}`],
    ["task", task],
    ["executor", `${executor}${isSimulated ? " (simulated)" : ""}`],
  ];
  if (policy !== null) lines.push(["weak model", policy]);
  if (spent !== null) lines.push(["spent", spentText(spent)]);
  if (summary.candidates > 0) lines.push(candidatesLine(summary));
  writeOut(pairs(lines));
  for (const split of ["train", "validation", "test"] as const) {
    const own = rows.filter((row) => row.split === split);
    if (own.length > 0) writeOut(resultTable(own));
  }
  if (best !== null) writeOut(`\nBest workflow (${best.title}):\n\n${best.source}`);
  if (card !== null) writeProse(cardText(card));
  // Episodes of several files are numbered alike.
  if (sources.length === 1) printTurns(summary);
}
