/** @file What a server bills for replies that are no use, and for calls that are called off, reaches the ledger. */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Budget } from "../../../../src/core/budget.js";
import { Random } from "../../../../src/core/random.js";
import { CallStore } from "../../../../src/llm/call-store.js";
import { MeteredModel } from "../../../../src/llm/metered-model.js";
import { OpenAIChatModel } from "../../../../src/llm/openai/openai-chat-model.js";
import { costOf, type Price } from "../../../../src/llm/prices.js";
import { spentOf } from "../../../../src/records/result-row.js";
import { completion, startFakeOpenAI } from "../../../support/fake-openai-server.js";

describe("spent is billed", () => {
  test("in 20 generated runs, where replies are empty, cut, refused or fewer than asked", async () => {
    for (let seed = 0; seed < 20; seed++) await playOverHttp(seed);
  });

  test("a call that is called off after it was sent is counted by the estimate of its prompt", async () => {
    const server = await startFakeOpenAI({ intercept: ({ body }) => (body ? () => {} : undefined) });
    const model = new OpenAIChatModel({ baseUrl: server.baseUrl, model: "fake-model", maxConcurrency: 1 });
    using store = CallStore.open(":memory:");
    const budget = new Budget({ calls: 9 });
    const meter = new MeteredModel({ model, role: "executor", store, budget, seed: 0 });
    const controller = new AbortController();
    // The second waits for the only lane: it is not sent.
    const calls = ["one", "two"].map((content) =>
      meter.chat({ messages: [{ role: "user", content }], signal: controller.signal }, { occurrence: 0 }),
    );
    const outcomes = Promise.allSettled(calls);
    while (server.chats.length === 0) await turn();
    controller.abort(new Error("enough"));
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { message: "enough" } });
    for (let i = 0; i < 20; i++) await turn();
    expect(store.ledgerTotals()).toMatchObject([
      { calls: 1, promptTokens: 5, completionTokens: 0, estimatedCalls: 1 },
    ]);
    expect(budget.used("calls")).toBe(1);
    await model.close();
    await server.close();
  });
});

/** One generated run against a server on this machine. */
async function playOverHttp(seed: number): Promise<void> {
  const random = new Random(seed);
  const price: Price = { inputPerMillion: 1, outputPerMillion: 10, cachedInputPerMillion: 0.1 };
  const billed = { tokens: 0, dollars: 0 };
  const server = await startFakeOpenAI({
    intercept: ({ path, body }) => {
      if (!path.endsWith("/chat/completions")) return undefined;
      const n = random.chance(0.1) ? 1 : (body.n ?? 1);
      const prompt = random.integer(5, 90);
      const thinking = random.chance(0.3) ? random.integer(1, 50) : 0;
      const visible = random.integer(n * 5, n * (body.max_completion_tokens ?? body.max_tokens));
      const cached = random.chance(0.3) ? random.integer(1, prompt) : 0;
      const usage = { promptTokens: prompt, completionTokens: visible + thinking, cachedTokens: cached };
      billed.tokens += prompt + visible + thinking;
      billed.dollars += costOf(usage, price) ?? 0;
      const finish = random.pick(["stop", "stop", "stop", "length", "content_filter"]);
      const text = random.chance(0.2) ? "" : "It is 18, I am sure.";
      const choices = Array.from({ length: n }, (_, index) => ({
        index,
        message: { role: "assistant", content: finish === "content_filter" ? "" : text },
        finish_reason: finish,
      }));
      const counts = {
        prompt_tokens: prompt,
        completion_tokens: visible,
        total_tokens: prompt + visible + thinking,
        prompt_tokens_details: { cached_tokens: cached },
      };
      return ({ response }) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(completion("fake-model", [], { choices, usage: counts })));
      };
    },
  });
  const concurrency = random.integer(1, 64);
  const limit = random.pick([undefined, 0.02, 0.2]);
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "fake-model",
    maxConcurrency: concurrency,
  });
  using store = CallStore.open(":memory:");
  const budget = new Budget({ dollars: limit });
  const meter = new MeteredModel({ model, role: "executor", store, budget, price, seed });
  let dearest = 0;
  let asked = 0;
  const caller = async (): Promise<void> => {
    while (asked < 2 * concurrency) {
      const messages = [{ role: "user" as const, content: `question ${asked++}` }];
      const request = { messages, n: random.pick([1, 1, 5]), temperature: 1, maxTokens: 256 };
      const [outcome] = await Promise.allSettled([meter.chat(request, { occurrence: 0 })]);
      const usage = outcome.status === "fulfilled" ? outcome.value.usage : outcome.reason.usage;
      if (usage) dearest = Math.max(dearest, costOf(usage, price) ?? 0);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const { tokens, dollars } = spentOf(store.ledgerTotals());
  expect(tokens, `run ${seed}`).toBe(billed.tokens);
  expect(dollars).toBeCloseTo(billed.dollars, 9);
  if (limit !== undefined) expect(billed.dollars - limit, `run ${seed}`).toBeLessThanOrEqual(dearest + 1e-9);
  await model.close();
  await server.close();
}
