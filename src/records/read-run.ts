/** @file A run directory as plain data: what it was, what it found, what it cost. Reads only. */
import { basename, join } from "node:path";
import { z } from "zod";
import { sumOrNull } from "../core/statistics.js";
import { readEvents, type StoredEvents } from "./read-events.js";
import { readRounds, type StoredRound } from "./read-rounds.js";
import { readTurns, type StoredTurn, type TrajectorySource } from "./read-turns.js";
import { readRecord } from "./record-file.js";
import { type Replay, readReplays } from "./replay-record.js";
import type { LedgerRow, ResultRow, Spent } from "./result-row.js";
import { readManifest } from "./run-manifest.js";
import {
  type BestWorkflow,
  type EvalSummary,
  type LearnSummary,
  type RunSummary,
  readSummary,
  type SearchSummary,
} from "./run-summary.js";

/** Everything that is stored of a run. Texts are as the run wrote them: whoever shows them has to escape them. */
export interface StoredRun {
  /** Last part of the directory's path. */
  name: string;
  command: string;
  task: string;
  executor: string;
  policy: string | null;
  /** Device of the weak model. */
  device: string | null;
  isSimulated: boolean;
  /** Null: no summary was written, so the run goes on or died. */
  isComplete: boolean | null;
  /** Reason why the run ended early. */
  stoppedBy: string | null;
  events: StoredEvents;
  rows: ResultRow[];
  /** Rows of `eval` minus the first one on the same items, with paired intervals. */
  differences: EvalSummary["differences"];
  best: BestWorkflow | null;
  /** Best workflow minus the best baseline on validation, of `optimize`. */
  comparisons: NonNullable<SearchSummary["comparisons"]>;
  /** The finalists on items that nothing was chosen by; null where there was no confirmation. */
  confirmation: NonNullable<SearchSummary["confirmation"]> | null;
  breakEven: Record<string, number | null>;
  warnings: string[];
  spent: { calls: number; tokens: number; dollars: number | null } | null;
  ledger: LedgerRow[];
  /** Headers of the trajectory files: models and hashes. */
  sources: TrajectorySource[];
  turns: StoredTurn[];
  rounds: StoredRound[];
  /** Result of learning; null for other commands and before the end. */
  learned: Pick<
    LearnSummary,
    | "base"
    | "baseEpisodes"
    | "trained"
    | "difference"
    | "random"
    | "againstRandom"
    | "judgeTasks"
    | "isHeldBack"
  > | null;
  /** Runs of robot tasks to draw. */
  replays: Replay[];
  config: Record<string, unknown>;
  /** Hashes of the inputs and other settings that decide the results. */
  identity: Record<string, unknown>;
}

/**
 * Reads a run directory of optimize, collect, eval or learn, finished or not, of this version or 0.1.
 * @throws {InputError} where it is none, or a file has other fields than this version knows; {StorageError} on damage.
 */
export async function readRun(directory: string): Promise<StoredRun> {
  const manifest = readManifest(directory);
  const summary = readSummary(directory);
  const config = readRecord(join(directory, "config.resolved.json"), z.record(z.string(), z.unknown())) ?? {};
  const events = await readEvents(join(directory, "events.jsonl"));
  const { turns, sources } = await readTurns(directory);
  const spent = spentList(summary);
  const learned = summary?.command === "learn" ? summary : undefined;
  const searched = summary?.command === "optimize" || summary?.command === "collect" ? summary : undefined;
  return {
    name: basename(directory),
    command: manifest.command,
    task: taskOf(summary) ?? tasksOf(sources) ?? events.task ?? String(config.task ?? "unknown"),
    executor: summary !== undefined && "executor" in summary ? summary.executor : manifest.executor,
    policy: policyName(searched?.policy ?? sources[0]?.policy.id ?? null, learned?.model ?? config.model),
    device: searched?.device ?? sources[0]?.policy.device ?? null,
    isSimulated: manifest.isSimulated || (summary?.isSimulated ?? false),
    isComplete: summary?.isComplete ?? null,
    stoppedBy: summary?.stoppedBy ?? null,
    events,
    rows: rowsOf(summary),
    differences: summary !== undefined && "differences" in summary ? summary.differences : [],
    best: (searched ?? learned)?.best ?? null,
    comparisons: searched?.comparisons ?? [],
    confirmation: searched?.confirmation ?? null,
    breakEven: learned ? breakEvens(learned.breakEven) : (searched?.breakEven ?? {}),
    warnings: summary?.warnings ?? events.warnings,
    spent: spent.length > 0 ? total(spent) : events.spent,
    ledger: spent.flatMap(({ rows }) => rows),
    sources,
    turns,
    rounds: await readRounds(directory),
    learned: learned ?? null,
    replays: readReplays(directory),
    config,
    identity: manifest.identity,
  };
}

function taskOf(summary: RunSummary | undefined): string | undefined {
  return summary?.command === "learn" ? summary.tasks.join(", ") : summary?.task;
}

function rowsOf(summary: RunSummary | undefined): ResultRow[] {
  if (summary === undefined) return [];
  switch (summary.command) {
    case "eval":
      return summary.rows;
    case "learn":
      return summary.test;
    default:
      return [...summary.validation, ...summary.test];
  }
}

/** `learn` tells it by task and baseline, the others by baseline. */
function breakEvens(list: LearnSummary["breakEven"]): Record<string, number | null> {
  return Object.fromEntries(list.map(({ task, baseline, samples }) => [`${task}: ${baseline}`, samples]));
}

/** `eval` keeps one sum per executor, the other commands one in all. */
function spentList(summary: RunSummary | undefined): Spent[] {
  if (summary === undefined) return [];
  return summary.command === "eval" && !("suite" in summary)
    ? Object.values(summary.spent)
    : [summary.spent as Spent];
}

function total(list: readonly Spent[]): { calls: number; tokens: number; dollars: number | null } {
  return {
    calls: list.reduce((sum, { calls }) => sum + calls, 0),
    tokens: list.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: sumOrNull(list.map(({ dollars }) => dollars)),
  };
}

function tasksOf(sources: readonly TrajectorySource[]): string | undefined {
  return sources.length === 0 ? undefined : [...new Set(sources.map(({ task }) => task))].join(", ");
}

/** The id of a local model is its hash: the name it was asked for by says more. */
function policyName(id: string | null, model: unknown): string | null {
  if (typeof model !== "string") return id;
  const name = basename(model);
  return id === null || id.includes(name) ? (id ?? name) : `${name} (${id})`;
}
