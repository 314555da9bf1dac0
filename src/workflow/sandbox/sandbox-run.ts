/** @file The parent's side of one run: time, quotas, host calls, and what the run leaves behind. */

import { BudgetExceededError, ModelCallError, messageOf, W4sError } from "../../core/errors.js";
import type { ChildExitError } from "../../core/managed-child.js";
import { cutBytes, plainLines } from "../plain-text.js";
import { patientTimeout } from "../python/patient-timeout.js";
import { watchMemory } from "../watch-memory.js";
import { callSpec, offeredCalls } from "../workflow-api.js";
import type { AgentHost, CallClock, SandboxLimits, WorkflowRun, WorkflowStatus } from "../workflow-run.js";
import { checkCall } from "./check-call.js";
import type { SandboxChild } from "./child-pool.js";
import { parseBorderJson } from "./parse-border-json.js";
import { budgetMessage, LOG_CUT_MARK, type ToParent } from "./sandbox-protocol.js";

/** Grace for the child's own computing limit, which gives the better message, before it is killed for it. */
const CPU_GRACE_MS = 500;
/** Most time that a busy machine may keep a child from computing before it is killed all the same. */
const BUSY_MS = 40_000;
const SHORT_MS = 100;
const HOST_ERROR_CHARACTERS = 1_000;

/** End of a run, and whether its process may serve again. */
export type RunEnd =
  | { type: "run"; run: WorkflowRun; isReusable: boolean }
  /** The process died before it asked for anything: the run can be tried again. */
  | { type: "retry" }
  /** It waited, and was ended for that: the process is free. */
  | { type: "parked" }
  /** Outage, spent budget or abort: not the workflow's fault. */
  | { type: "fatal"; error: unknown };

export interface RunRequest {
  source: string;
  taskJson: string;
  seed: number;
  limits: SandboxLimits;
  host: AgentHost;
  signal?: AbortSignal | undefined;
  /** See Sandbox.run(). */
  onRest?: ((park: () => void) => void) | undefined;
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
  #isResting = false;
  #stopCpuWatch = () => {};
  /** The run's own clock: what the guest has computed, and what it has waited for replies, calls at once counted once. */
  #computedMs = 0;
  #waitedMs = 0;

  constructor(child: SandboxChild, request: RunRequest) {
    this.#child = child;
    this.#request = request;
  }

  /** Runs the workflow to its end; never rejects. */
  execute(): Promise<RunEnd> {
    const { source, taskJson, seed, limits, host, signal, onRest } = this.#request;
    const ended = new Promise<RunEnd>((resolve) => {
      this.#resolve = resolve;
    });
    const onAbort = () => this.#finish({ type: "fatal", error: signal?.reason });
    signal?.addEventListener("abort", onAbort, { once: true });
    const stopWatching = watchMemory(this.#child.process.pid, limits.memoryBytes, () =>
      this.#stop("out-of-memory", `stopped: more than ${limits.memoryBytes} bytes of memory`),
    );
    this.#cleanups.push(
      () => signal?.removeEventListener("abort", onAbort),
      () => this.#stopCpuWatch(),
      stopWatching,
    );
    this.#child.onMessage = (message) => this.#onMessage(message);
    this.#child.onExit = (exit) => this.#onExit(exit);
    if (!this.#child.process.isAlive) void this.#child.process.exited.then((exit) => this.#onExit(exit));
    this.#watchCpu();
    const calls = offeredCalls(host.offers).map(({ name }) => name);
    const tellsRests = onRest !== undefined;
    this.#child.post({
      ...{ type: "run", run: this.#id, source, taskJson, seed, calls },
      ...{ limits: this.#limits, tellsRests },
    });
    return ended;
  }

  #onMessage(message: ToParent): void {
    if (this.#isOver || message.run !== this.#id) return;
    if (message.type === "call") this.#onCall(message);
    else if (message.type === "rest") this.#onRest(message.outstanding);
    else if (message.type === "log") this.#onLog(message.text, message.isCut);
    else this.#onEnd(message);
  }

  /** An answer that crossed the message on its way ends the rest before it is known of. */
  #onRest(outstanding: number): void {
    if (outstanding !== this.#unanswered) return;
    this.#isResting = true;
    this.#request.onRest?.(() => {
      if (this.#isResting) this.#finish({ type: "parked" });
    });
  }

  #onLog(text: string, isCut: boolean): void {
    if (this.#log.length <= this.#request.limits.logBytes) this.#log += text;
    this.#isLogCut ||= isCut;
  }

  /** Computing is part of the whole time of a run, so that it can not be allowed more. */
  get #limits(): SandboxLimits {
    const { limits } = this.#request;
    return { ...limits, cpuMs: Math.min(limits.cpuMs, limits.wallMs) };
  }

  #onCall({ call, name, argumentsJson, cpuMs }: CallMessage): void {
    this.#unanswered++;
    this.#stopCpuWatch();
    this.#computedMs = cpuMs;
    let args: unknown[];
    try {
      args = this.#admit(name, argumentsJson);
    } catch (error) {
      this.#reply(call, false, messageOf(error, HOST_ERROR_CHARACTERS));
      return;
    }
    this.#calls[name] = (this.#calls[name] ?? 0) + 1;
    const calledAt = this.#computedMs + this.#waitedMs;
    const start = () => void this.#serve(call, name, args, calledAt);
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

  async #serve(call: number, name: string, args: unknown[], calledAt: number): Promise<void> {
    this.#inFlight++;
    const clock = new WaitClock(this.#request.limits.wallMs - calledAt, () => this.#endLate());
    this.#cleanups.push(() => clock.stop());
    try {
      const value = await this.#request.host.call(name, args, this.#abort.signal, clock);
      this.#waitUntil(calledAt + clock.tookMs);
      this.#reply(call, true, value ?? null);
    } catch (error) {
      this.#waitUntil(calledAt + clock.tookMs);
      if (isFatal(error, this.#request.signal)) this.#finish({ type: "fatal", error });
      else this.#reply(call, false, messageOf(error, HOST_ERROR_CHARACTERS));
    } finally {
      clock.stop();
      this.#inFlight--;
      if (!this.#isOver) this.#queue.shift()?.();
    }
  }

  /** The guest goes on when the answer is there, at that time of its own clock or later. */
  #waitUntil(time: number): void {
    this.#waitedMs = Math.max(this.#waitedMs, time - this.#computedMs);
    if (this.#computedMs + this.#waitedMs > this.#request.limits.wallMs) this.#endLate();
  }

  /** Waiting for others says nothing about the workflow: the run is lost, not failed. */
  #endLate(): void {
    const { wallMs } = this.#request.limits;
    const message = `the run was still waiting for replies at its time limit of ${wallMs} ms`;
    const hint =
      "raise limits.wallMs (--sample-ms), or lower --concurrency where the executor is slow since it is busy";
    this.#finish({ type: "fatal", error: new ModelCallError("timeout", message, { hint }) });
  }

  #reply(call: number, isOk: boolean, value: unknown): void {
    if (this.#isOver) return;
    const { isCut } = this.#request.host;
    const cutReplies = Array.isArray(value) && isCut ? value.filter((text) => isCut(text)) : undefined;
    this.#isResting = false;
    this.#child.post({ type: "reply", run: this.#id, call, isOk, json: JSON.stringify(value), cutReplies });
    this.#unanswered--;
    if (this.#unanswered === 0) this.#watchCpu();
  }

  /** The child ends itself at its computing limit, unless one built-in call holds it; then it is killed. */
  #watchCpu(): void {
    const { cpuMs } = this.#limits;
    this.#stopCpuWatch();
    const late = () => this.#stop("timed-out", `stopped: more than ${cpuMs} ms of computing`);
    // Most silences are short: only in the others is it worth reading what the machine let the child have.
    const timer = setTimeout(() => {
      const leftMs = cpuMs + CPU_GRACE_MS - SHORT_MS;
      this.#stopCpuWatch = patientTimeout([this.#child.process.pid], leftMs, BUSY_MS, late);
    }, SHORT_MS);
    this.#stopCpuWatch = () => clearTimeout(timer);
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
    if (this.#inFlight > 0) this.#abort.abort(new W4sError("run-over", "the workflow has ended"));
  }
}

/** What one call counts: recorded latencies of its answers, and its silence while a request is on its way. */
class WaitClock implements CallClock {
  tookMs = 0;
  readonly #leftMs: number;
  readonly #onLate: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Several may be asked singly for one call: the first of them counts. */
  #onWay = 0;

  constructor(leftMs: number, onLate: () => void) {
    this.#leftMs = leftMs;
    this.#onLate = onLate;
  }

  sentAt(at: number | undefined): void {
    this.#onWay += at === undefined ? -1 : 1;
    if (this.#onWay === 0) this.stop();
    if (at === undefined || this.#onWay > 1) return;
    this.#timer = setTimeout(this.#onLate, this.#leftMs - this.tookMs - (performance.now() - at)).unref();
  }

  took(ms: number): void {
    this.tookMs += ms;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** V8 aborts, and the kernel kills, where memory has run out; every other death is a crash. */
export function statusOfExit({ exitSignal }: ChildExitError): WorkflowStatus {
  return exitSignal === "SIGABRT" || exitSignal === "SIGKILL" ? "out-of-memory" : "threw";
}

/** Errors that are not the workflow's: they end the run() with a rejection instead of reaching the guest. */
function isFatal(error: unknown, signal: AbortSignal | undefined): boolean {
  if (error instanceof BudgetExceededError || error instanceof ModelCallError || signal?.aborted) return true;
  if (error instanceof DOMException && error.name === "AbortError") return true;
  return W4sError.is(error) && ((error as { isFatal?: unknown }).isFatal === true || error.code === "budget");
}
