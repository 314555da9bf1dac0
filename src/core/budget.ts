/** @file Hard limits of a run in dollars, tokens, calls and minutes. */
import { BudgetExceededError, type BudgetKind } from "./errors.js";

export type BudgetLimits = Partial<Record<BudgetKind, number | undefined>>;

/** Amounts of what calls are paid with. */
export type Spending = Partial<Record<Exclude<BudgetKind, "minutes">, number>>;

/**
 * Limits of a run, what was spent of them, and an error once one is reached.
 * @example
 * const budget = new Budget({ dollars: 2 });
 * const settle = await budget.reserve(() => ({ calls: 1, tokens: 2000, dollars: 0.02 })); // the most that a call can cost
 * settle({ calls: 1, tokens: 900, dollars: 0.01 }); // after it
 */
export class Budget {
  readonly limits: BudgetLimits;
  readonly #used: Record<BudgetKind, number> = { dollars: 0, tokens: 0, calls: 0, minutes: 0 };
  readonly #reserved = new Set<Spending>();
  /** Those that wait for a call in flight to be settled, in the order in which they came. */
  #waiting: (() => void)[] = [];
  readonly #now: () => number;
  #startedAt: number;

  /**
   * @param limits - most dollars, tokens, calls and minutes; what is left out has no limit
   * @param now - monotonic clock in milliseconds; a jump of the wall clock must not end a run.
   */
  constructor(limits: BudgetLimits = {}, now: () => number = () => performance.now()) {
    this.limits = limits;
    this.#now = now;
    this.#startedAt = now();
  }

  /** Adds what earlier sessions of the same run spent (not their minutes, which are limited per session). */
  restore(spent: Required<Spending>): void {
    this.add(spent);
  }

  /** Counts a call that was made without a reservation. */
  add(spent: Spending): void {
    this.#used.dollars += spent.dollars ?? 0;
    this.#used.tokens += spent.tokens ?? 0;
    this.#used.calls += spent.calls ?? 0;
  }

  /**
   * Waits until a call may be sent: until what was spent and what calls in flight may still cost is below every limit.
   * So one call at a time can pass a limit, and what is spent in the end passes it by less than `most()` of one call.
   * @param most - upper bound of what the call costs, asked when it may start; Infinity lets no other start meanwhile
   * @returns to be called exactly once, when the call has ended, with what it did cost
   * @throws {BudgetExceededError} when a limit is reached by what was spent; the signal's reason when it was aborted
   */
  async reserve(most: () => Spending, signal?: AbortSignal): Promise<(spent: Spending) => void> {
    for (;;) {
      signal?.throwIfAborted();
      this.check();
      if (this.#exceeded((kind) => this.used(kind) + this.#inFlight(kind)) === undefined) break;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const reservation = most();
    this.#reserved.add(reservation);
    return (spent) => {
      this.#reserved.delete(reservation);
      this.add(spent);
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }

  /** Dollars, tokens or calls added so far; minutes since this object was made. */
  used(kind: BudgetKind): number {
    if (kind === "minutes") return (this.#now() - this.#startedAt) / 60_000;
    return this.#used[kind];
  }

  /** Milliseconds until the minutes are over; Infinity where they have no limit. */
  get millisecondsLeft(): number {
    return ((this.limits.minutes ?? Number.POSITIVE_INFINITY) - this.used("minutes")) * 60_000;
  }

  /**
   * @param only - the one limit that counts. Default: all
   * @throws {BudgetExceededError} when a limit is reached
   */
  check(only?: BudgetKind): void {
    const kind = this.#exceeded((one) => (only === undefined || one === only ? this.used(one) : 0));
    if (kind === undefined) return;
    throw new BudgetExceededError(kind, this.limits[kind] ?? 0, Math.round(this.used(kind) * 1e6) / 1e6);
  }

  #inFlight(kind: BudgetKind): number {
    let sum = 0;
    if (kind !== "minutes") for (const most of this.#reserved) sum += most[kind] ?? 0;
    return sum;
  }

  #exceeded(amount: (kind: BudgetKind) => number): BudgetKind | undefined {
    const limits = Object.entries(this.limits) as [BudgetKind, number | undefined][];
    return limits.find(([kind, limit]) => limit !== undefined && amount(kind) >= limit)?.[0];
  }
}
