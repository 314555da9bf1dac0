/** @file The JavaScript sandbox: untrusted workflow source in, tagged result out. */
import { setMaxListeners } from "node:events";
import { W4sError } from "../../core/errors.js";
import type { ChildExitError } from "../../core/managed-child.js";
import {
  type AgentHost,
  RunParkedError,
  type Sandbox,
  type SandboxLimits,
  type WorkflowRun,
} from "../workflow-run.js";
import { ChildPool } from "./child-pool.js";
import { DEFAULT_LIMITS, MAX_SOURCE_BYTES } from "./sandbox-protocol.js";
import { type RunEnd, SandboxRun, statusOfExit } from "./sandbox-run.js";

export interface QuickJsSandboxOptions {
  /** Most runs at once, each in a process of its own. Default: cores, at most 4. */
  processes?: number | undefined;
  /** Limits of runs that give none. Defaults: see SandboxLimits. */
  limits?: Partial<SandboxLimits> | undefined;
}

/**
 * Runs workflows in QuickJS inside killable processes. Walls from inside out: a wasm instance with capped memory
 * that is as new for each run, a border of JSON text, quotas counted on both sides of it, a process without environment, and the
 * parent's watch over time and memory.
 */
export class QuickJsSandbox implements Sandbox {
  readonly #pool: ChildPool;
  readonly #limits: SandboxLimits;

  constructor({ processes, limits = {} }: QuickJsSandboxOptions = {}) {
    this.#pool = new ChildPool(processes);
    this.#limits = withLimits(DEFAULT_LIMITS, limits);
  }

  async run(
    source: string,
    task: unknown,
    host: AgentHost,
    { seed, limits = {}, signal, onRest }: Parameters<Sandbox["run"]>[3],
  ): Promise<WorkflowRun> {
    signal?.throwIfAborted();
    // One signal may end hundreds of runs; each listens to it.
    if (signal) setMaxListeners(0, signal);
    const refusal = refuse(source);
    if (refusal !== undefined) return { status: "refused", error: refusal, log: "", calls: {}, wallMs: 0 };
    const request = {
      source,
      taskJson: JSON.stringify(task) ?? "null",
      seed,
      limits: withLimits(this.#limits, limits),
      host,
      signal,
      onRest,
    };
    for (let isRetry = false; ; isRetry = true) {
      const child = await this.#pool.take(signal);
      const end: RunEnd = signal?.aborted
        ? { type: "fatal", error: signal.reason }
        : await new SandboxRun(child, request).execute();
      this.#pool.release(child, end.type === "parked" || (end.type === "run" && end.isReusable));
      if (this.#pool.isClosed) throw new W4sError("sandbox-closed", "the sandbox was closed during a run");
      if (end.type === "run") return end.run;
      if (end.type === "fatal") throw end.error;
      if (end.type === "parked") throw new RunParkedError();
      if (isRetry) return await processLost(child.process.exited);
    }
  }

  /** Ends all processes; runs that are still going on reject. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Twice dead before it did anything: something in the source kills the process. */
async function processLost(exited: Promise<ChildExitError>): Promise<WorkflowRun> {
  const exit = await exited;
  return { status: statusOfExit(exit), error: exit.message, log: "", calls: {}, wallMs: 0 };
}

/** Reason why a source is not even tried. */
function refuse(source: string): string | undefined {
  if (Buffer.byteLength(source) > MAX_SOURCE_BYTES) {
    return `the source is longer than ${MAX_SOURCE_BYTES} bytes`;
  }
  // Half a character cannot be stored as UTF-8: what ran would not be what is recorded.
  return source.isWellFormed() ? undefined : "the source holds half a surrogate pair";
}

function withLimits(base: SandboxLimits, changes: Partial<SandboxLimits>): SandboxLimits {
  const limits = { ...base, ...changes };
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value >= 0)) throw new RangeError(`limit ${name} must be 0 or more`);
  }
  return limits;
}
