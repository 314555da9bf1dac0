/** @file What `w4s learn` tells while it works, beyond the events of the search. */

import type { DataCard, LearnPhase, RoundPlan, RoundRecord } from "../records/round-record.js";
import type { RunEvent } from "../records/run-event.js";
import type { TrainEvent } from "../train/loop/train-event.js";

/** Policy under judgement: the bare model, the adapter in force before, the new one, or the control without a model. */
export type JudgedPolicy = "base" | "previous" | "new" | "random";

export type LearnEvent =
  | RunEvent
  | {
      type: "round-start";
      round: number;
      rounds: number;
      plan: RoundPlan;
      explore: number;
      temperature: number;
      candidates: number;
      /** Of all rounds from this one on, as those before took; absent in the first one. */
      minutesLeft?: number | undefined;
    }
  | { type: "phase"; round: number; phase: LearnPhase; seconds: number }
  | { type: "examples"; round: number; card: DataCard }
  /** `policy` names the member whose adapter it is, where several work together. */
  | { type: "train"; round: number; policy?: string | undefined; event: TrainEvent }
  | { type: "judge"; round: number; policy: JudgedPolicy; task: string }
  | { type: "round-end"; record: RoundRecord };

export type OnLearnEvent = (event: LearnEvent) => void;
