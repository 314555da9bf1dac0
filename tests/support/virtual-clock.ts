/** @file A clock whose waits pass at once, in order, while real input and output goes on between them. */
import type { Clock } from "../../src/llm/clock.js";

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Time stands still while anything runs; it jumps to the next wake-up time when nothing has happened for a moment. */
export class VirtualClock implements Clock {
  /** Every wait that was asked for, ms. */
  readonly waits: number[] = [];
  #time = 0;
  #sleepers: Sleeper[] = [];
  #pump: NodeJS.Timeout | NodeJS.Immediate | undefined;
  readonly #quietMs: number;
  readonly #mayAdvance: () => boolean;

  /**
   * @param quietMs - real milliseconds between two jumps; 0 where no real input or output is waited for
   * @param mayAdvance - false holds the time, such as while a request is on its way
   */
  constructor(quietMs = 2, mayAdvance: () => boolean = () => true) {
    this.#quietMs = quietMs;
    this.#mayAdvance = mayAdvance;
  }

  now(): number {
    return this.#time;
  }

  wallNow(): number {
    return Date.UTC(2026, 10, 22) + this.#time;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { at: this.#time + ms, wake: () => {} };
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      sleeper.wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#pump !== undefined || this.#sleepers.length === 0) return;
    const pump = () => {
      this.#pump = undefined;
      if (this.#mayAdvance()) {
        const next = Math.min(...this.#sleepers.map(({ at }) => at));
        this.#time = Math.max(this.#time, next);
        const due = this.#sleepers.filter(({ at }) => at <= this.#time);
        this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#time);
        for (const { wake } of due) wake();
      }
      this.#schedule();
    };
    this.#pump = this.#quietMs > 0 ? setTimeout(pump, this.#quietMs) : setImmediate(pump);
  }
}
