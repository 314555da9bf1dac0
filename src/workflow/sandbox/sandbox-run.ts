/** @file The parent's side of one run: deadline, quotas, host calls, and what the run leaves behind. */

import { BudgetExceededError, messageOf, W4sError } from "../../core/errors.js";
import type { ChildExitError } from "../../core/managed-child.js";
import { cutBytes, plainLines } from "../plain-text.js";
import { watchMemory } from "../watch-memory.js";
import { callSpec, offeredCalls } from "../workflow-api.js";
import type { AgentHost, SandboxLimits, WorkflowRun, WorkflowStatus } from "../workflow-run.js";
import { checkCall } from "./check-call.js";
import type { SandboxChild } from "./child-pool.js";
import { parseBorderJson } from "./parse-border-json.js";
import { budgetMessage, LOG_CUT_MARK, type ToParent } from "./sandbox-protocol.js";

/** Grace for the child's own computing limit, which gives the better message, before it is killed for it. */
const CPU_GRACE_MS = 500;
const HOST_ERROR_CHARACTERS = 1_000;

/** End of a run, and whether its process may serve again. */
export type RunEnd =
  | { type: "run"; run: WorkflowRun; isReusable: boolean }
  /** The process died before it asked for anything: the run can be tried again. */
  | { type: "retry" }
  /** Outage, spent budget or abort: not the workflow's fault. */
  | { type: "fatal"; error: unknown };

export interface RunRequest {
  source: string;
  taskJson: string;
  seed: number;
  limits: SandboxLimits;
  host: AgentHost;
  signal?: AbortSignal | undefined;
}

type CallMessage = Extract<ToParent, { type: "call" }>;

let lastRun = 0;

export class SandboxRun {
  readonly #id = ++lastRun;
  readonly #child: SandboxChild;
  readonly #request: RunRequest;
  readonly #startedAt = performance.now();
  readonly #calls: Record<string, number> = {};
  readonly #abort = new AbortController();
  readonly #queue: (() => void)[] = [];
  readonly #cleanups: (() => void)[] = [];
  #resolve!: (end: RunEnd) => void;
  #isOver = false;
  #log = "";
  #isLogCut = false;
  #counts = { model: 0, tool: 0 };
  #inFlight = 0;
  /** Calls of the guest that it waits for: while there are any, its silence is not computing. */
  #unanswered = 0;
  #cpuTimer: NodeJS.Timeout | undefined;

  constructor(child: SandboxChild, request: RunRequest) {
    this.#child = child;
    this.#request = request;
  }

  /** Runs the workflow to its end; never rejects. */
  execute(): Promise<RunEnd> {
    const { source, taskJson, seed, limits, host, signal } = this.#request;
    const ended = new Promise<RunEnd>((resolve) => {
      this.#resolve = resolve;
    });
    const onAbort = () => this.#finish({ type: "fatal", error: signal?.reason });
    signal?.addEventListener("abort", onAbort, { once: true });
    const deadline = setTimeout(
      () => this.#stop("timed-out", `stopped: the time limit of ${limits.wallMs} ms was reached`),
      limits.wallMs,
    );
    const stopWatching = watchMemory(this.#child.process.pid, limits.memoryBytes, () =>
      this.#stop("out-of-memory", `stopped: more than ${limits.memoryBytes} bytes of memory`),
    );
    this.#cleanups.push(
      () => signal?.removeEventListener("abort", onAbort),
      () => clearTimeout(deadline),
      () => clearTimeout(this.#cpuTimer),
      stopWatching,
    );
    this.#child.onMessage = (message) => this.#onMessage(message);
    void this.#child.process.exited.then((exit) => this.#onExit(exit));
    this.#watchCpu();
    const calls = offeredCalls(host.offers).map(({ name }) => name);
    this.#child.post({ type: "run", run: this.#id, source, taskJson, seed, calls, limits });
    return ended;
  }

  #onMessage(message: ToParent): void {
    if (this.#isOver || message.run !== this.#id) return;
    if (message.type === "call") this.#onCall(message);
    else if (message.type === "log") this.#onLog(message.text, message.isCut);
    else this.#onEnd(message);
  }

  #onLog(text: string, isCut: boolean): void {
    if (this.#log.length <= this.#request.limits.logBytes) this.#log += text;
    this.#isLogCut ||= isCut;
  }

  #onCall({ call, name, argumentsJson }: CallMessage): void {
    this.#unanswered++;
    clearTimeout(this.#cpuTimer);
    let args: unknown[];
    try {
      args = this.#admit(name, argumentsJson);
    } catch (error) {
      this.#reply(call, false, messageOf(error, HOST_ERROR_CHARACTERS));
      return;
    }
    this.#calls[name] = (this.#calls[name] ?? 0) + 1;
    const start = () => void this.#serve(call, name, args);
    if (this.#inFlight < this.#request.limits.inFlight) start();
    else this.#queue.push(start);
  }

  /** The child has checked all this; the parent trusts no child. */
  #admit(name: string, argumentsJson: string): unknown[] {
    const { limits, host } = this.#request;
    const args = checkCall(name, parseBorderJson(argumentsJson, limits.argumentBytes) as unknown[]);
    const spec = callSpec(name);
    if (!spec || spec.quota === "none" || (spec.offer && !host.offers.has(spec.offer))) {
      throw new Error(`agent.${name} is not offered for this task`);
    }
    const limit = spec.quota === "model" ? limits.modelCalls : limits.toolCalls;
    if (++this.#counts[spec.quota] > limit) throw new Error(budgetMessage(spec.quota, limit));
    return args;
  }

  async #serve(call: number, name: string, args: unknown[]): Promise<void> {
    this.#inFlight++;
    try {
      const value = await this.#request.host.call(name, args, this.#abort.signal);
      this.#reply(call, true, value ?? null);
    } catch (error) {
      if (isFatal(error, this.#request.signal)) this.#finish({ type: "fatal", error });
      else this.#reply(call, false, messageOf(error, HOST_ERROR_CHARACTERS));
    } finally {
      this.#inFlight--;
      if (!this.#isOver) this.#queue.shift()?.();
    }
  }

  #reply(call: number, isOk: boolean, value: unknown): void {
    if (this.#isOver) return;
    const { isCut } = this.#request.host;
    const cutReplies = Array.isArray(value) && isCut ? value.filter((text) => isCut(text)) : undefined;
    this.#child.post({ type: "reply", run: this.#id, call, isOk, json: JSON.stringify(value), cutReplies });
    this.#unanswered--;
    if (this.#unanswered === 0) this.#watchCpu();
  }

  /** The child ends itself at its computing limit, unless one built-in call holds it; then it is killed. */
  #watchCpu(): void {
    const { cpuMs, wallMs } = this.#request.limits;
    if (cpuMs + CPU_GRACE_MS >= wallMs) return;
    clearTimeout(this.#cpuTimer);
    this.#cpuTimer = setTimeout(
      () => this.#stop("timed-out", `stopped: more than ${cpuMs} ms of computing`),
      cpuMs + CPU_GRACE_MS,
    );
  }

  #onEnd({ outcome, text, isReusable }: Extract<ToParent, { type: "end" }>): void {
    const { resultBytes } = this.#request.limits;
    if (outcome !== "returned") {
      this.#end(outcome, text, isReusable);
      return;
    }
    try {
      const answer = parseBorderJson(text, resultBytes);
      this.#finish({ type: "run", run: { ...this.#rest(), status: "ok", answer }, isReusable });
    } catch (error) {
      this.#end("bad-result", messageOf(error), false);
    }
  }

  #onExit(exit: ChildExitError): void {
    if (this.#isOver) return;
    if (this.#counts.model + this.#counts.tool === 0) this.#finish({ type: "retry" });
    else this.#end(statusOfExit(exit), exit.message, false);
  }

  /** Ends the run from outside; the process is killed by whoever owns it. */
  #stop(status: WorkflowStatus, error: string): void {
    this.#end(status, error, false);
  }

  #end(status: WorkflowStatus, text: string, isReusable: boolean): void {
    const error = cutBytes(plainLines(text), this.#request.limits.errorBytes, "…");
    this.#finish({ type: "run", run: { ...this.#rest(), status, error }, isReusable });
  }

  #rest(): Pick<WorkflowRun, "log" | "calls" | "wallMs"> {
    return {
      log: cutBytes(plainLines(this.#log), this.#request.limits.logBytes, LOG_CUT_MARK, this.#isLogCut),
      calls: { ...this.#calls },
      wallMs: performance.now() - this.#startedAt,
    };
  }

  #finish(end: RunEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#queue.length = 0;
    for (const cleanup of this.#cleanups) cleanup();
    this.#resolve(end);
    // Calls still in flight have nobody to answer to.
    this.#abort.abort(new W4sError("run-over", "the workflow has ended"));
  }
}

/** V8 aborts, and the kernel kills, where memory has run out; every other death is a crash. */
export function statusOfExit({ exitSignal }: ChildExitError): WorkflowStatus {
  return exitSignal === "SIGABRT" || exitSignal === "SIGKILL" ? "out-of-memory" : "threw";
}

/** Errors that are not the workflow's: they end the run() with a rejection instead of reaching the guest. */
function isFatal(error: unknown, signal: AbortSignal | undefined): boolean {
  if (error instanceof BudgetExceededError || signal?.aborted) return true;
  return W4sError.is(error) && ((error as { isFatal?: unknown }).isFatal === true || error.code === "budget");
}
