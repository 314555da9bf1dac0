/** @file Messages between a training run and its process: plain JSON. */
import type { ErrorJson } from "../../core/errors.js";
import type { ComputeDevice } from "../../graph/compute-device.js";
import type { AdapterOrigin } from "../../lora/lora-adapter.js";
import type { TrainEvent } from "../loop/train-event.js";
import type { TrainOptions } from "../train-lora.js";
import type { SameExamplesLoss } from "../training-run.js";

export interface TrainerOrder
  extends Pick<TrainOptions, "modelPath" | "modelHash" | "dataHash" | "settings" | "memoryLimitBytes">,
    Required<Pick<TrainOptions, "weights" | "checkpointFolder" | "checkpointEvery">> {
  /** File of examples, written by writeExamples(). */
  examplesPath: string;
  /** GGUF adapter to train on from. */
  initialPath?: string | undefined;
  /** Adapter file: `<outFolder>/adapter-<name>-<hash>.gguf`. */
  outFolder: string;
  name: string;
  origin: AdapterOrigin;
  threads: number;
  /** Default cpu. */
  device?: ComputeDevice | undefined;
  /** The process before this one died of another device: why it is not used. */
  deviceReason?: string | undefined;
}

export interface TrainerResult {
  adapterPath: string;
  /** What computed; absent from trainers of one's own that do not tell. */
  device?: ComputeDevice | undefined;
  /** Why it was not, or not alone, the device that was asked for. */
  deviceReason?: string | undefined;
  losses: number[];
  /** Of the first update's examples, before and after. */
  sameExamples?: SameExamplesLoss | undefined;
  steps: number;
  trainedTokens: number;
  /** Peak of the process's resident memory, bytes. */
  peakRssBytes: number;
}

export type TrainerCommand = { type: "train"; order: TrainerOrder } | { type: "abort" };

export type TrainerMessage =
  | { type: "ready" }
  | { type: "alive" }
  | { type: "event"; event: TrainEvent }
  | { type: "done"; result: TrainerResult }
  | { type: "error"; error: ErrorJson };
