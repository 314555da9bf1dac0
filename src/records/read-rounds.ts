/** @file The rounds of `w4s learn` as they were stored: their records, and the losses of their training. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "./read-events.js";
import { RoundFiles } from "./round-files.js";
import { type RoundRecord, readRound } from "./round-record.js";
import { roundNumbers } from "./run-files.js";

export interface StoredRound {
  round: number;
  /** Null: the round is not finished. */
  record: RoundRecord | null;
  /** Loss by update, in the order of the updates; an update done twice by a resumed run counts once. */
  losses: StoredLoss[];
  /** Losses of each policy, where several learn together; `losses` is empty then. */
  members: { name: string; losses: StoredLoss[] }[];
}

export interface StoredLoss {
  step: number;
  loss: number;
}

/**
 * The rounds of a run directory in their order; none for other commands.
 * @throws {InputError} on a record with other fields; {StorageError} on damage.
 */
export async function readRounds(directory: string): Promise<StoredRound[]> {
  const rounds: StoredRound[] = [];
  // What was measured before the first round is not one.
  for (const round of roundNumbers(directory).filter((number) => number > 0)) {
    const files = new RoundFiles(directory, round);
    const members = [];
    for (const entry of readdirSync(files.folder, { withFileTypes: true })) {
      const log = join(files.member(entry.name), "train.jsonl");
      if (entry.isDirectory() && existsSync(log))
        members.push({ name: entry.name, losses: await readLosses(log) });
    }
    const losses = await readLosses(files.trainLog);
    rounds.push({ round, record: readRound(files) ?? null, losses, members });
  }
  return rounds;
}

async function readLosses(path: string): Promise<StoredLoss[]> {
  const losses = new Map<number, number>();
  if (!existsSync(path)) return [];
  for await (const { text } of readLines(path)) {
    const event = plainObject(text);
    if (event?.type === "step" && typeof event.step === "number" && typeof event.loss === "number")
      losses.set(event.step, event.loss);
  }
  return [...losses].map(([step, loss]) => ({ step, loss })).sort((a, b) => a.step - b.step);
}

/** The curve is only for the eye: a line that cannot be read is a missing point, not an error. */
function plainObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
