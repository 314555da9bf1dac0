/** @file A worker's models: calls are named and counted, whoever pays them; and payments are taken in once. */
import { describe, expect, it } from "vitest";
import { Budget } from "../../../../src/core/budget.js";
import { ModelCallError } from "../../../../src/core/errors.js";
import type { Payment } from "../../../../src/evaluate/queue/shared-calls.js";
import { SharedModel } from "../../../../src/evaluate/queue/shared-model.js";
import { CallStore, type StoredReply } from "../../../../src/llm/call-store.js";
import { MeteredModel } from "../../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../../src/llm/mock-chat-model.js";

const messages = [{ role: "user" as const, content: "q" }];
const price = { inputPerMillion: 1, outputPerMillion: 2 };

/** Calls of one worker, kept in memory. */
function memory(known = new Map<string, StoredReply>()) {
  const payments: Payment[] = [];
  const asked: unknown[] = [];
  return {
    payments,
    asked,
    once: async (
      key: string,
      most: unknown,
      _signal: unknown,
      pay: () => Promise<{ payment: Payment; error?: unknown }>,
    ) => {
      asked.push(most);
      const stored = known.get(key);
      if (stored) return { reply: stored, isShared: true };
      const { payment, error } = await pay();
      payments.push(payment);
      if (!payment.reply) throw error;
      known.set(key, payment.reply);
      return { reply: payment.reply, isShared: false };
    },
  };
}

function meteredOn(calls: ReturnType<typeof memory>, model: MockChatModel, role = "executor") {
  return new MeteredModel({
    ...{ model: new SharedModel(model, calls, role, price), role, price, seed: 0, budget: new Budget() },
    store: { getReply: () => undefined, putReply: (_, reply) => reply, addLedger: () => {} },
  });
}

describe("SharedModel", () => {
  it("pays the first of equal calls of two workers, and tells the second that it was paid elsewhere", async () => {
    const known = new Map<string, StoredReply>();
    const [one, other] = [memory(known), memory(known)];
    let asked = 0;
    const model = new MockChatModel(() => `reply ${++asked}`);
    const first = await meteredOn(one, model).chat({ messages }, { occurrence: 0 });
    const second = await meteredOn(other, model).chat({ messages }, { occurrence: 0 });
    expect([first.texts, second.texts]).toEqual([["reply 1"], ["reply 1"]]);
    expect([first.isCached, second.isCached]).toEqual([false, true]);
    expect(one.payments).toHaveLength(1);
    expect(other.payments).toHaveLength(0);
    expect(JSON.stringify([...known.values()])).not.toContain("isShared");
    expect(one.payments[0]?.entry).toMatchObject({ role: "executor", isCached: false });
    expect(one.payments[0]?.request).toMatchObject({ messages });
  });

  it("tells what a failed call was billed, and throws its error", async () => {
    const calls = memory();
    const usage = { promptTokens: 3, completionTokens: 4 };
    const model = new MockChatModel(() => new ModelCallError("length", "cut", { usage }));
    await expect(meteredOn(calls, model).chat({ messages }, { occurrence: 0 })).rejects.toThrow("cut");
    expect(calls.payments[0]).toMatchObject({ entry: { ...usage, dollars: 11e-6 } });
  });

  it("reserves the most that a call can cost, and nothing for the model that runs here", async () => {
    const calls = memory();
    const model = new MockChatModel(() => "1");
    await meteredOn(calls, model).chat({ messages, maxTokens: 10 }, { occurrence: 0 });
    await meteredOn(calls, model, "weak").chat({ messages, maxTokens: 11 }, { occurrence: 0 });
    expect(calls.asked).toEqual([
      { tokens: expect.any(Number), dollars: expect.closeTo(20e-6 + 10e-6, 4) },
      undefined,
    ]);
  });
});

describe("CallStore.putPayment", () => {
  const entry = {
    ...{ role: "executor", model: "m", isCached: false, promptTokens: 1, completionTokens: 2, dollars: 0.5 },
  };
  const request = { messages };
  const reply: StoredReply = {
    ...{ texts: ["a"], usage: { promptTokens: 1, completionTokens: 2 }, finishReasons: ["stop"], model: "m" },
  };

  it("counts a payment once, and one whose reply came second without a reply", () => {
    using store = CallStore.open(":memory:");
    expect(store.putPayment("p1", "key", reply, entry, request)).toBe(true);
    expect(store.putPayment("p1", "key", reply, entry, request)).toBe(false);
    expect(store.putPayment("p2", "key", { ...reply, texts: ["b"] }, entry, request)).toBe(true);
    expect(store.putPayment("p3", "other", undefined, entry, request)).toBe(true);
    expect(store.getReply("key")?.texts).toEqual(["a"]);
    expect(store.ledgerTotals()).toMatchObject([{ calls: 3, dollars: 1.5 }]);
    expect([store.paidCount(), store.replyCount()]).toEqual([1, 1]);
  });

  it("gives all replies page by page", () => {
    using store = CallStore.open(":memory:");
    for (let index = 0; index < 5; index++) store.putReply(`k${index}`, reply);
    const pages = [...store.replyPages(2)].map((page) => page.map(({ key }) => key));
    expect(pages).toEqual([["k0", "k1"], ["k2", "k3"], ["k4"]]);
  });
});
