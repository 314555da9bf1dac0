/** @file A sandbox whose runs give up their place while they wait: a batch may take a day, and a process is held for none of it. */
import { W4sError } from "../core/errors.js";
import { canonicalJson } from "../core/hash.js";
import { linkedController } from "../llm/clock.js";
import type { Activity, WaveGate } from "../llm/wave-gate.js";
import {
  type AgentHost,
  type CallClock,
  RunParkedError,
  type Sandbox,
  type WorkflowRun,
} from "./workflow-run.js";

/**
 * Ends a run once all that it waits for are answers from beyond the gate, and runs it anew when these have come. A workflow is a
 * function of its seed and of its answers, so that it comes to the same place again; no call is made twice.
 */
export class ParkingSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #gate: WaveGate;

  constructor(inner: Sandbox, gate: WaveGate) {
    this.#inner = inner;
    this.#gate = gate;
  }

  async run(
    source: string,
    task: unknown,
    host: AgentHost,
    { seed, limits, signal }: Parameters<Sandbox["run"]>[3],
  ): Promise<WorkflowRun> {
    const { controller, unlink } = linkedController(signal);
    const calls = new KeptCalls(host, this.#gate, controller.signal);
    try {
      for (;;) {
        calls.begin();
        try {
          return await this.#gate.busy(() =>
            this.#inner.run(source, task, calls, {
              ...{ seed, signal },
              // All that a workflow asks at once shall be in one wave.
              limits: { ...limits, inFlight: Number.MAX_SAFE_INTEGER },
              onRest: (park) => calls.onRest(park),
            }),
          );
        } catch (error) {
          if (!(error instanceof RunParkedError)) throw error;
        }
        await this.#gate.wait(() => calls.answered());
      }
    } finally {
      unlink();
      controller.abort(new W4sError("run-over", "the workflow has ended"));
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

interface KeptCall {
  answer: Promise<unknown>;
  isSettled: boolean;
  activity: Activity;
  /** What it counts towards the time of each run that gets its answer. */
  tookMs: number;
  /** Of the run that is going on. */
  clock: CallClock;
}

/** Calls of one workflow on one item by what they ask, over all its runs. */
class KeptCalls implements AgentHost {
  readonly offers: ReadonlySet<string>;
  readonly isCut: AgentHost["isCut"];
  readonly #host: AgentHost;
  readonly #gate: WaveGate;
  readonly #signal: AbortSignal;
  readonly #calls = new Map<string, KeptCall>();
  /** Names of the calls of the run that is going on, with how often each was made. */
  #made = new Map<string, number>();
  #park: (() => void) | undefined;

  constructor(host: AgentHost, gate: WaveGate, signal: AbortSignal) {
    this.#host = host;
    this.#gate = gate;
    this.#signal = signal;
    this.offers = host.offers;
    this.isCut = host.isCut;
  }

  /** A run begins. */
  begin(): void {
    this.#made = new Map();
    this.#park = undefined;
  }

  /** The guest has nothing to do until one of its calls is answered. */
  onRest(park: () => void): void {
    this.#park = park;
    this.#parkIfWaiting();
  }

  /** @throws what a call ended with that was waited for: no workflow goes on without its answer */
  async answered(): Promise<void> {
    await Promise.all(this.#open.map(({ answer }) => answer));
  }

  async call(
    name: string,
    args: readonly unknown[],
    _signal: AbortSignal,
    clock: CallClock,
  ): Promise<unknown> {
    const asked = canonicalJson([name, args]);
    const occurrence = this.#made.get(asked) ?? 0;
    this.#made.set(asked, occurrence + 1);
    const key = `${occurrence} ${asked}`;
    const known = this.#calls.get(key) ?? this.#start(name, args, clock);
    this.#calls.set(key, known);
    known.clock = clock;
    try {
      return await known.answer;
    } finally {
      clock.took(known.tookMs);
    }
  }

  get #open(): KeptCall[] {
    return [...this.#calls.values()].filter(({ isSettled }) => !isSettled);
  }

  #start(name: string, args: readonly unknown[], clock: CallClock): KeptCall {
    const waiting = () => this.#parkIfWaiting();
    const activity: Activity = { waits: 0, onWait: waiting };
    const call: KeptCall = { activity, clock, isSettled: false, tookMs: 0 } as Omit<
      KeptCall,
      "answer"
    > as KeptCall;
    const kept: CallClock = {
      sentAt: (at) => call.clock.sentAt(at),
      took: (ms) => {
        call.tookMs += ms;
      },
    };
    const work = () => this.#host.call(name, args, this.#signal, kept);
    call.answer = this.#gate.busy(work, activity).finally(() => {
      call.isSettled = true;
    });
    // A run that was parked, or has ended, does not take it.
    call.answer.catch(() => {});
    return call;
  }

  #parkIfWaiting(): void {
    const open = this.#open;
    if (open.length > 0 && open.every(({ activity }) => activity.waits > 0)) this.#park?.();
  }
}
