/** @file Tells when everybody waits: only then are the questions that have gathered sent together. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Something under way that may ask a model; it is at rest while it waits for answers. */
export interface Activity {
  /** Answers it waits for. */
  waits: number;
  /** Called when it begins to wait. */
  onWait?: (() => void) | undefined;
}

export interface WaveGateOptions {
  /** Quiet before a wave is sent, ms: whoever is not counted gets that long to ask too. Default 100. */
  settleMs?: number | undefined;
  /** Longest time without any change that activities hold a wave back, ms. Default 120 000. */
  stallMs?: number | undefined;
}

/**
 * Counts activities that are not at rest. Questions wait until there is none, so that all that can be asked without an earlier
 * answer is one wave. Whoever waits in an uncounted way would hold a wave for ever; after `stallMs` it is sent all the same.
 */
export class WaveGate {
  readonly #settleMs: number;
  readonly #stallMs: number;
  readonly #context = new AsyncLocalStorage<Activity>();
  readonly #senders = new Set<() => void>();
  #active = 0;
  #isAsked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ settleMs = 100, stallMs = 120_000 }: WaveGateOptions = {}) {
    this.#settleMs = settleMs;
    this.#stallMs = stallMs;
  }

  /** Runs work that may ask; no wave is sent before it has ended or waits. */
  async busy<T>(work: () => Promise<T>, activity: Activity = { waits: 0 }): Promise<T> {
    this.#change(1);
    try {
      return await this.#context.run(activity, work);
    } finally {
      this.#change(-1);
    }
  }

  /** Runs work that waits for answers: whatever it was called from is at rest meanwhile. */
  async wait<T>(work: () => Promise<T>): Promise<T> {
    const activity = this.#context.getStore();
    if (activity && activity.waits++ === 0) {
      this.#change(-1);
      activity.onWait?.();
    }
    try {
      return await work();
    } finally {
      if (activity && --activity.waits === 0) this.#change(1);
    }
  }

  /** @param send - called when questions were asked and everybody is at rest */
  onRest(send: () => void): void {
    this.#senders.add(send);
  }

  /** A question waits to be sent. */
  asked(): void {
    this.#isAsked = true;
    this.#change(0);
  }

  #change(by: number): void {
    this.#active += by;
    clearTimeout(this.#timer);
    if (!this.#isAsked) return;
    this.#timer = setTimeout(() => this.#send(), this.#active > 0 ? this.#stallMs : this.#settleMs);
  }

  #send(): void {
    this.#isAsked = false;
    for (const send of this.#senders) send();
  }
}
