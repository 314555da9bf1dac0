/** @file What the child counts during one run: calls, log, and the first limit that was met. */

import { callSpec } from "../workflow-api.js";
import type { SandboxLimits } from "../workflow-run.js";
import { checkCall } from "./check-call.js";
import { budgetMessage, type ToParent } from "./sandbox-protocol.js";

/** This many log entries are sent at once; later ones in packets, since the guest can make millions. */
const SINGLE_LOG_ENTRIES = 50;
const LOG_PACKET_CHARACTERS = 4096;

/** The child's side of quotas; calls over them never reach the parent, which counts again. */
export class GuestRun {
  readonly id: number;
  readonly limits: SandboxLimits;
  /** Host calls that were sent and are not answered. */
  outstanding = 0;
  /** A quota that was met is remembered: an error that the guest catches must not hide it. */
  limitMet: "budget" | "too-big" | undefined;
  limitMessage = "";
  #isLogCut = false;
  #modelCalls = 0;
  #toolCalls = 0;
  #logBytes = 0;
  #logEntries = 0;
  #logPacket = "";
  readonly #send: (message: ToParent) => void;

  constructor(id: number, limits: SandboxLimits, send: (message: ToParent) => void) {
    this.id = id;
    this.limits = limits;
    this.#send = send;
  }

  /** @returns "" when the call was sent, else what the guest is told. */
  call(call: number, name: string, argumentsJson: string, cpuMs: number): string {
    const { argumentBytes, modelCalls, toolCalls } = this.limits;
    // The border reports arguments over the cap as call 0, without their text.
    if (call === 0 || Buffer.byteLength(argumentsJson) > argumentBytes) {
      return this.#meet("too-big", `agent.${name}: arguments are too big: more than ${argumentBytes} bytes`);
    }
    try {
      checkCall(name, JSON.parse(argumentsJson) as unknown[]);
    } catch (error) {
      return (error as Error).message;
    }
    const isModel = callSpec(name)?.quota === "model";
    const count = isModel ? ++this.#modelCalls : ++this.#toolCalls;
    if (isModel && count > modelCalls) return this.#meet("budget", budgetMessage("model", modelCalls));
    if (!isModel && count > toolCalls) return this.#meet("budget", budgetMessage("tool", toolCalls));
    this.flushLog();
    this.outstanding++;
    this.#send({ type: "call", run: this.id, call, name, argumentsJson, cpuMs });
    return "";
  }

  rest(): void {
    this.#send({ type: "rest", run: this.id, outstanding: this.outstanding });
  }

  #meet(limit: "budget" | "too-big", message: string): string {
    if (this.limitMet === undefined) {
      this.limitMet = limit;
      this.limitMessage = message;
    }
    return message;
  }

  /** @returns false once the log is full. */
  log(text: string): boolean {
    if (this.#isLogCut) return false;
    const entry = `${text}\n`;
    const room = this.limits.logBytes - this.#logBytes;
    const bytes = Buffer.byteLength(entry);
    this.#isLogCut = bytes > room;
    const kept = this.#isLogCut ? Buffer.from(entry).subarray(0, room).toString("utf8") : entry;
    this.#logBytes += Math.min(bytes, room);
    this.#logPacket += kept;
    if (
      this.#isLogCut ||
      ++this.#logEntries <= SINGLE_LOG_ENTRIES ||
      this.#logPacket.length > LOG_PACKET_CHARACTERS
    )
      this.flushLog();
    return !this.#isLogCut;
  }

  flushLog(): void {
    if (this.#logPacket === "") return;
    this.#send({ type: "log", run: this.id, text: this.#logPacket, isCut: this.#isLogCut });
    this.#logPacket = "";
  }
}
