/** @file What a day may cost, all requests together and each key: counted by UTC day, refused once it is reached. */
import { Budget, type BudgetLimits, type Spending } from "../core/budget.js";
import { BudgetExceededError } from "../core/errors.js";
import { ApiError } from "./api-error.js";

/** What one request of a key is counted in. */
export interface OpenAccount {
  /** Counts what was paid. */
  pay(spent: Spending): void;
  /** The request has ended. */
  close(): void;
}

const DAY_MS = 86_400_000;

export class DayBudgets {
  readonly #limits: { day: BudgetLimits; keyDay: BudgetLimits };
  readonly #now: () => number;
  #day = Number.NaN;
  #all = new Budget();
  #byKey = new Map<string, Budget>();
  /** Dearest request so far: the most that the next one is expected to cost. */
  #most: Required<Spending> | undefined;

  /** @param now - milliseconds since 1970 */
  constructor(limits: { day: BudgetLimits; keyDay: BudgetLimits }, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Day of the year in UTC, as files are named by it: 2026-11-29. */
  get date(): string {
    return new Date(this.#now()).toISOString().slice(0, 10);
  }

  /**
   * Waits until a request may begin: until what was spent, and what requests at work may still cost, is below the limits of
   * the day and of the key. So each limit is passed by one request at most. Until the first request of a server with limits
   * has ended, its cost is unknown and no other begins.
   * @param key - name of the key; undefined where there are no keys
   * @throws {ApiError} 429 when a limit is reached; the signal's reason when it is aborted
   */
  async open(key: string | undefined, signal: AbortSignal): Promise<OpenAccount> {
    this.#turnDay();
    const budgets: [budget: Budget, whose: string][] = [[this.#all, "the server's"]];
    if (key !== undefined) budgets.push([this.#budgetOf(key), "the key's"]);
    const releases: ((spent: Spending) => void)[] = [];
    const close = () => {
      for (const release of releases.splice(0)) release({});
    };
    try {
      for (const [budget, whose] of budgets) {
        try {
          releases.push(await budget.reserve(() => this.#most ?? UNKNOWN, signal));
        } catch (error) {
          throw error instanceof BudgetExceededError ? this.#refusal(error, whose) : error;
        }
      }
    } catch (error) {
      close();
      throw error;
    }
    const spent: Required<Spending> = { calls: 0, tokens: 0, dollars: 0 };
    return {
      pay: (paid) => {
        for (const [budget] of budgets) budget.add(paid);
        for (const kind of KINDS) spent[kind] += paid[kind] ?? 0;
      },
      close: () => {
        const most = this.#most ?? spent;
        // What failed before its first call says nothing of what the others cost.
        if (spent.calls > 0)
          this.#most = {
            calls: Math.max(most.calls, spent.calls),
            tokens: Math.max(most.tokens, spent.tokens),
            dollars: Math.max(most.dollars, spent.dollars),
          };
        close();
      },
    };
  }

  /** Counts what earlier processes paid today. */
  restore(key: string | undefined, spent: Spending): void {
    this.#turnDay();
    this.#all.add(spent);
    if (key !== undefined) this.#budgetOf(key).add(spent);
  }

  #budgetOf(key: string): Budget {
    const known = this.#byKey.get(key) ?? new Budget(this.#limits.keyDay);
    this.#byKey.set(key, known);
    return known;
  }

  /** Requests that began yesterday are counted there. */
  #turnDay(): void {
    const day = Math.floor(this.#now() / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#all = new Budget(this.#limits.day);
    this.#byKey = new Map();
  }

  #refusal({ kind, limit }: BudgetExceededError, whose: string): ApiError {
    const message = `${whose} limit of ${limit} ${kind} a day is reached; the next day begins at 00:00 UTC`;
    return new ApiError(429, "insufficient_quota", message);
  }
}

const KINDS = ["calls", "tokens", "dollars"] as const;
const UNKNOWN: Spending = Object.fromEntries(KINDS.map((kind) => [kind, Number.POSITIVE_INFINITY]));
