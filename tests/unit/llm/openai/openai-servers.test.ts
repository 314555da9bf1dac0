/** @file What OpenAI, Azure, Ollama, vLLM and llama.cpp's server answer, from tests/fixtures/openai. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { ModelCallError } from "../../../../src/core/errors.js";
import type { ChatRequest } from "../../../../src/llm/chat-model.js";
import {
  OpenAIChatModel,
  type OpenAIChatModelOptions,
} from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import { type Fault, faults, startFakeOpenAI } from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const fixture = (path: string) =>
  readFileSync(new URL(`../../../fixtures/openai/${path}`, import.meta.url), "utf8");
const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

/** A server whose chat replies are the given faults, then an ordinary one. */
async function serve(replies: Fault[], options: Partial<OpenAIChatModelOptions> = {}) {
  const server = await startFakeOpenAI({ models: null });
  server.queue(...replies);
  const warnings: string[] = [];
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "asked-for",
    limiter: new RateLimiter({ clock: new VirtualClock() }),
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  cleanup.push(
    () => model.close(),
    () => server.close(),
  );
  return { server, model, warnings };
}

const ask = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: "user", content: "How many apples?" }],
  ...more,
});

const kindOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof ModelCallError ? error.kind : String(error)),
  );

describe("replies", () => {
  test("OpenAI: two choices, a snapshot name, a reply cut by maxTokens", async () => {
    const { model, warnings } = await serve([faults.status(200, fixture("openai/chat-n2.json"))], {
      model: "gpt-4o-mini",
    });
    expect(await model.chat(ask({ n: 2 }))).toMatchObject({
      texts: ["The answer is 12.", "Twelve"],
      finishReasons: ["stop", "length"],
      usage: { promptTokens: 19, completionTokens: 10 },
      model: "gpt-4o-mini-2024-07-18",
    });
    expect(warnings).toEqual([]);
  });

  test("vLLM: two choices", async () => {
    const { model } = await serve([faults.status(200, fixture("vllm/chat-n2.json"))]);
    const result = await model.chat(ask({ n: 2 }));
    expect(result.texts).toEqual(["The answer is 12.", "12 apples are left over."]);
    expect(result.usage).toEqual({ promptTokens: 35, completionTokens: 15 });
  });

  test("Ollama: one choice whatever n says", async () => {
    const one = faults.status(200, fixture("ollama/chat.json"));
    const { server, model } = await serve([one, one, one]);
    expect((await model.chat(ask({ n: 3 }))).texts).toHaveLength(3);
    expect(server.chats).toHaveLength(3);
  });

  test("llama.cpp: recorded replies; its count for n = 2 covers the first only and is replaced", async () => {
    const { model } = await serve([
      faults.status(200, fixture("llama-server/chat-n2.json")),
      faults.status(200, fixture("llama-server/chat-json.json")),
    ]);
    const two = await model.chat(ask({ n: 2, maxTokens: 16 }));
    expect(two.finishReasons).toEqual(["stop", "length"]);
    expect(two.texts[1]).toMatch(/rainbow/);
    expect(two.usage).toMatchObject({ promptTokens: 34, isEstimated: true });
    expect(two.usage.completionTokens).toBeGreaterThan(16);
    expect(two.model).toBe("SmolLM2-135M-Instruct.Q4_1.gguf");
    const one = await model.chat(ask({ json: true }));
    expect(JSON.parse(one.texts[0] ?? "")).toHaveProperty("value.colour", "blue");
    expect(one.usage).toEqual({ promptTokens: 39, completionTokens: 30, cachedTokens: 24 });
  });

  test("llama.cpp: the recorded stream, whole and cut at every line", async () => {
    const whole = fixture("llama-server/chat-stream.txt");
    const stream = (text: string) => faults.stream([text]);
    const { model } = await serve([stream(whole)], { stream: true });
    const result = await model.chat(ask({ maxTokens: 8 }));
    expect(result.texts[0]).toMatch(/^One colour is not/);
    expect(result.usage).toEqual({ promptTokens: 34, completionTokens: 7, cachedTokens: 24 });

    const lines = whole.split("\n");
    const cuts = lines
      .map((_, count) => lines.slice(0, count).join("\n"))
      .filter((cut) => !cut.includes('"finish_reason":"'));
    const { server, model: again } = await serve(cuts.map(stream), { stream: true, maxRetries: cuts.length });
    expect((await again.chat(ask())).texts).toEqual(["reply to: How many apples?"]);
    expect(server.chats).toHaveLength(cuts.length + 1);
  });

  test("llama.cpp: the recorded list of models", async () => {
    const server = await startFakeOpenAI({
      intercept: (request) =>
        request.path.endsWith("/models")
          ? faults.status(200, fixture("llama-server/models.json"))
          : undefined,
    });
    const model = new OpenAIChatModel({ baseUrl: server.baseUrl, model: "smollm2-135m" });
    cleanup.push(
      () => model.close(),
      () => server.close(),
    );
    expect(await model.preflight()).toEqual({ models: ["/models/SmolLM2-135M-Instruct.Q4_1.gguf"] });
    // Not among them, but the server answers to any name: one token was asked for to learn that.
    expect(server.chats.map(({ body }) => body.max_tokens)).toEqual([1]);
  });

  test("Azure: version in the query, key in its own header, deployment in the path", async () => {
    const server = await startFakeOpenAI();
    server.queue(faults.status(200, fixture("azure/chat.json")));
    const model = new OpenAIChatModel({
      baseUrl: `${server.baseUrl.replace("/v1", "")}/openai/deployments/mine?api-version=2024-10-21`,
      model: "gpt-4o-mini",
      apiKey: "azure-key-0123456789",
    });
    cleanup.push(
      () => model.close(),
      () => server.close(),
    );
    expect((await model.chat(ask())).texts).toEqual(["The answer is 12."]);
    expect(server.chats[0]?.path).toBe("/openai/deployments/mine/chat/completions");
    expect(server.chats[0]?.headers["api-key"]).toBe("azure-key-0123456789");
    expect(server.chats[0]?.headers.authorization).toBeUndefined();
    expect(server.chats[0]?.query).toBe("api-version=2024-10-21");
    expect(model.id).not.toContain("api-version");
  });
});

describe("errors", () => {
  test.each([
    ["openai/error-model.json", 404, "model-not-found"],
    ["openai/error-context.json", 400, "context-length"],
    ["openai/error-quota.json", 429, "quota"],
    ["openai/error-key.json", 401, "auth"],
    ["openai/chat-refusal.json", 200, "refused"],
    ["openai/chat-reasoning-length.json", 200, "length"],
    ["azure/error-deployment.json", 404, "model-not-found"],
    ["azure/error-content-filter.json", 400, "refused"],
    ["azure/chat-filtered.json", 200, "refused"],
    ["ollama/error-model.json", 404, "model-not-found"],
    ["ollama/error-model-native.json", 404, "model-not-found"],
    ["vllm/error-context.json", 400, "context-length"],
    ["vllm/error-model.json", 404, "model-not-found"],
    ["llama-server/error-context.json", 400, "context-length"],
    ["llama-server/error-bad-request.json", 400, "bad-request"],
    ["llama-server/error-wrong-path.json", 404, "not-openai"],
  ])("%s with status %i is %s", async (path, status, kind) => {
    // Some are asked for again.
    const { model } = await serve(Array.from({ length: 12 }, () => faults.status(status, fixture(path))));
    expect(await kindOf(model.chat(ask()))).toBe(kind);
  });

  test("OpenAI's rate limit is waited for", async () => {
    const limit = faults.status(429, fixture("openai/error-rate-limit.json"), { "retry-after": "20" });
    const { model } = await serve([limit]);
    expect(await kindOf(model.chat(ask()))).toBe("no error");
  });

  test("parameters a model refuses are left out, once for all calls", async () => {
    const { server, model, warnings } = await serve([
      faults.status(400, fixture("openai/error-max-tokens.json")),
      faults.status(400, fixture("openai/error-temperature.json")),
    ]);
    await model.chat(ask({ maxTokens: 77 }));
    await model.chat(ask({ maxTokens: 78 }));
    expect(server.chats).toHaveLength(4);
    const last = server.chats[3]?.body;
    expect(last.max_completion_tokens).toBe(78);
    expect(last.max_tokens).toBeUndefined();
    expect(last.temperature).toBeUndefined();
    expect(warnings).toHaveLength(2);
  });
});
