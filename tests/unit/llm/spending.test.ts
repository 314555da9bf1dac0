/** @file What the ledger says was spent is what was billed, and a budget is overrun by at most one call. */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Budget, type BudgetLimits } from "../../../src/core/budget.js";
import { BudgetExceededError, ModelCallError, type ReplyUsage } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { CallStore } from "../../../src/llm/call-store.js";
import type { ChatModel, ChatRequest, ChatResult } from "../../../src/llm/chat-model.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { costOf, type Price } from "../../../src/llm/prices.js";
import { estimatePromptTokens } from "../../../src/llm/token-usage.js";
import { spentOf } from "../../../src/records/result-row.js";

/** Bills of all models that share a budget, in the order in which they were written. */
interface Bills {
  tokens: number;
  dollars: number;
  calls: number;
  largest: { tokens: number; dollars: number; calls: number };
}

/** Model that bills every call it is sent, answered or not, and answers when it is told to. */
class BillingModel implements ChatModel {
  readonly id: string;
  readonly isSimulated = true;
  readonly waiting: (() => void)[] = [];
  readonly #random: Random;
  readonly #price: Price;
  readonly #bills: Bills;
  readonly #faultShare: number;
  /** Tokens of its template, and its tokens for each that we estimate. */
  readonly #template: number;
  readonly #perEstimate: number;
  /** Share of calls whose replies are all as long as they may be. */
  readonly #fullShare: number;

  constructor(id: string, random: Random, price: Price, bills: Bills) {
    this.id = id;
    this.#random = random;
    this.#price = price;
    this.#bills = bills;
    this.#faultShare = random.pick([0, 0.1, 0.5]);
    this.#template = random.integer(0, 80);
    this.#perEstimate = 0.6 + 0.9 * random.next();
    this.#fullShare = random.pick([0.1, 0.9]);
  }

  async chat(request: ChatRequest): Promise<ChatResult> {
    const { n = 1, maxTokens = 1, messages, signal } = request;
    const random = this.#random;
    const promptTokens = Math.round(estimatePromptTokens(messages) * this.#perEstimate) + this.#template;
    const completionTokens = random.chance(this.#fullShare)
      ? n * maxTokens
      : random.integer(1, n * maxTokens);
    const usage: ReplyUsage = { promptTokens, completionTokens };
    if (random.chance(0.3)) usage.cachedTokens = random.integer(0, promptTokens);
    const fault = random.chance(this.#faultShare) ? random.pick(FAULTS) : undefined;
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
    if (fault === "outage") throw new ModelCallError("server", "down");
    this.#bill(usage);
    if (signal?.aborted) {
      request.onAbandoned?.(usage);
      throw signal.reason;
    }
    if (fault !== undefined) throw new ModelCallError(fault, "no usable reply", { usage });
    const texts = Array.from({ length: n }, () => "text");
    return { texts, usage, finishReasons: texts.map(() => "stop"), model: this.id };
  }

  #bill(usage: ReplyUsage): void {
    const bill = {
      tokens: usage.promptTokens + usage.completionTokens,
      dollars: costOf(usage, this.#price) ?? 0,
      calls: 1,
    };
    for (const kind of KINDS) {
      this.#bills[kind] += bill[kind];
      this.#bills.largest[kind] = Math.max(this.#bills.largest[kind], bill[kind]);
    }
  }

  async close(): Promise<void> {}
}

const KINDS = ["tokens", "dollars", "calls"] as const;
const FAULTS = ["outage", "empty", "length", "refused", "bad-reply", "server", "timeout"] as const;

/** One generated run: several callers at once, on models that share a budget, until all have ended. */
async function playRun(seed: number): Promise<void> {
  const random = new Random(seed);
  const concurrency = random.integer(1, 64);
  const maxTokens = random.pick([16, 256, 2048]);
  const mostReplies = random.pick([1, 5, 16]);
  const calls = concurrency + random.integer(0, 8);
  const prices = Array.from({ length: random.integer(1, 3) }, () => ({
    inputPerMillion: random.pick([0, 0.1, 3]),
    outputPerMillion: random.pick([0, 0.4, 15]),
    cachedInputPerMillion: random.pick([undefined, 0.05]),
  }));
  const typical = calls * mostReplies * maxTokens * 0.3 * random.next();
  const limits: BudgetLimits = {
    tokens: random.chance(0.5) ? Math.ceil(typical) : undefined,
    dollars: random.chance(0.5) ? (typical * 0.4) / 1e6 : undefined,
    calls: random.chance(0.3) ? random.integer(1, calls) : undefined,
  };
  const bills: Bills = { tokens: 0, dollars: 0, calls: 0, largest: { tokens: 0, dollars: 0, calls: 0 } };
  using store = CallStore.open(":memory:", "this run");
  // A session that was interrupted goes on with the same sum.
  let budget = new Budget(limits);
  const outcomes: PromiseSettledResult<unknown>[] = [];
  const sessions = random.pick([1, 1, 1, 2]);
  for (let session = 0; session < sessions; session++) {
    const models = prices.map(
      (price, i) => new BillingModel(`model ${i}`, random.derive(session, i), price, bills),
    );
    const meters = models.map(
      (model, i) => new MeteredModel({ model, role: "executor", store, budget, price: prices[i], seed }),
    );
    let asked = 0;
    const caller = async (): Promise<void> => {
      while (asked < calls) {
        const question = `question ${session}, ${asked++}${" and more".repeat(random.integer(0, 40))}`;
        const controller = new AbortController();
        const call = random.pick(meters).chat(
          {
            messages: [{ role: "user", content: question }],
            n: random.integer(1, mostReplies),
            maxTokens,
            signal: controller.signal,
          },
          { occurrence: 0 },
        );
        if (random.chance(0.1)) turn().then(() => controller.abort(new Error("enough")));
        const [outcome] = await Promise.allSettled([call]);
        outcomes.push(outcome);
        const isRefused = outcome.status === "rejected" && outcome.reason instanceof BudgetExceededError;
        if (isRefused) expect(budget.used(outcome.reason.kind)).toBeGreaterThanOrEqual(outcome.reason.limit);
        if (isRefused) return;
      }
    };
    const callers = Array.from({ length: concurrency }, caller);
    let isOver = false;
    const all = Promise.all(callers).then(() => {
      isOver = true;
    });
    for (let idle = 0; !isOver; idle++) {
      if (idle > 100) throw new Error(`run ${seed} stands still`);
      await turn();
      for (const { waiting } of models) {
        for (const wake of waiting.splice(0, random.integer(0, waiting.length))) {
          wake();
          idle = 0;
        }
      }
    }
    await all;
    const { tokens, dollars, calls: counted } = spentOf(store.ledgerTotals());
    expect({ tokens, counted }, `run ${seed}`).toEqual({ tokens: bills.tokens, counted: bills.calls });
    expect(dollars).toBeCloseTo(bills.dollars, 9);
    for (const kind of KINDS) {
      expect(budget.used(kind)).toBeCloseTo(bills[kind], 9);
      const limit = limits[kind];
      if (limit === undefined) continue;
      const overrun = bills[kind] - limit;
      const most = kind === "calls" ? 0 : bills.largest[kind];
      expect(overrun, `run ${seed}: ${kind}`).toBeLessThanOrEqual(most + 1e-9);
    }
    budget = new Budget(limits);
    budget.restore({ tokens, dollars: dollars ?? 0, calls: counted });
  }
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue;
    const { reason } = outcome;
    const isKnown = reason instanceof ModelCallError || reason instanceof BudgetExceededError;
    if (!isKnown) expect(reason).toMatchObject({ message: "enough" });
  }
}

describe("spent is billed", () => {
  test("in 1,000 generated runs, to the token; no budget is overrun by more than one call", async () => {
    for (let seed = 0; seed < 1000; seed++) await playRun(seed);
  });
});
