/** @file The learning rate over the updates of a run, as factors of its highest value. */

/** Factor of the learning rate for update k, counted from 0; from 0 to 1. */
export type Schedule = (update: number) => number;

/**
 * Factor after the warm-up, by the share of the other updates that are done: half a cosine, a straight line to 0, or 1.
 * @source get_cosine_, get_linear_ and get_constant_schedule_with_warmup of transformers
 */
const FALLS = {
  cosine: (share: number) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * share))),
  linear: (share: number) => Math.max(0, 1 - share),
  constant: () => 1,
} as const;

/**
 * Rises from 0 in a straight line over the warm-up, then falls.
 * @param warmupSteps - update 0 moves nothing where there are any
 * @param totalSteps - all updates, warm-up included; at least 1
 */
export function makeSchedule(kind: keyof typeof FALLS, totalSteps: number, warmupSteps = 0): Schedule {
  return (update) =>
    update < warmupSteps
      ? update / warmupSteps
      : FALLS[kind]((update - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
}
