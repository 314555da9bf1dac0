/** @file How a run has its calls sent in batches; names no type of the package that sends them. */
import type { WaveGate } from "../../wave-gate.js";
import type { BatchLog } from "./batch-log.js";

/** What is told while a batch is waited for. */
export interface BatchProgress {
  /** Id by which the server knows it. */
  id: string;
  status: string;
  requests: number;
  /** Answered so far, and failed so far, as the server counts them. */
  done: number;
  failed: number;
  /** Since it was made; 0 where the server does not say. */
  ageSeconds: number;
}

export interface BatchSettings {
  gate: WaveGate;
  log: BatchLog;
  /** Most requests of a batch. Default 50 000, the most that OpenAI takes. */
  maxRequests?: number | undefined;
  /** Most bytes of a batch's file. Default 200 MB, the most that OpenAI takes. */
  maxBytes?: number | undefined;
  /** First pause between two looks at a batch, ms, each being half as long again as the one before, up to the longest. Default 500. */
  firstPauseMs?: number | undefined;
  /** Default 60 000. */
  longestPauseMs?: number | undefined;
  /** Graceful stop: nobody waits for a batch any more, which goes on at the server. */
  stopSignal?: AbortSignal | undefined;
  onProgress?: ((progress: BatchProgress) => void) | undefined;
  onWarning: (message: string) => void;
}
