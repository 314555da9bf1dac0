/** @file The adapters that a run ended with. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RoundFiles } from "./round-files.js";
import { adoptedIn, readRound } from "./round-record.js";

/** Paths of the last accepted adapter, or of the last one of every member; none where no round accepted any. */
export function adaptersOf(run: string): string[] {
  const last = new Map<string, string>();
  for (let round = 1; ; round++) {
    const record = readRound(new RoundFiles(run, round));
    if (record === undefined) break;
    if (!record.isAccepted) continue;
    for (const { name, adapter } of adoptedIn(record)) last.set(name, join(run, adapter));
  }
  return [...last.values()].filter((path) => existsSync(path));
}
