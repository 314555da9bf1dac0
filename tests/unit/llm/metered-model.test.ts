/** @file Nothing is paid twice, errors are never stored, budgets hold. */
import { describe, expect, test } from "vitest";
import { Budget, type BudgetLimits } from "../../../src/core/budget.js";
import { BudgetExceededError, ConfigError, ModelCallError } from "../../../src/core/errors.js";
import { callKey } from "../../../src/llm/call-key.js";
import { CallStore } from "../../../src/llm/call-store.js";
import type { ChatRequest } from "../../../src/llm/chat-model.js";
import { type CallReport, MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel, type MockScript } from "../../../src/llm/mock-chat-model.js";
import type { Price } from "../../../src/llm/prices.js";
import { ReplayChatModel } from "../../../src/llm/replay-chat-model.js";

const ask = (content: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: "user", content }],
  ...more,
});

function make(
  options: {
    script?: MockScript;
    limits?: BudgetLimits;
    price?: Price | null;
    store?: CallStore;
    seed?: number;
  } = {},
) {
  let count = 0;
  const store = options.store ?? CallStore.open(":memory:");
  const model = new MockChatModel(options.script ?? (() => `reply ${count++}`));
  const budget = new Budget(options.limits);
  const calls: CallReport[] = [];
  const metered = new MeteredModel({
    model,
    role: "executor",
    store,
    budget,
    price: options.price === undefined ? { inputPerMillion: 1, outputPerMillion: 2 } : options.price,
    seed: options.seed ?? 0,
    onCall: (call) => calls.push(call),
  });
  return { store, model, budget, metered, calls };
}

describe("paid once", () => {
  test("E25: the same call is answered from the store; other occurrences, epochs and parameters are not", async () => {
    const { metered, model, calls, store } = make();
    const first = await metered.chat(ask("q"), { occurrence: 0 });
    expect(first).toMatchObject({ texts: ["reply 0"], isCached: false });
    expect(await metered.chat(ask("q", { n: 1, temperature: 0 }), { occurrence: 0, epoch: 0 })).toMatchObject(
      {
        texts: ["reply 0"],
        isCached: true,
        dollars: first.dollars,
      },
    );
    const others = [
      await metered.chat(ask("q"), { occurrence: 1 }),
      await metered.chat(ask("q", { temperature: 1 }), { occurrence: 0 }),
      await metered.chat(ask("q", { temperature: 1 }), { occurrence: 0, epoch: 1 }),
      await metered.chat(ask("q", { n: 2 }), { occurrence: 0 }),
      await metered.chat(ask("q", { json: true }), { occurrence: 0 }),
      await metered.chat(ask("q", { stop: ["x"] }), { occurrence: 0 }),
      await metered.chat(ask("q", { maxTokens: 5 }), { occurrence: 0 }),
      await metered.chat(ask("q", { seed: 5 }), { occurrence: 0 }),
    ];
    expect(new Set(others.map(({ texts }) => texts[0])).size).toBe(others.length);
    expect(model.requests).toHaveLength(9);
    expect(calls.map(({ isCached }) => isCached)).toEqual([false, true, ...others.map(() => false)]);
    expect(store.ledgerTotals()[0]).toMatchObject({ calls: 9, cachedCalls: 1 });
  });

  test("keys depend on the model and on who says what, not on the seed of the run", () => {
    const at = { occurrence: 0 };
    expect(callKey("a", ask("q"), at)).not.toBe(callKey("b", ask("q"), at));
    const split = {
      messages: [
        { role: "user" as const, content: "a" },
        { role: "user" as const, content: "b" },
      ],
    };
    expect(callKey("a", split, at)).not.toBe(callKey("a", ask("ab"), at));
    expect(callKey("a", { messages: [{ role: "system", content: "q" }] }, at)).not.toBe(
      callKey("a", ask("q"), at),
    );
  });

  test("seeds are derived from run seed and key: the same for the same call, others for others", async () => {
    const seeds = async (seed: number) => {
      const { metered, model } = make({ seed });
      await metered.chat(ask("a"), { occurrence: 0 });
      await metered.chat(ask("a"), { occurrence: 1 });
      await metered.chat(ask("a", { seed: 42 }), { occurrence: 0 });
      return model.requests.map((request) => request.seed);
    };
    const [one, again, other] = [await seeds(1), await seeds(1), await seeds(2)];
    expect(one).toEqual(again);
    expect(one.slice(0, 2)).not.toEqual(other.slice(0, 2));
    expect(one[0]).not.toBe(one[1]);
    expect([one[2], other[2]]).toEqual([42, 42]);
  });

  test("equal calls in flight are asked once", async () => {
    const { metered, model, store } = make({
      script: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return "slow";
      },
    });
    const results = await Promise.all(
      Array.from({ length: 8 }, () => metered.chat(ask("q"), { occurrence: 0 })),
    );
    expect(model.requests).toHaveLength(1);
    expect(results.filter(({ isCached }) => !isCached)).toHaveLength(1);
    expect(store.ledgerTotals()[0]).toMatchObject({ calls: 1, cachedCalls: 7 });
  });

  test("one of two who wait may leave; when both leave, the call is called off", async () => {
    const { metered, model } = make({
      script: () => new Promise((resolve) => setTimeout(resolve, 30, "done")),
    });
    const [a, b] = [new AbortController(), new AbortController()];
    const leaving = metered.chat(ask("q", { signal: a.signal }), { occurrence: 0 });
    const staying = metered.chat(ask("q", { signal: b.signal }), { occurrence: 0 });
    a.abort(new Error("left"));
    await expect(leaving).rejects.toThrow("left");
    expect((await staying).texts).toEqual(["done"]);

    const c = new AbortController();
    const both = [0, 1].map(() => metered.chat(ask("other", { signal: c.signal }), { occurrence: 0 }));
    const outcomes = Promise.allSettled(both);
    c.abort(new Error("stop"));
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { message: "stop" } });
    expect(model.requests.at(-1)?.signal?.aborted).toBe(true);
    // Asked again later, it is a new call.
    expect((await metered.chat(ask("other"), { occurrence: 0 })).texts).toEqual(["done"]);
  });
});

describe("errors", () => {
  test("are thrown to all who wait, never stored, and asked again next time", async () => {
    let isDown = true;
    const { metered, store, budget } = make({
      script: () => (isDown ? new ModelCallError("server", "down") : "up"),
    });
    const both = [0, 1].map(() => metered.chat(ask("q"), { occurrence: 0 }));
    for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe("rejected");
    expect(store.replyCount()).toBe(0);
    expect(budget.used("calls")).toBe(0);
    isDown = false;
    expect((await metered.chat(ask("q"), { occurrence: 0 })).isCached).toBe(false);
  });

  test("an answer that is refused is a call, whatever it cost", async () => {
    const { metered, budget, store } = make({ script: () => new ModelCallError("refused", "no") });
    await expect(metered.chat(ask("q"), { occurrence: 0 })).rejects.toThrow("no");
    expect(budget.used("calls")).toBe(1);
    expect(store.ledgerTotals()).toMatchObject([
      { calls: 1, promptTokens: 0, dollars: 0, estimatedCalls: 1 },
    ]);
  });

  test("what was billed for replies that are no use reaches ledger and budget, once for all who wait", async () => {
    const usage = { promptTokens: 100, completionTokens: 512, cachedTokens: 40 };
    for (const kind of ["empty", "length", "refused", "server", "timeout"] as const) {
      const { metered, budget, store } = make({ script: () => new ModelCallError(kind, "no", { usage }) });
      const both = [0, 1].map(() => metered.chat(ask("q"), { occurrence: 0 }));
      for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe("rejected");
      expect(store.ledgerTotals()).toMatchObject([
        { calls: 1, promptTokens: 100, completionTokens: 512, dollars: 1124e-6, estimatedCalls: 0 },
      ]);
      expect([budget.used("calls"), budget.used("tokens"), budget.used("dollars")]).toEqual([
        1, 612, 1124e-6,
      ]);
      expect(store.hasAnswered("mock")).toBe(false);
    }
  });

  test("what the server charged counts in ledger, budget and result, and so does each request", async () => {
    const usage = { promptTokens: 100, completionTokens: 10, dollars: 0.25, requests: 3 };
    const { metered, budget, store } = make({
      price: null,
      script: () => new ModelCallError("empty", "", { usage }),
    });
    await expect(metered.chat(ask("q"), { occurrence: 0 })).rejects.toThrow();
    expect(store.ledgerTotals()).toMatchObject([{ calls: 3, dollars: 0.25 }]);
    expect([budget.used("calls"), budget.used("dollars")]).toEqual([3, 0.25]);
  });

  test("what is reserved grows with what a server charges beyond the price, and with the requests of a call", async () => {
    const usage = { promptTokens: 10, completionTokens: 10, dollars: 3000e-6, requests: 4 };
    const reserved: unknown[] = [];
    const { metered, budget } = make({ script: () => new ModelCallError("empty", "", { usage }) });
    const reserve = budget.reserve.bind(budget);
    budget.reserve = (most, signal) => {
      reserved.push(most());
      return reserve(most, signal);
    };
    const request = ask("q", { n: 4, maxTokens: 25 });
    for (const occurrence of [0, 1]) await metered.chat(request, { occurrence }).catch(() => {});
    // 10 + 2 · 10 dollars a million were expected, and a hundred times as much was charged; one bill leaves a doubt of nine.
    expect(reserved[1]).toMatchObject({
      calls: 4,
      tokens: 9 * (10 + 100),
      dollars: expect.closeTo(9 * 100 * 210e-6, 9),
    });
  });

  test("with an unknown price what failed is counted too, and its dollars are unknown", async () => {
    const usage = { promptTokens: 5, completionTokens: 7 };
    const { metered, store } = make({
      price: null,
      script: () => new ModelCallError("empty", "", { usage }),
    });
    await expect(metered.chat(ask("q"), { occurrence: 0 })).rejects.toThrow();
    expect(store.ledgerTotals()).toMatchObject([{ calls: 1, completionTokens: 7, dollars: null }]);
  });

  test("a call that is called off is counted by the model's estimate if it was sent, else not at all", async () => {
    for (const isSent of [true, false]) {
      const controller = new AbortController();
      const { metered, budget, store } = make({
        script: ({ onAbandoned, signal }) =>
          new Promise((_, reject) => {
            signal?.addEventListener("abort", () => {
              if (isSent) onAbandoned?.({ promptTokens: 9, completionTokens: 3, isEstimated: true });
              reject(signal.reason);
            });
          }),
      });
      const call = metered.chat(ask("q", { signal: controller.signal }), { occurrence: 0 });
      setImmediate(() => controller.abort(new Error("enough")));
      await expect(call).rejects.toThrow("enough");
      await new Promise(setImmediate);
      expect(budget.used("tokens")).toBe(isSent ? 12 : 0);
      expect(budget.used("calls")).toBe(isSent ? 1 : 0);
      expect(store.ledgerTotals()).toMatchObject(isSent ? [{ calls: 1, estimatedCalls: 1 }] : []);
    }
  });
});

describe("budget", () => {
  test("calls never pass their limit, also at once; stored replies stay free", async () => {
    const { metered, model } = make({ limits: { calls: 3 } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => metered.chat(ask(`q${i}`), { occurrence: 0 })),
    );
    expect(model.requests).toHaveLength(3);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(7);
    for (const outcome of refused) expect(outcome.reason).toBeInstanceOf(BudgetExceededError);
    expect((await metered.chat(ask("q0"), { occurrence: 0 })).isCached).toBe(true);
  });

  test("dollars and tokens are added and stop the next call", async () => {
    const { metered, budget } = make({ limits: { dollars: 1e-9 } });
    const { dollars, usage } = await metered.chat(ask("q"), { occurrence: 0 });
    expect(dollars).toBeCloseTo((usage.promptTokens + 2 * usage.completionTokens) / 1e6, 12);
    expect(budget.used("tokens")).toBe(usage.promptTokens + usage.completionTokens);
    await expect(metered.chat(ask("r"), { occurrence: 0 })).rejects.toMatchObject({ kind: "dollars" });
  });

  test("until a bill is known calls go singly; then the more bills are known, the more go at once", async () => {
    const answer: (() => void)[] = [];
    const { metered, model } = make({
      limits: { tokens: 20_000 },
      script: async () => {
        await new Promise<void>((resolve) => answer.push(resolve));
        return "ok";
      },
    });
    const all = Array.from({ length: 40 }, (_, i) =>
      metered.chat(ask(`q${i}`, { maxTokens: 480 }), { occurrence: 0 }),
    );
    const waves: number[] = [];
    while (model.requests.length < 40 || answer.length > 0) {
      await new Promise(setImmediate);
      waves.push(answer.length);
      for (const go of answer.splice(0)) go();
    }
    for (const outcome of await Promise.allSettled(all)) expect(outcome.status).toBe("fulfilled");
    // A call costs 6 tokens and can cost 490: at first nine times that is thought possible, after six bills 2.3 times.
    expect(waves.filter((count) => count > 0)).toEqual([1, 5, 18, 16]);
  });

  test("an unknown price is reported as unknown, and refused under a limit in dollars", async () => {
    const { metered, store } = make({ price: null });
    expect((await metered.chat(ask("q"), { occurrence: 0 })).dollars).toBeNull();
    expect(store.ledgerTotals()[0]?.dollars).toBeNull();
    expect(() => make({ price: null, limits: { dollars: 5 } })).toThrow(ConfigError);
  });
});

describe("replay", () => {
  test("answers recorded calls whatever their order, and refuses others loudly", async () => {
    const { metered, store } = make();
    const recorded = [
      await metered.chat(ask("a"), { occurrence: 0 }),
      await metered.chat(ask("a"), { occurrence: 1 }),
      await metered.chat(ask("a"), { occurrence: 0, epoch: 3 }),
    ];
    const replayed = new MeteredModel({
      model: new ReplayChatModel({ store, id: "mock" }),
      role: "executor",
      store: CallStore.open(":memory:"),
      budget: new Budget(),
      seed: 99,
    });
    expect((await replayed.chat(ask("a"), { occurrence: 0, epoch: 3 })).texts).toEqual(recorded[2]?.texts);
    expect((await replayed.chat(ask("a"), { occurrence: 1 })).texts).toEqual(recorded[1]?.texts);
    expect((await replayed.chat(ask("a"), { occurrence: 0 })).texts).toEqual(recorded[0]?.texts);
    await expect(replayed.chat(ask("a"), { occurrence: 2 })).rejects.toMatchObject({
      kind: "unseen-prompt",
      isFatal: true,
    });
  });
});

describe("mock", () => {
  test("gives scripted replies in order and refuses to go on without", async () => {
    const model = new MockChatModel(["a", "b", "c"]);
    expect((await model.chat(ask("x", { n: 2 }))).texts).toEqual(["a", "b"]);
    await expect(model.chat(ask("x", { n: 2 }))).rejects.toMatchObject({
      kind: "unseen-prompt",
      isFatal: true,
    });
    expect((await model.chat(ask("x"))).texts).toEqual(["c"]);
    expect(model.requests).toHaveLength(3);
  });

  test("a list of the wrong length and an empty text are errors", async () => {
    await expect(new MockChatModel(() => ["a"]).chat(ask("x", { n: 2 }))).rejects.toThrow(
      /1 replies for n = 2/,
    );
    await expect(new MockChatModel([""]).chat(ask("x"))).rejects.toMatchObject({ kind: "empty" });
  });
});
