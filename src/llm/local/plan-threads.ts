/** @file How the parts of a run that compute on this machine share its cores. */
import { availableParallelism } from "node:os";

/** Threads, or processes at once, of each part. */
export interface ThreadShares {
  /** Local model behind the executor's name; 0 where the executor runs elsewhere. */
  executor: number;
  /** Weak model while it writes. */
  weak: number;
  /** Programs (Python) that run at once. */
  programs: number;
}

const MOST_THREADS = 8;
const MOST_PROGRAMS = 4;

/**
 * A local executor computes nearly all the time and gets every thread there is. The weak model writes, and programs run, in
 * moments between: half of them each. More would make llama.cpp's threads, which wait for each other at every step, wait for those.
 * @param threads - of the run. Default: the available cores, at most 8
 */
export function planThreads(isExecutorLocal: boolean, threads?: number | undefined): ThreadShares {
  const all = threads ?? Math.min(availableParallelism(), MOST_THREADS);
  if (!isExecutorLocal)
    return { executor: 0, weak: all, programs: Math.min(threads ?? availableParallelism(), MOST_PROGRAMS) };
  const half = Math.max(1, Math.floor(all / 2));
  return { executor: all, weak: half, programs: Math.min(half, MOST_PROGRAMS) };
}

/** Whether an executor's name stands for a model on this machine. */
export function isLocalExecutor(executor: string | undefined): boolean {
  return executor?.startsWith("local:") ?? false;
}
