/** @file What a training run reports while it works. */

import type { UsedDevice } from "../../graph/open-device.js";
import type { PackedCounts } from "../data/pack-batches.js";

/** What one update computed. */
export interface UpdateWork extends PackedCounts {
  /** Before the update. */
  loss: number;
  /** Mean KL(π‖base) at the positions of targets, where it is penalised. */
  divergence?: number | undefined;
}

/** Report of a training run while it works. */
export type TrainEvent =
  /** What computes; with the reason where it is not the device that was asked for. */
  | ({ type: "device" } & UsedDevice)
  | {
      type: "plan";
      /** One line each for the user. */
      weights: string;
      memory: string;
      /** Expected peak of the process. */
      memoryBytes: number;
      examples: number;
      heldOutExamples: number;
      /** Examples whose prompt was cut. */
      shortened: { index: number; removedTokens: number }[];
      /** Updates of the whole run, and how many are done already. */
      totalSteps: number;
      resumedAt: number;
      /** Numbers that train. */
      parameterCount: number;
      /** Time for what is left, ms, from the speed of one matrix product measured just now. */
      forecastMs: number;
    }
  | (UpdateWork & {
      type: "step";
      /** Updates done, this one included. */
      step: number;
      totalSteps: number;
      /** Epoch, from 1. */
      epoch: number;
      /** Norm of the gradient before clipping. */
      gradientNorm: number;
      learningRate: number;
      /** Mean since this process began. */
      tokensPerSecond: number;
      leftMs: number;
    })
  | { type: "held-out"; step: number; loss: number }
  | { type: "checkpoint"; step: number; path: string }
  | { type: "warning"; message: string };
