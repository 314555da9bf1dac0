/** @file Messages between the sandbox parent and its children, and the limits both sides hold. */
import type { SandboxLimits } from "../workflow-run.js";

export const DEFAULT_LIMITS: Readonly<SandboxLimits> = {
  wallMs: 300_000,
  cpuMs: 5_000,
  memoryBytes: 64 * 1024 * 1024,
  modelCalls: 20,
  toolCalls: 20,
  inFlight: 4,
  argumentBytes: 1024 * 1024,
  resultBytes: 1024 * 1024,
  logBytes: 64 * 1024,
  errorBytes: 4 * 1024,
};

/** Longest source that is looked at, in bytes of UTF-8. */
export const MAX_SOURCE_BYTES = 256 * 1024;

/** Text that stands at the end of a log that was cut. */
export const LOG_CUT_MARK = "\n[log cut here: its limit was reached]";

export type ToChild =
  | {
      type: "run";
      run: number;
      source: string;
      taskJson: string;
      seed: number;
      calls: string[];
      limits: SandboxLimits;
      /** Whether its rests are told. */
      tellsRests: boolean;
    }
  | {
      type: "reply";
      run: number;
      call: number;
      isOk: boolean;
      json: string;
      /** Texts of the reply that were cut at their token limit. Default: none. */
      cutReplies?: string[] | undefined;
    };

/** End of a run as the child saw it; limits that only the parent knows are applied on top. */
export type ChildOutcome =
  | "returned"
  | "threw"
  | "refused"
  | "bad-result"
  | "too-big"
  | "budget"
  | "timed-out"
  | "out-of-memory";

export type ToParent =
  | {
      type: "call";
      run: number;
      call: number;
      name: string;
      argumentsJson: string;
      /** Own computing up to here. */
      cpuMs: number;
    }
  | {
      /** The guest has nothing to do until a call is answered. */
      type: "rest";
      run: number;
      /** Calls that it has no answer to. */
      outstanding: number;
    }
  | {
      type: "log";
      run: number;
      text: string;
      /** The log has reached its limit; nothing more will come. */
      isCut: boolean;
    }
  | {
      type: "end";
      run: number;
      outcome: ChildOutcome;
      /** "returned": JSON text of the answer; otherwise a message. */
      text: string;
      /** False when the process must not be used again. */
      isReusable: boolean;
    };

/** Message that the guest reads when it meets a quota. */
export function budgetMessage(what: "model" | "tool", limit: number): string {
  return `the limit of ${limit} ${what} calls is reached`;
}
