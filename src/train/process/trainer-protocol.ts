/** @file Messages between a training run and its process: plain JSON. */
import type { ErrorJson } from "../../core/errors.js";
import type { AdapterOrigin } from "../../lora/lora-adapter.js";
import type { WeightCache } from "../../transformer/weight-plan.js";
import type { TrainEvent } from "../loop/train-event.js";
import type { TrainSettings } from "../train-settings.js";

export interface TrainerOrder {
  modelPath: string;
  modelHash: string;
  /** File of examples, written by writeExamples(). */
  examplesPath: string;
  dataHash: string;
  settings: TrainSettings;
  /** GGUF adapter to train on from. */
  initialPath?: string | undefined;
  checkpointFolder: string;
  checkpointEvery: number;
  /** Adapter file: `<outFolder>/adapter-<name>-<hash>.gguf`. */
  outFolder: string;
  name: string;
  origin: AdapterOrigin;
  threads: number;
  weights: WeightCache | "auto";
  memoryLimitBytes?: number | undefined;
}

export interface TrainerResult {
  adapterPath: string;
  losses: number[];
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
