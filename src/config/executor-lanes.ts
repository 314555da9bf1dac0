/** @file How many calls an executor takes at once. */

/** Replies of a local model written together where nothing is said. */
const USUAL_LANES = 8;
/** Rows that the tiles of AMX take at once (docs/results/lanes.md). */
const MOST_LANES = 32;
const REMOTE_CALLS = 4;

/**
 * Replies that a local executor writes together, 8 to 32.
 * @param concurrency - runs at once
 */
export function executorLanes(concurrency: number): number {
  return Math.min(MOST_LANES, Math.max(USUAL_LANES, concurrency));
}

/** @param executor - as in the configuration */
export function defaultConcurrency(executor: string): number {
  return executor.startsWith("local:") ? USUAL_LANES : REMOTE_CALLS;
}
