/** @file Whoever times a call hears of its attempts, and its latency is that of the one that answered. */
import { expect, it } from "vitest";
import { Budget } from "../../../src/core/budget.js";
import { CallStore } from "../../../src/llm/call-store.js";
import type { ChatModel, ChatRequest } from "../../../src/llm/chat-model.js";
import { MeteredModel } from "../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../src/llm/mock-chat-model.js";
import { OpenAIChatModel } from "../../../src/llm/openai/openai-chat-model.js";
import { timedAttempt } from "../../../src/llm/timed-attempt.js";
import { faults, startFakeOpenAI } from "../../support/fake-openai-server.js";

const messages: ChatRequest["messages"] = [{ role: "user", content: "q" }];

it("a pause between attempts is nobody's time", async () => {
  const server = await startFakeOpenAI();
  const model = new OpenAIChatModel({ baseUrl: server.baseUrl, model: "fake-model" });
  try {
    server.queue(faults.status(429, { error: { message: "slow down" } }, { "retry-after": "1" }));
    const heard: (number | undefined)[] = [];
    const { latencyMs } = await model.chat({ messages, onAttempt: (sentAt) => heard.push(sentAt) });
    const endedAt = performance.now();
    expect(heard.map((sentAt) => typeof sentAt)).toEqual(["number", "undefined", "number", "undefined"]);
    expect(latencyMs).toBeLessThanOrEqual(endedAt - heard[2]!);
  } finally {
    await model.close();
    await server.close();
  }
});

it("all who wait for one reply hear of its attempts, also those who come later", async () => {
  const mock = new MockChatModel(() => "x");
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const model: ChatModel = {
    ...{ id: "m", isSimulated: false },
    chat: (request) =>
      timedAttempt(request, async () => {
        await answered;
        return await mock.chat({ messages: request.messages });
      }),
    close: async () => {},
  };
  using store = CallStore.open(":memory:");
  const metered = new MeteredModel({ model, role: "executor", store, budget: new Budget(), seed: 1 });
  const heard: Record<string, (number | undefined)[]> = { first: [], second: [] };
  const ask = (name: string) =>
    metered.chat({ messages, onAttempt: (sentAt) => heard[name]!.push(sentAt) }, { occurrence: 0 });
  const first = ask("first");
  await new Promise((resolve) => setImmediate(resolve));
  const second = ask("second");
  answer();
  await Promise.all([first, second]);
  expect(heard.first).toEqual([expect.any(Number), undefined]);
  expect(heard.second).toEqual(heard.first);
});
