/** @file The log of a run as its reader needs it: events one by one, and what they come to. */
import { createReadStream, existsSync } from "node:fs";
import { StorageError } from "../core/errors.js";
import { decodeLine } from "../core/jsonl-log.js";
import { type Forecast, parseEvent } from "./run-event.js";

const CHUNK_BYTES = 1 << 20;

/** Facts that events.jsonl tells of a run, beside its candidates. */
export interface StoredEvents {
  /** Times of the first and the last event, ISO 8601; null without events. */
  startedAt: string | null;
  endedAt: string | null;
  /** Milliseconds that its sessions took together: pauses between them, and steps of the clock, are left out. */
  workedMs: number;
  /** Number of times the command was started: 1 unless the run was resumed. */
  sessions: number;
  task: string | null;
  /** Each opening of the test split. */
  testOpenings: { at: string; items: number; purpose: string }[];
  warnings: string[];
  /** The last sums told; what a run without a summary has spent. */
  spent: { calls: number; tokens: number; dollars: number | null } | null;
  /** The first forecast, before anything was paid. */
  forecast: Forecast | null;
}

/**
 * The lines of a text file, split at line feeds only: JSON leaves other line separators unescaped.
 * @returns each with whether a line feed ended it; the last line of a file being written may have none
 */
export async function* readLines(path: string): AsyncGenerator<{ text: string; isEnded: boolean }> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: CHUNK_BYTES })) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const text of parts) yield { text, isEnded: true };
  }
  if (rest !== "") yield { text: rest, isEnded: false };
}

/**
 * The records of a log, read one by one, so that a run of any size can be reported. A torn last line is left out.
 * @throws {StorageError} when a complete line is damaged.
 */
export async function* readLogLines(path: string): AsyncGenerator<Record<string, unknown>> {
  let number = 0;
  for await (const { text, isEnded } of readLines(path)) {
    number++;
    const record = isEnded ? decodeLine(text) : undefined;
    if (record !== undefined) yield record;
    else if (isEnded) throw damaged(path, number);
  }
}

function damaged(path: string, line: number): StorageError {
  return new StorageError(`${path}: line ${line} is damaged (checksum does not fit)`, {
    code: "damaged-log",
    hint: "restore the file from a copy; the rest of the run can be reported without it",
  });
}

/** Reads events.jsonl; nothing is known where there is none. */
export async function readEvents(path: string): Promise<StoredEvents> {
  const found: StoredEvents = {
    startedAt: null,
    endedAt: null,
    workedMs: 0,
    sessions: 0,
    task: null,
    testOpenings: [],
    warnings: [],
    spent: null,
    forecast: null,
  };
  if (!existsSync(path)) return found;
  const warnings = new Set<string>();
  let isForecast = false;
  for await (const line of readLogLines(path)) {
    const at = String(line.at ?? "");
    const event = parseEvent(line);
    if (event?.type === "run-start") {
      isForecast = event.isDryRun ?? false;
      found.task = event.task;
    } else if (event?.type === "forecast") found.forecast ??= event.forecast;
    // A forecast made apart is no session of the run.
    if (isForecast) continue;
    const passedMs = Date.parse(at) - Date.parse(found.endedAt ?? at);
    if (event?.type !== "run-start" && passedMs > 0) found.workedMs += passedMs;
    found.startedAt ??= at;
    found.endedAt = at;
    if (event?.type === "run-start") found.sessions++;
    else if (event?.type === "test-opened") {
      found.testOpenings.push({ at, items: event.items, purpose: event.purpose });
    } else if (event?.type === "warning") {
      warnings.add(event.message);
    } else if (event?.type === "spent") {
      const { calls, tokens, dollars } = event;
      found.spent = { calls, tokens, dollars };
    }
  }
  found.warnings = [...warnings];
  return found;
}
