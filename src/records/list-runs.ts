/** @file The runs below a folder: what each was, when, how far it came, its best accuracy and what it cost. */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { messageOf } from "../core/errors.js";
import { isLocked } from "../core/lock-run.js";
import { sumOrNull } from "../core/statistics.js";
import { readEvents, type StoredEvents } from "./read-events.js";
import type { ResultRow } from "./result-row.js";
import { MANIFEST_FILE, readManifest } from "./run-manifest.js";
import { type RunSummary, readSummary } from "./run-summary.js";

export interface ListedRun {
  /** Path below the folder that was searched. */
  name: string;
  path: string;
  command: string;
  task: string;
  executor: string;
  isSimulated: boolean;
  state: "running" | "finished" | "ended early" | "not finished" | "only forecast" | "damaged";
  /** Why it ended early, or what is damaged. */
  reason: string | null;
  /** Times of its first and its last event, ISO 8601; null without events. */
  startedAt: string | null;
  endedAt: string | null;
  /** The row that it ends with, on test where that was opened; null before there is one. */
  best: { title: string; accuracy: number; split: string } | null;
  /** Null where nothing was told. */
  spent: { calls: number; tokens: number; dollars: number | null } | null;
}

/** Names may have folders in them; runs lie no deeper than this. */
const MAX_DEPTH = 4;

/** All runs below a folder, the one that was at work last first; none where there is no such folder. */
export async function listRuns(root: string): Promise<ListedRun[]> {
  const runs: ListedRun[] = [];
  for (const path of runFolders(root, MAX_DEPTH)) runs.push(await listed(root, path));
  return runs.sort(
    (a, b) => (b.endedAt ?? "").localeCompare(a.endedAt ?? "") || a.name.localeCompare(b.name),
  );
}

/** Folders with a run in them; a run holds no further ones. */
export function runFolders(root: string, depth = MAX_DEPTH): string[] {
  if (existsSync(join(root, MANIFEST_FILE))) return [root];
  if (depth === 0 || !existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => runFolders(join(root, name), depth - 1));
}

async function listed(root: string, path: string): Promise<ListedRun> {
  const name = relative(root, path) || ".";
  const unknown = { command: "unknown", task: "unknown", executor: "unknown", isSimulated: false };
  const nothing = { startedAt: null, endedAt: null, best: null, spent: null };
  try {
    const { command, executor, isSimulated } = readManifest(path);
    const events = await readEvents(join(path, "events.jsonl"));
    const { startedAt, endedAt, task } = events;
    const summary = readSummary(path);
    return {
      ...{ name, path, command, executor, isSimulated, startedAt, endedAt },
      task: (summary?.command === "learn" ? summary.tasks.join(", ") : summary?.task) ?? task ?? "unknown",
      state: stateOf(path, summary, events),
      reason: summary?.stoppedBy ?? null,
      best: summary === undefined ? null : bestOf(summary),
      spent: spentOf(summary) ?? events.spent,
    };
  } catch (error) {
    return { name, path, ...unknown, ...nothing, state: "damaged", reason: messageOf(error) };
  }
}

function stateOf(
  path: string,
  summary: RunSummary | undefined,
  { sessions, forecast }: StoredEvents,
): ListedRun["state"] {
  if (isLocked(path)) return "running";
  if (summary === undefined) return sessions === 0 && forecast !== null ? "only forecast" : "not finished";
  return summary.isComplete ? "finished" : "ended early";
}

/** The chosen workflow of a search or a learning run; of an evaluation the most accurate row. */
function bestOf(summary: RunSummary): ListedRun["best"] {
  const lists =
    summary.command === "eval"
      ? [summary.rows]
      : "validation" in summary
        ? [summary.test, summary.validation]
        : [summary.test];
  const rows: ResultRow[] = lists.find((list) => list.length > 0) ?? [];
  const hash = "best" in summary ? summary.best?.hash : undefined;
  const chosen = rows.find(({ workflowHash }) => workflowHash === hash);
  const [row] = chosen ? [chosen] : [...rows].sort((a, b) => b.accuracy - a.accuracy);
  return row === undefined ? null : { title: row.title, accuracy: row.accuracy, split: row.split };
}

function spentOf(summary: RunSummary | undefined): ListedRun["spent"] {
  if (summary === undefined) return null;
  const parts = "rows" in summary && !("suite" in summary) ? Object.values(summary.spent) : [summary.spent];
  const list = parts as { calls: number; tokens: number; dollars: number | null }[];
  return {
    calls: list.reduce((sum, { calls }) => sum + calls, 0),
    tokens: list.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: sumOrNull(list.map(({ dollars }) => dollars)),
  };
}
