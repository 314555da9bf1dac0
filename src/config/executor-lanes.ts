/** @file How many calls an executor takes at once where nothing is said. */
import { readFileSync } from "node:fs";

/** Replies of a local model written together where a step's time grows with each of them after the weights are read. */
const FEW_LANES = 8;
/** A step over the tiles of AMX takes about as long for one row as for 32 (docs/results/lanes.md). */
const TILE_LANES = 32;
const REMOTE_CALLS = 4;

/**
 * Replies that a local executor on this machine writes together, 8 or 32.
 * @param cpuInfo - what Linux says of the processors. Default: read from /proc; elsewhere nothing is known
 */
export function executorLanes(cpuInfo: string = readCpuInfo()): number {
  return /^flags\s*:.*\bamx_int8\b/m.test(cpuInfo) ? TILE_LANES : FEW_LANES;
}

/** @param executor - as in the configuration */
export function defaultConcurrency(executor: string): number {
  return executor.startsWith("local:") ? executorLanes() : REMOTE_CALLS;
}

function readCpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "latin1");
  } catch {
    return "";
  }
}
