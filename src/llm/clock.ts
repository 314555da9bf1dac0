/** @file Time and cancellation behind waits and limits; tests run two minutes of waiting in no time. */

import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";

export interface Clock {
  /** Monotonic milliseconds; never jumps with the wall clock. */
  now(): number;
  /** Milliseconds since 1970; only for comparing with dates a server sent. */
  wallNow(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  sleep: (ms, signal) =>
    setTimeout(Math.max(0, ms), undefined, { signal }).catch(() => {
      throw signal?.reason;
    }),
};

/**
 * A controller that also aborts with `parent`, until `unlink` is called. Used instead of
 * AbortSignal.any, which keeps every derived signal alive as long as a run-wide parent lives.
 */
export function linkedController(parent?: AbortSignal): { controller: AbortController; unlink(): void } {
  const controller = new AbortController();
  // A server without n is asked once for each reply, and the SDK adds a listener for each request.
  setMaxListeners(0, controller.signal);
  if (parent === undefined) return { controller, unlink: () => {} };
  return { controller, unlink: onAbort(parent, () => controller.abort(parent.reason)) };
}

/**
 * Runs `act` once when the signal aborts (at once if it has). A run-wide signal has one listener for each
 * call in flight, so that Node's warning about more than ten of them is switched off for it.
 * @returns a function that takes the listener away again.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  setMaxListeners(0, signal);
  signal.addEventListener("abort", act, { once: true });
  return () => signal.removeEventListener("abort", act);
}

/** `work`, or the signal's reason if that comes first; the work itself goes on. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let unlink = () => {};
  const aborted = new Promise<never>((_, reject) => {
    unlink = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    unlink();
  }
}
