/** @file Back to an earlier round: later ones are set aside, and the next `w4s learn` goes on from there. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, InputError, messageOf, StorageError } from "../core/errors.js";
import { lockRun } from "../core/lock-run.js";
import { RoundFiles } from "./round-files.js";
import { readRound } from "./round-record.js";
import { roundName, roundNumbers } from "./run-files.js";

export interface RollbackResult {
  /** Rounds set aside, and where each one lies now. */
  setAside: { round: number; path: string }[];
  /** The adapter that is in force now: of the last accepted round left; null = the one the run started with. */
  adapter: string | null;
}

/**
 * @param round - the last round that stays; 0 sets all aside
 * @throws {InputError} when the directory is no learning run; {ConfigError} on a round that was never finished;
 *   {RunInUseError} while a process works there
 */
export function rollback(runFolder: string, round: number): RollbackResult {
  const folder = join(runFolder, "rounds");
  if (!existsSync(folder)) {
    throw new InputError(`${runFolder} is not a run of w4s learn: it has no rounds`, {
      hint: "name a directory that w4s learn has written",
    });
  }
  const numbers = roundNumbers(runFolder).filter((number) => number > 0);
  if (round !== 0 && readRound(new RoundFiles(runFolder, round)) === undefined) {
    const finished = numbers.filter((number) => readRound(new RoundFiles(runFolder, number)) !== undefined);
    throw new ConfigError(`round ${round} of ${runFolder} is not finished`, {
      hint: finished.length > 0 ? `finished: ${finished.join(", ")}` : "no round is finished",
    });
  }
  const unlock = lockRun(runFolder, {});
  try {
    const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
    const setAside = numbers
      .filter((number) => number > round)
      .map((number) => {
        const path = join(folder, `old-${stamp}-${roundName(number)}`);
        try {
          renameSync(new RoundFiles(runFolder, number).folder, path);
        } catch (error) {
          throw new StorageError(`cannot set round ${number} aside: ${messageOf(error)}`, { cause: error });
        }
        return { round: number, path };
      });
    const left = numbers.filter((number) => number <= round);
    const accepted = left
      .map((number) => readRound(new RoundFiles(runFolder, number)))
      .findLast((record) => record?.isAccepted);
    return { setAside, adapter: accepted === undefined ? null : join(runFolder, accepted.adapter) };
  } finally {
    unlock();
  }
}
