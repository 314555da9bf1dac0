/** @file Hard limits of a run in dollars, tokens, calls and minutes. */
import { BudgetExceededError, type BudgetKind } from "./errors.js";

export type BudgetLimits = Partial<Record<BudgetKind, number | undefined>>;

/**
 * Limits of a run, what was spent of them, and an error once one is reached.
 * @example
 * const budget = new Budget({ dollars: 2 });
 * budget.check(); // before a call
 * budget.add({ calls: 1, tokens: 900, dollars: 0.01 }); // after it
 */
export class Budget {
  readonly limits: BudgetLimits;
  readonly #used: Record<BudgetKind, number> = { dollars: 0, tokens: 0, calls: 0, minutes: 0 };
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
  restore(spent: { dollars: number; tokens: number; calls: number }): void {
    this.#used.dollars += spent.dollars;
    this.#used.tokens += spent.tokens;
    this.#used.calls += spent.calls;
  }

  /** Counts a call that was made. */
  add(spent: Partial<Record<BudgetKind, number>>): void {
    this.#used.dollars += spent.dollars ?? 0;
    this.#used.tokens += spent.tokens ?? 0;
    this.#used.calls += spent.calls ?? 0;
  }

  /** Dollars, tokens or calls added so far; minutes since this object was made. */
  used(kind: BudgetKind): number {
    if (kind === "minutes") return (this.#now() - this.#startedAt) / 60_000;
    return this.#used[kind];
  }

  /** @throws {BudgetExceededError} when any limit is reached; called before each paid call. */
  check(): void {
    for (const [kind, limit] of Object.entries(this.limits) as [BudgetKind, number | undefined][]) {
      if (limit === undefined) continue;
      const used = this.used(kind);
      if (used >= limit) throw new BudgetExceededError(kind, limit, Math.round(used * 1e6) / 1e6);
    }
  }
}
