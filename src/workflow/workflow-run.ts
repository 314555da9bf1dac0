/** @file What one run of a workflow on one sample leaves behind. A failing workflow is data, never an exception. */
import { W4sError } from "../core/errors.js";

export type WorkflowStatus =
  | "ok"
  | "extract-failed"
  | "refused"
  | "threw"
  | "timed-out"
  | "out-of-memory"
  | "too-big"
  | "bad-result"
  | "budget";

export interface WorkflowRun {
  status: WorkflowStatus;
  /** The returned answer (JSON value); present only when status is "ok". */
  answer?: unknown;
  /** Bounded message (≤ 4 KiB) when status is not "ok"; names the line of the source where known. */
  error?: string | undefined;
  /** Lines of `agent.log`, cut at their cap with a mark. */
  log: string;
  /** Host calls that were admitted, by name. */
  calls: Record<string, number>;
  /** Wall milliseconds; never part of a result hash. */
  wallMs: number;
}

export interface SandboxLimits {
  /** Own computing and the latency of replies together; calls that overlap count once. Default 300 000. */
  wallMs: number;
  /** Processor time of the guest itself, without waiting for host calls. Default 5 000. */
  cpuMs: number;
  /** Default 64 MiB. */
  memoryBytes: number;
  /** Replies asked of models (a call with n = 5 counts once). Default 20. */
  modelCalls: number;
  /** Calls of runPython, test and tool together. Default 20. */
  toolCalls: number;
  /** Model calls running at once. Default 4. */
  inFlight: number;
  /** Arguments of one host call. Default 1 MiB. */
  argumentBytes: number;
  /** The returned value as JSON. Default 1 MiB. */
  resultBytes: number;
  /** Default 64 KiB. */
  logBytes: number;
  /** Default 4 KiB. */
  errorBytes: number;
}

/** What a host call counts towards the time limit of its run; one that tells nothing counts nothing. */
export interface CallClock {
  /** A request is on its way since then (ms of `performance.now()`), so that its silence counts; undefined: none is any more. */
  sentAt(at: number | undefined): void;
  /** An answer took that long, ms, as recorded when it was first given. Several of them add up. */
  took(ms: number): void;
}

/** Answers the host calls of one workflow run; arguments are parsed and checked against the API table before. */
export interface AgentHost {
  /**
   * @param name - a name of the API table: "text", "json", "weak.text", "weak.json", "runPython", "test", "tool"
   * @param args - checked, plain JSON arguments
   * @throws ModelCallError, or W4sError with isFatal (budget): the run rejects with it and the workflow is not blamed.
   *   Any other error reaches the guest as an exception it may catch.
   */
  call(name: string, args: readonly unknown[], signal: AbortSignal, clock: CallClock): Promise<unknown>;
  /** Whether a text is a reply that was cut at its token limit. Default: none is. A plain function: called without `this`. */
  readonly isCut?: ((reply: unknown) => boolean) | undefined;
  /** Which optional calls exist here: "weak", "runPython", "test", "tool". */
  readonly offers: ReadonlySet<string>;
}

/** The run was ended while it waited, as was asked for; its calls go on. */
export class RunParkedError extends W4sError {
  constructor() {
    super("run-parked", "the run was ended while it waited");
  }
}

/** Runs untrusted workflow source. Implementations pass tests/conformance/sandbox.ts. */
export interface Sandbox {
  /**
   * @param source - complete workflow source, already extracted from a reply
   * @param seed - Math.random and Date inside the guest are functions of it
   * @param onRest - told each time when the guest has nothing to do until one of its calls is answered; `park`, while that
   *   is so, ends the run with a RunParkedError. Default: nobody asks
   * @throws {ModelCallError} where the executor failed or the run waited for it longer than its limit: nothing is known about
   *   the workflow then; what stops a run (budget, abort). Never for what the workflow does.
   */
  run(
    source: string,
    task: unknown,
    host: AgentHost,
    options: {
      seed: number;
      limits?: Partial<SandboxLimits> | undefined;
      signal?: AbortSignal | undefined;
      onRest?: ((park: () => void) => void) | undefined;
    },
  ): Promise<WorkflowRun>;
  close(): Promise<void>;
}
