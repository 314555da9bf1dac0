/** @file The learning rate over the updates of a run, as factors of its highest value. */
import { ConfigError } from "../../core/errors.js";

/** Factor of the learning rate for update k, counted from 0; from 0 to 1. */
export type Schedule = (update: number) => number;

export interface ScheduleOptions {
  /** Updates over which the rate rises from 0 in a straight line; update 0 then moves nothing. Default 0. */
  warmupSteps?: number | undefined;
  /** All updates of the run, warm-up included; at least 1. */
  totalSteps: number;
}

/**
 * Falls along half a cosine, ½ (1 + cos π(k − warmup)/(total − warmup)); past `totalSteps` it rises again.
 * @source get_cosine_schedule_with_warmup of transformers
 * @throws {ConfigError} on counts out of range
 */
export function cosineSchedule(options: ScheduleOptions): Schedule {
  return afterWarmup(options, (share) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * share))));
}

/**
 * Falls in a straight line to 0 at `totalSteps` and stays there.
 * @source get_linear_schedule_with_warmup of transformers
 * @throws {ConfigError} on counts out of range
 */
export function linearSchedule(options: ScheduleOptions): Schedule {
  return afterWarmup(options, (share) => Math.max(0, 1 - share));
}

/**
 * Stays at 1 after the warm-up.
 * @source get_constant_schedule_with_warmup of transformers
 * @throws {ConfigError} on counts out of range
 */
export function constantSchedule(options: ScheduleOptions): Schedule {
  return afterWarmup(options, () => 1);
}

/** @param fall factor by the share of the updates after the warm-up that are done */
function afterWarmup(
  { warmupSteps = 0, totalSteps }: ScheduleOptions,
  fall: (share: number) => number,
): Schedule {
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    throw new ConfigError(`a schedule has ${totalSteps} updates, expected a whole number from 1 on`);
  }
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0 || warmupSteps > totalSteps) {
    throw new ConfigError(
      `the warm-up has ${warmupSteps} updates, expected a whole number from 0 to ${totalSteps}`,
    );
  }
  return (update) =>
    update < warmupSteps
      ? update / warmupSteps
      : fall((update - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
}
