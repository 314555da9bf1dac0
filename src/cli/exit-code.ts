/** @file From what went wrong to the exit code. */
import { CommanderError } from "commander";

/** One meaning each; listed in `w4s --help` and docs. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  input: 3,
  executor: 4,
  failedSamples: 5,
  storage: 6,
  inUse: 7,
  budget: 8,
  belowScore: 9,
  hangup: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** By the name of the class, so that no library has to be loaded to report that it could not be loaded. */
const BY_CLASS: ReadonlyMap<string, number> = new Map([
  ["ConfigError", EXIT.usage],
  ["InputError", EXIT.input],
  ["FormatError", EXIT.input],
  ["UnsupportedModelError", EXIT.input],
  ["ModelCallError", EXIT.executor],
  ["QueueError", EXIT.executor],
  ["TrainingDivergedError", EXIT.failedSamples],
  ["LostSamplesError", EXIT.failedSamples],
  ["StorageError", EXIT.storage],
  ["RunInUseError", EXIT.inUse],
  ["BudgetExceededError", EXIT.budget],
  ["InternalError", EXIT.bug],
]);

/** Errors of the file system that a full, broken, read-only or overused disk gives. */
const STORAGE_CODES = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE"]);
const MAX_DEPTH = 8;

/**
 * The exit code of an error.
 * @param interruptCode - what an AbortError means: the code of the signal that was received
 */
export function exitCodeOf(error: unknown, interruptCode: number = EXIT.interrupted): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  // An outage of one sample that ended a run has the failed call as its cause.
  for (
    let current = error, depth = 0;
    isObject(current) && depth < MAX_DEPTH;
    current = current.cause, depth++
  ) {
    const code = ownCode(current, interruptCode);
    if (code !== undefined) return code;
  }
  return EXIT.bug;
}

function ownCode(error: Record<string, unknown>, interruptCode: number): number | undefined {
  if (error.name === "AbortError") return interruptCode;
  for (let type = Object.getPrototypeOf(error); type !== null; type = Object.getPrototypeOf(type)) {
    const code = BY_CLASS.get((type as { constructor?: { name?: string } }).constructor?.name ?? "");
    if (code !== undefined) return code;
  }
  return typeof error.code === "string" && STORAGE_CODES.has(error.code) ? EXIT.storage : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
