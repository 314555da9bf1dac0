/** @file What a server refuses is found by asking again, learned where it made the difference, and remembered. */
import { afterEach, describe, expect, test } from "vitest";
import { ModelCallError } from "../../../../src/core/errors.js";
import type { ChatRequest } from "../../../../src/llm/chat-model.js";
import { OpenAIChatModel } from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import { type FakeOpenAI, faults, startFakeOpenAI } from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

// biome-ignore lint/suspicious/noExplicitAny: arbitrary request bodies
type Body = any;

/** A server that answers a body with a status and a text, or as usual where nothing is wrong. */
async function serve(refusal: (body: Body, count: number) => string | [number, string] | undefined) {
  const server = await startFakeOpenAI({
    intercept: ({ body, path }, count) => {
      const wrong = path.endsWith("/models") ? undefined : refusal(body, count);
      if (wrong === undefined) return undefined;
      const [status, message] = typeof wrong === "string" ? [400, wrong] : wrong;
      return faults.status(status, { error: { message } });
    },
  });
  cleanup.push(() => server.close());
  return { server, open: (more = {}) => open(server, more) };
}

function open(server: FakeOpenAI, more: object) {
  const warnings: string[] = [];
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "fake-model",
    stream: false,
    limiter: new RateLimiter({ clock: new VirtualClock() }),
    onWarning: (message) => warnings.push(message),
    ...more,
  });
  cleanup.push(() => model.close());
  return { model, warnings };
}

const ask = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [
    { role: "system", content: "You are terse." },
    { role: "user", content: "9 + 9?" },
  ],
  seed: 5,
  ...more,
});
const bodies = (server: FakeOpenAI): Body[] => server.chats.map(({ body }) => body);

describe("one refused parameter, told in words that say nothing", () => {
  test.each<[string, (body: Body) => boolean, Partial<ChatRequest>, (body: Body) => unknown, unknown]>([
    ["n", (body) => body.n > 1, { n: 3 }, (body) => body.n, undefined],
    ["seed", (body) => "seed" in body, {}, (body) => body.seed, undefined],
    ["stop", (body) => "stop" in body, { stop: ["#"] }, (body) => body.stop, undefined],
    ["temperature", (body) => "temperature" in body, {}, (body) => body.temperature, undefined],
    ["max_tokens", (body) => "max_tokens" in body, {}, (body) => body.max_completion_tokens, 2048],
    ["system role", (body) => body.messages[0].role === "system", {}, (body) => body.messages.length, 1],
    [
      "json_object",
      (body) => body.response_format?.type === "json_object",
      { json: true },
      (body) => body.response_format.type,
      "json_schema",
    ],
    [
      "json_object, where keys are wanted",
      (body) => body.response_format?.type === "json_object",
      { json: true, jsonKeys: ["answer"] },
      (body) => JSON.stringify(body.response_format.json_schema),
      '{"name":"reply","strict":true,"schema":{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}}',
    ],
    [
      "any format",
      (body) => "response_format" in body,
      { json: true },
      (body) => body.response_format,
      undefined,
    ],
  ])("%s", async (_name, isRefused, more, look, expected) => {
    const { server, open } = await serve((body) => (isRefused(body) ? "no" : undefined));
    const { model, warnings } = open();
    await model.chat(ask(more));
    expect(look(bodies(server).at(-1))).toBe(expected);
    expect(warnings).toHaveLength(1);
    // Learned: the next call is right at once, and nothing else was lost on the way.
    const before = server.chats.length;
    await model.chat(ask({ ...more, n: 1 }));
    expect(server.chats).toHaveLength(before + 1);
    const kept = ["temperature", "seed", "max_tokens"].filter((name) => name in bodies(server).at(-1));
    expect(kept.length).toBeGreaterThanOrEqual(2);
  });
});

test("what did not help is put back", async () => {
  const { server, open } = await serve((body) => ("seed" in body ? "no" : undefined));
  await open().model.chat(ask({ n: 2, stop: ["#"], json: true }));
  expect(bodies(server).at(-1)).toMatchObject({
    n: 2,
    stop: ["#"],
    response_format: { type: "json_object" },
    temperature: 0,
    max_tokens: 2048,
  });
});

test("a refused value is learned for that value only; above 1 it is lowered", async () => {
  const { server, open } = await serve((body) =>
    body.temperature > 1 || body.temperature === 0.3 ? "value" : undefined,
  );
  const { model } = open();
  for (const temperature of [1.5, 1.2, 0.3, 0.7, 0]) await model.chat(ask({ temperature }));
  const answered = bodies(server).filter((body) => !(body.temperature > 1 || body.temperature === 0.3));
  expect(answered.map(({ temperature }) => temperature)).toEqual([1, 1, undefined, 0.7, 0]);
});

test("two refused parameters under one text", async () => {
  const { server, open } = await serve((body) =>
    "seed" in body || "temperature" in body ? "Bad Request" : undefined,
  );
  const { model } = open();
  for (let i = 0; i < 3; i++) await model.chat(ask());
  expect(Object.keys(bodies(server).at(-1)).sort()).toEqual(["max_tokens", "messages", "model"]);
  expect(bodies(server).at(-1).messages).toHaveLength(2);
});

test("a rename that the server does not know either is not kept", async () => {
  const { server, open } = await serve((body) => {
    if ("max_completion_tokens" in body) return "unknown field max_completion_tokens";
    return "seed" in body && "temperature" in body ? "one of both is wrong" : undefined;
  });
  await open().model.chat(ask());
  expect(bodies(server).at(-1)).toHaveProperty("max_tokens");
});

test("a request that nothing mends is searched once, then given up at once", async () => {
  const { server, open } = await serve(() => "no");
  const { model } = open();
  const failed = () =>
    model.chat(ask()).then(
      () => "answered",
      (error: unknown) => (error instanceof ModelCallError ? error.kind : error),
    );
  expect(await failed()).toBe("bad-request");
  const searched = server.chats.length;
  expect(searched).toBeLessThan(16);
  expect(await failed()).toBe("bad-request");
  expect(server.chats).toHaveLength(searched + 1);
});

describe("500", () => {
  test("one that came by chance costs no parameter", async () => {
    const { server, open } = await serve((_, count) => (count === 2 ? [500, "seed? no idea"] : undefined));
    const { model } = open();
    for (let i = 0; i < 3; i++) await model.chat(ask());
    for (const body of bodies(server)) expect(body).toMatchObject({ seed: 5, temperature: 0 });
  });

  test("one that comes with a parameter is put down to it the second time", async () => {
    const { server, open } = await serve((body) =>
      body.response_format ? [500, "Internal Server Error"] : undefined,
    );
    const { model, warnings } = open();
    for (let i = 0; i < 3; i++) await model.chat(ask({ json: true }));
    expect(warnings).toHaveLength(1);
    const before = server.chats.length;
    await model.chat(ask({ json: true }));
    expect(server.chats).toHaveLength(before + 1);
  });
});

describe("what is learned stays", () => {
  test("for the next session of the run", async () => {
    const { server, open } = await serve((body) => ("seed" in body ? "no" : undefined));
    let saved: readonly string[] = [];
    const first = open().model;
    first.keepHabits([], (all) => {
      saved = all;
    });
    await first.chat(ask());
    expect(saved).toEqual(["seed"]);
    const before = server.chats.length;
    const second = open();
    second.model.keepHabits(saved, () => {});
    await second.model.chat(ask());
    expect(server.chats).toHaveLength(before + 1);
    expect(second.warnings).toEqual([]);
  });
});

describe("room to think", () => {
  const cut = (content: string, usage: object = { prompt_tokens: 10, completion_tokens: 100 }) =>
    faults.status(200, {
      model: "fake-model",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "length" }],
      usage,
    });

  test("grows once, by four, and stays; both answers are billed", async () => {
    const { server, open } = await serve(() => undefined);
    server.queue(cut("<think>long"));
    const { model, warnings } = open();
    const { usage } = await model.chat(ask());
    expect(usage.promptTokens).toBe(20);
    await model.chat(ask({ maxTokens: 8000 }));
    expect(bodies(server).map(({ max_tokens }) => max_tokens)).toEqual([2048, 8192, 16_384]);
    expect(warnings).toHaveLength(1);
  });

  test("is not asked for where the text itself fills the limit", async () => {
    const { server, open } = await serve(() => undefined);
    server.queue(cut("word ".repeat(90)));
    await open().model.chat(ask({ maxTokens: 100 }));
    expect(server.chats).toHaveLength(1);
  });

  test("an error says what was billed for all attempts", async () => {
    const { server, open } = await serve(() => undefined);
    server.queue(faults.status(500), cut("<think>long"), cut("<think>longer"));
    const error = await open()
      .model.chat(ask())
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "length", usage: { promptTokens: 20, completionTokens: 200 } });
  });
});

describe("params", () => {
  test("are sent as they are, and name the model's replies; headers do not", async () => {
    const { server, open } = await serve(() => undefined);
    const params = {
      reasoning_effort: "low",
      extra_body: { top_k: 5 },
      headers: { "x-team": "blue" },
      organization: "org-1",
    };
    const { model } = open({ params });
    await model.chat(ask());
    expect(bodies(server)[0]).toMatchObject({ reasoning_effort: "low", top_k: 5 });
    expect(server.chats[0]?.headers).toMatchObject({ "x-team": "blue", "openai-organization": "org-1" });
    const plain = open().model.id;
    expect(model.id).not.toBe(plain);
    // Rules that forbid a model find its name behind the mark.
    expect(model.id).toMatch(/\?params=[0-9a-f]{12}#fake-model$/);
    expect(open({ params: { ...params, reasoning_effort: "high" } }).model.id).not.toBe(model.id);
    expect(open({ params: { ...params, headers: { "x-team": "red" } } }).model.id).toBe(model.id);
    expect(open({ params: { headers: { "x-team": "red" } } }).model.id).toBe(plain);
  });

  test("are not left out where the server refuses them", async () => {
    const { server, open } = await serve((body) => ("seed" in body ? "no seed" : undefined));
    const { model } = open({ params: { seed: 7 } });
    await expect(model.chat(ask())).rejects.toMatchObject({ kind: "bad-request" });
    for (const body of bodies(server)) expect(body.seed).toBe(7);
  });

  test("a header takes its value from the environment", () => {
    expect(() =>
      open({} as FakeOpenAI, { baseUrl: "http://h/v1", params: { headers: { a: "${W4S_NO_SUCH}" } } }),
    ).toThrow(/W4S_NO_SUCH/);
  });
});
