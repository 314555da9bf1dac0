/** @file The suite on the models that need no model file. */
import { afterAll, beforeAll } from "vitest";
import { Budget } from "../../src/core/budget.js";
import { CallStore } from "../../src/llm/call-store.js";
import { MeteredModel } from "../../src/llm/metered-model.js";
import { MockChatModel } from "../../src/llm/mock-chat-model.js";
import { OpenAIChatModel } from "../../src/llm/openai/openai-chat-model.js";
import { ReplayChatModel } from "../../src/llm/replay-chat-model.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { chatModelConformance, conformanceRequests } from "./chat-model.js";

chatModelConformance(
  "mock",
  () => new MockChatModel(({ n }) => Array.from({ length: n ?? 1 }, (_, i) => `reply ${i}`)),
);

const store = CallStore.open(":memory:");
beforeAll(async () => {
  const recorder = new MeteredModel({
    model: new MockChatModel(() => "recorded"),
    role: "executor",
    store,
    budget: new Budget(),
    seed: 0,
  });
  for (const request of Object.values(conformanceRequests)) {
    for (let occurrence = 0; occurrence < 10; occurrence++) await recorder.chat(request, { occurrence });
  }
});
afterAll(() => store.close());
chatModelConformance("replay", () => new ReplayChatModel({ store, id: "mock" }));

let server: FakeOpenAI;
let single: FakeOpenAI;
beforeAll(async () => {
  server = await startFakeOpenAI();
  single = await startFakeOpenAI({ maxChoices: 1, delayMs: 2 });
});
afterAll(async () => {
  await server.close();
  await single.close();
});
const model = "fake-model";
chatModelConformance("openai", () => new OpenAIChatModel({ baseUrl: server.baseUrl, model }));
chatModelConformance(
  "openai, streaming",
  () => new OpenAIChatModel({ baseUrl: server.baseUrl, model, stream: true }),
);
chatModelConformance(
  "openai, one choice a reply",
  () => new OpenAIChatModel({ baseUrl: single.baseUrl, model }),
);
