/** @file Group E: what an executor endpoint can do wrong, one test per case, on a fake server. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ModelCallError } from "../../../../src/core/errors.js";
import type { ChatRequest } from "../../../../src/llm/chat-model.js";
import {
  OpenAIChatModel,
  type OpenAIChatModelOptions,
} from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter, type RateLimiterOptions } from "../../../../src/llm/openai/rate-limiter.js";
import {
  completion,
  type FakeOpenAI,
  type FakeOpenAIOptions,
  faults,
  startFakeOpenAI,
  streamEvents,
} from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const KEY = "sk-canary-0123456789abcdef";
const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

interface Bench {
  server: FakeOpenAI;
  model: OpenAIChatModel;
  clock: VirtualClock;
  limiter: RateLimiter;
  warnings: string[];
}

/** A model whose waits pass in virtual time; timeouts of one attempt are real. */
async function bench(
  serverOptions: FakeOpenAIOptions = {},
  modelOptions: Partial<OpenAIChatModelOptions> = {},
  limiterOptions: RateLimiterOptions = {},
): Promise<Bench> {
  const server = await startFakeOpenAI(serverOptions);
  const clock = new VirtualClock();
  const limiter = new RateLimiter({ clock, ...limiterOptions });
  const warnings: string[] = [];
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "fake-model",
    limiter,
    onWarning: (message) => warnings.push(message),
    ...modelOptions,
  });
  cleanup.push(
    () => model.close(),
    () => server.close(),
  );
  return { server, model, clock, limiter, warnings };
}

const ask = (content = "hello", more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: "user", content }],
  ...more,
});

async function failure(promise: Promise<unknown>): Promise<ModelCallError> {
  const error = await promise.then(
    (value) => new Error(`expected a failure, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ModelCallError)) throw error;
  return error;
}

describe("limits of the server", () => {
  test("E1: waits for Retry-After, then succeeds", async () => {
    const { server, model, clock } = await bench();
    server.queue(faults.status(429, undefined, { "retry-after": "1" }));
    expect((await model.chat(ask())).texts).toEqual(["reply to: hello"]);
    expect(server.chats).toHaveLength(2);
    expect(clock.now()).toBeGreaterThanOrEqual(1000);
    expect(clock.now()).toBeLessThan(2000);
  });

  test("E2: a wait longer than allowed stops the run at once", async () => {
    const { server, model, clock } = await bench();
    server.queue(faults.status(429, undefined, { "retry-after": "3600" }));
    const error = await failure(model.chat(ask()));
    expect(error).toMatchObject({ kind: "rate-limit", isFatal: true });
    expect(error.message).toMatch(/3600 s.*120 s/);
    expect(error.hint).toMatch(/same command again/);
    expect(clock.now()).toBeLessThan(1000);
    expect(server.chats).toHaveLength(1);
  });

  test("E2: endless 429 ends within the allowed wait", async () => {
    const { model, clock } = await bench({ intercept: () => faults.status(429) });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind: "rate-limit", isFatal: true });
    expect(clock.now()).toBeLessThan(200_000);
  });

  test("E3: other ways to say how long", async () => {
    for (const [headers, expected] of [
      [{ "retry-after-ms": "1500" }, 1500],
      [{ "retry-after": "Sun, 22 Nov 2026 10:00:05 GMT", date: "Sun, 22 Nov 2026 10:00:00 GMT" }, 5000],
      [{ "x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0" }, 90_000],
    ] as const) {
      const { server, model, clock } = await bench();
      server.queue(faults.status(429, undefined, headers));
      await model.chat(ask());
      expect(clock.now()).toBeGreaterThanOrEqual(expected);
      expect(clock.now()).toBeLessThan(expected * 1.5);
    }
  });

  test("E3: negative and garbled waits are replaced by a back-off", async () => {
    for (const value of ["-5", "soon", "1e9", ""]) {
      const { server, model, clock } = await bench();
      server.queue(faults.status(429, undefined, { "retry-after": value }));
      await model.chat(ask());
      expect(clock.now()).toBeGreaterThan(100);
      expect(clock.now()).toBeLessThan(5000);
    }
  });

  test("E4: with every third call refused, every call gets its answer, and soon", async () => {
    let chats = 0;
    const { model, clock } = await bench({
      intercept: () => (++chats > 4 && chats % 3 === 0 ? faults.status(429) : undefined),
    });
    await model.chat(ask("warm up"));
    const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => model.chat(ask(`q${i}`))));
    expect(replies.map(({ texts }) => texts[0])).toEqual(
      Array.from({ length: 30 }, (_, i) => `reply to: q${i}`),
    );
    expect(clock.now()).toBeLessThan(10_000);
  });

  test("E9: an empty account is fatal, whatever status says so", async () => {
    const quota = { error: { message: "You exceeded your current quota", code: "insufficient_quota" } };
    for (const [status, body] of [
      [402, { error: { message: "pay" } }],
      [429, quota],
      [403, quota],
    ] as const) {
      const { server, model } = await bench({ intercept: () => faults.status(status, body) });
      expect(await failure(model.chat(ask()))).toMatchObject({ kind: "quota", isFatal: true });
      expect(server.chats).toHaveLength(1);
    }
  });
});

describe("failures of the server", () => {
  test("E5: 500 twice, then an answer", async () => {
    const { server, model } = await bench();
    server.queue(faults.status(500), faults.status(500));
    expect((await model.chat(ask())).texts).toEqual(["reply to: hello"]);
    expect(server.chats).toHaveLength(3);
  });

  test("E5: 500 for ever loses this sample only", async () => {
    const { server, model } = await bench({ intercept: () => faults.status(500) }, { maxRetries: 3 });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind: "server", status: 500, isFatal: false });
    expect(server.chats).toHaveLength(4);
  });

  test.each([408, 409])("status %i is asked again", async (status) => {
    const { server, model } = await bench();
    server.queue(faults.status(status));
    await model.chat(ask());
    expect(server.chats).toHaveLength(2);
  });

  test("E10: no answer ends by the timeout of the attempt, then of the call", async () => {
    const { server, model } = await bench({ intercept: () => faults.silence() }, { timeoutMs: 150 });
    expect(await failure(model.chat(ask()))).toMatchObject({
      ...{ kind: "timeout", isFatal: false },
      hint: expect.stringContaining("--timeout-ms"),
    });
    // Attempts take real time here but none of the virtual clock, so the tries are bounded by their count.
    expect(server.chats.length).toBeLessThanOrEqual(5);
  });

  test("E10: all attempts together get twice the timeout", async () => {
    const server = await startFakeOpenAI({ intercept: () => faults.silence() });
    const model = new OpenAIChatModel({
      baseUrl: server.baseUrl,
      model: "m",
      // Long enough that a busy machine does not spend both at one attempt.
      timeoutMs: 1000,
      maxRetries: 50,
    });
    cleanup.push(
      () => model.close(),
      () => server.close(),
    );
    expect((await failure(model.chat(ask()))).kind).toBe("timeout");
    expect(server.chats.length).toBeGreaterThanOrEqual(2);
    expect(server.chats.length).toBeLessThanOrEqual(3);
  });

  test("E11, E12: silence after the headers and a dripping body end by the timeout", async () => {
    for (const fault of [() => faults.silenceAfterHeaders(), () => faults.drip(10)]) {
      const { model } = await bench({ intercept: fault }, { timeoutMs: 200, maxRetries: 1 });
      expect((await failure(model.chat(ask()))).kind).toBe("timeout");
    }
  });

  test("E13: a cut body is asked again", async () => {
    const { server, model } = await bench();
    server.queue(faults.cutBody(), faults.cutBody("{"));
    expect((await model.chat(ask())).texts).toEqual(["reply to: hello"]);
    expect(server.chats).toHaveLength(3);
  });

  test("E13: bodies cut every time end as an error of the sample", async () => {
    const { model } = await bench({ intercept: () => faults.cutBody() }, { maxRetries: 2 });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind: "server", isFatal: false });
  });

  test("E14: a stream without its end is asked again and never used", async () => {
    const whole = streamEvents("fake-model", ["the whole answer"]);
    const { server, model } = await bench({ reply: () => "right" }, { stream: true });
    server.queue(
      faults.stream([...whole.slice(0, 3), "data: [DONE]\n\n"]), // [DONE], but no finish reason
      faults.stream(whole.slice(0, 2)),
      faults.stream([...whole.slice(0, 2), 'data: {"choices":[{"index":0,"del']),
    );
    expect((await model.chat(ask())).texts).toEqual(["right"]);
    expect(server.chats).toHaveLength(4);
  });

  test("E15: a stream that is reset or stalls is asked again", async () => {
    const half = streamEvents("fake-model", ["half"]).slice(0, 2);
    const { server, model } = await bench({ reply: () => "right" }, { stream: true, idleTimeoutMs: 1000 });
    server.queue(faults.stream(half, "reset"), faults.stream(half, "stall"));
    expect((await model.chat(ask())).texts).toEqual(["right"]);
    expect(server.chats).toHaveLength(3);
  });

  test("streams: several replies, usage, an error inside the stream", async () => {
    const { server, model } = await bench({ reply: (_, index) => `reply number ${index}` }, { stream: true });
    const result = await model.chat(ask("x", { n: 2 }));
    expect(result.texts).toEqual(["reply number 0", "reply number 1"]);
    server.queue(
      faults.stream([
        'data: {"error":{"message":"maximum context length is 9","code":400}}\n\n',
        "data: [DONE]\n\n",
      ]),
    );
    expect((await failure(model.chat(ask()))).kind).toBe("context-length");
  });

  test("E16: an answer that is no JSON is asked for once more", async () => {
    const bad = () => faults.status(200, '{"choices": [\u0007oops');
    const { server, model } = await bench();
    server.queue(bad());
    expect((await model.chat(ask())).texts).toEqual(["reply to: hello"]);
    server.queue(bad(), bad(), bad());
    const error = await failure(model.chat(ask()));
    expect(error).toMatchObject({ kind: "bad-reply", isFatal: false });
    expect(error.message).toContain("\\x07oops");
    expect(server.chats).toHaveLength(4);
  });

  test("E17: an HTML page is no OpenAI-compatible endpoint", async () => {
    for (const [status, type] of [
      [200, "text/html"],
      [200, "application/json"],
      [404, "text/html"],
    ] as const) {
      const page = faults.status(status, "<!DOCTYPE html><html><body>Welcome</body></html>", {
        "content-type": type,
      });
      const { server, model } = await bench({ intercept: () => page });
      const error = await failure(model.chat(ask()));
      expect(error).toMatchObject({ kind: "not-openai", isFatal: true });
      expect(error.message).toContain("not an OpenAI-compatible endpoint");
      expect(server.chats).toHaveLength(1);
    }
  });

  test("E19: an endless answer is stopped while it is read", async () => {
    const { model } = await bench({ intercept: () => faults.flood() }, { maxBodyBytes: 2 ** 20 });
    const error = await failure(model.chat(ask()));
    expect(error.kind).toBe("bad-reply");
    expect(error.message).toContain("1024 KiB");
  });
});

describe("refusals", () => {
  test.each([401, 403])(
    "E6: %i stops all lanes within four calls, and the key is not shown",
    async (status) => {
      const echo = faults.status(status, { error: { message: `Incorrect API key provided: ${KEY}` } });
      const { server, model } = await bench({ intercept: () => echo }, { apiKey: KEY });
      const errors = await Promise.all(
        Array.from({ length: 16 }, (_, i) => failure(model.chat(ask(`q${i}`)))),
      );
      for (const error of errors) {
        expect(error).toMatchObject({ kind: "auth", isFatal: true });
        expect(JSON.stringify([error.message, error.hint, error.stack, error.cause])).not.toContain(
          KEY.slice(0, 12),
        );
      }
      expect(server.requests.length).toBeLessThanOrEqual(4);
      expect(server.chats[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    },
  );

  test("E6: 403 once others were answered is about this prompt only", async () => {
    const { server, model } = await bench();
    await model.chat(ask());
    server.queue(faults.status(403, { error: { message: "not this one" } }));
    expect(await failure(model.chat(ask("odd")))).toMatchObject({ kind: "refused", isFatal: false });
    expect((await model.chat(ask())).texts).toEqual(["reply to: hello"]);
  });

  test("E7: an unknown model is found by the preflight, with the server's list", async () => {
    const { server, model } = await bench(
      { models: ["alpha", "beta"], refusesOtherModels: true },
      { model: "gamma" },
    );
    const error = await failure(model.preflight());
    expect(error).toMatchObject({ kind: "model-not-found", isFatal: true });
    expect(error.message).toContain("alpha, beta");
    expect(server.chats).toHaveLength(1);
  });

  test("E7: and by the first call, where nobody asked before", async () => {
    const { model } = await bench({ models: ["alpha"], refusesOtherModels: true }, { model: "gamma" });
    expect((await failure(model.chat(ask()))).message).toContain("it has: alpha");
  });

  test("preflight: lists models; servers that answer to any name or have no list are fine", async () => {
    expect(await (await bench()).model.preflight()).toEqual({ models: ["fake-model"] });
    expect(await (await bench({ models: ["path.gguf"] })).model.preflight()).toEqual({
      models: ["path.gguf"],
    });
    const without = await bench({ models: null });
    expect(await without.model.preflight()).toEqual({ models: [] });
    expect(without.server.chats).toHaveLength(0);
  });

  test("preflight: a wrong key is fatal", async () => {
    const { model } = await bench({ apiKey: KEY }, { apiKey: "sk-another-0123456789" });
    expect(await failure(model.preflight())).toMatchObject({ kind: "auth", isFatal: true });
  });

  test("E8: a prompt that is too long is not asked again", async () => {
    const body = { error: { message: "too long", code: "context_length_exceeded" } };
    const { server, model } = await bench({ intercept: () => faults.status(400, body) });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind: "context-length", isFatal: false });
    expect(server.chats).toHaveLength(1);
  });
});

describe("empty and odd answers", () => {
  const reply = (choices: unknown, more: object = {}) => ({
    object: "chat.completion",
    model: "fake-model",
    choices,
    ...more,
  });
  const choice = (message: object, finish_reason = "stop") => [{ index: 0, message, finish_reason }];

  test.each([
    ["no choices", reply([]), "empty", 2],
    ["null choices", reply(null), "empty", 2],
    ["empty text", reply(choice({ content: "" })), "empty", 2],
    ["blank text", reply(choice({ content: " \n" })), "empty", 2],
    ["null text", reply(choice({ content: null })), "empty", 2],
    ["empty by length", reply(choice({ content: "" }, "length")), "length", 2],
    ["reasoning used up", reply(choice({ content: null, reasoning_content: "hm" }, "length")), "length", 2],
    ["refusal", reply(choice({ content: null, refusal: "no" })), "refused", 1],
    ["content filter", reply(choice({ content: "par" }, "content_filter")), "refused", 2],
  ])("E18: %s", async (_name, body, kind, requests) => {
    const { server, model } = await bench({ intercept: () => faults.status(200, body) });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind, isFatal: false });
    expect(server.chats).toHaveLength(requests);
  });

  test.each([
    ["plain", { error: { message: "boom" } }, "server"],
    ["with a status", { error: { message: "no", code: 401 } }, "auth"],
    ["as text", { error: "model 'x' not found" }, "server"],
    ["quota", { error: { message: "x", code: "insufficient_quota" } }, "quota"],
  ])("E18: an error in a reply of status 200: %s", async (_name, body, kind) => {
    const { model } = await bench({ intercept: () => faults.status(200, body) }, { maxRetries: 1 });
    expect((await failure(model.chat(ask()))).kind).toBe(kind);
  });

  test.each([
    ["no object", [1, 2]],
    ["no choices member", { hello: 1 }],
    ["choices of wrong type", reply("x")],
    ["choice without message", reply([{ index: 0 }])],
    ["content of wrong type", reply(choice({ content: 12 }))],
  ])("E18: %s is a bad reply, asked for twice", async (_name, body) => {
    const { server, model } = await bench({ intercept: () => faults.status(200, body) });
    expect((await failure(model.chat(ask()))).kind).toBe("bad-reply");
    expect(server.chats).toHaveLength(2);
  });

  test("E18: text cut by maxTokens is an answer; text in parts is joined", async () => {
    const { server, model } = await bench();
    server.queue(
      faults.status(200, reply(choice({ content: "half" }, "length"))),
      faults.status(
        200,
        reply(
          choice({
            content: [
              { type: "text", text: "a" },
              { type: "text", text: "b" },
            ],
          }),
        ),
      ),
    );
    expect(await model.chat(ask())).toMatchObject({ texts: ["half"], finishReasons: ["length"] });
    expect((await model.chat(ask())).texts).toEqual(["ab"]);
  });

  test("E20: what a server leaves out of n is asked for again, with other seeds", async () => {
    let count = 0;
    const { server, model, warnings } = await bench({ maxChoices: 1, reply: () => `reply ${count++}` });
    const result = await model.chat(ask("x", { n: 4, seed: 7, temperature: 1 }));
    expect(new Set(result.texts).size).toBe(4);
    const seeds = server.chats.map(({ body }) => body.seed);
    expect(seeds[0]).toBe(7);
    expect(new Set(seeds).size).toBe(4);
    expect(result.usage.promptTokens).toBe(40);
    expect(warnings.join()).toMatch(/one reply at a time/);
    // Known from now on: no request for several any more.
    await model.chat(ask("y", { n: 2 }));
    expect(server.chats.slice(4).map(({ body }) => body.n)).toEqual([undefined, undefined]);
  });

  test("a server with fewer slots than n (llama-server) is asked for as many as it allows", async () => {
    const message = "Field 'n': Value must be between 1 <= value <= 4, but got 6";
    const { server, model, warnings } = await bench({
      reply: (request, index) => `${request.body.seed}/${index}`,
      intercept: (request) =>
        (request.body?.n ?? 1) > 4
          ? faults.status(400, { error: { code: 400, message, type: "invalid_request_error" } })
          : undefined,
    });
    const result = await model.chat(ask("x", { n: 6, seed: 7, temperature: 1 }));
    expect(new Set(result.texts).size).toBe(6);
    expect(server.chats.map(({ body }) => body.n)).toEqual([6, 4, undefined, undefined]);
    expect(warnings.join()).toContain("at most 4 replies at once");
    await model.chat(ask("y", { n: 3, seed: 8, temperature: 1 }));
    await model.chat(ask("z", { n: 5, seed: 9, temperature: 1 }));
    expect(server.chats.slice(4).map(({ body }) => body.n)).toEqual([3, 4, undefined]);
  });

  test.each([
    ["n", "Field 'n': Value must be between 1 <= value <= 4, but got 6", 4],
    ["seed", "Unsupported parameter: 'seed' is not supported with this model.", 6],
  ])(
    "calls already on their way when a refusal of %s comes are asked for again too",
    async (name, message, n) => {
      const held: (() => void)[] = [];
      const { server, model } = await bench({
        reply: (_, index) => `reply ${index}`,
        intercept: ({ body }) => {
          if (name === "n" ? (body?.n ?? 1) <= 4 : body?.seed === undefined) return undefined;
          return async (exchange) => {
            // All three are refused, and none before the last has come.
            await new Promise<void>((resolve) => {
              held.push(resolve);
              if (held.length === 3) for (const go of held) go();
            });
            await faults.status(400, { error: { code: 400, message, type: "invalid_request_error" } })(
              exchange,
            );
          };
        },
      });
      const prompts = ["x", "y", "z"];
      const all = await Promise.all(prompts.map((prompt) => model.chat(ask(prompt, { n: 6, seed: 7 }))));
      expect(all.map(({ texts }) => texts.length)).toEqual([6, 6, 6]);
      expect(server.chats.slice(3, 6).map(({ body }) => body.n)).toEqual([n, n, n]);
    },
  );

  test("E20: one empty reply among several is asked for again", async () => {
    const { server, model } = await bench({ reply: () => "again" });
    server.queue(faults.status(200, completion("fake-model", ["one", "", "three"])));
    expect((await model.chat(ask("x", { n: 3 }))).texts).toEqual(["one", "again", "three"]);
    expect(server.chats).toHaveLength(2);
  });

  test.each([
    ["missing", undefined],
    ["negative", { prompt_tokens: 10, completion_tokens: -4 }],
    ["text", { prompt_tokens: "10", completion_tokens: "4" }],
    ["absurd", { prompt_tokens: 1e300, completion_tokens: 4.5 }],
    ["null", null],
  ])("E20: usage %s is estimated and marked", async (_name, usage) => {
    const { model } = await bench({
      intercept: () => faults.status(200, { ...completion("fake-model", ["four score"]), usage }),
    });
    const result = await model.chat(ask());
    expect(result.usage.isEstimated).toBe(true);
    expect(result.usage.promptTokens).toBeGreaterThan(0);
    expect(result.usage.completionTokens).toBeGreaterThan(0);
  });

  test("E20: sound usage is taken as it is", async () => {
    const usage = { prompt_tokens: 123, completion_tokens: 45 };
    const { model } = await bench({
      intercept: () => faults.status(200, { ...completion("fake-model", ["x"]), usage }),
    });
    expect((await model.chat(ask())).usage).toEqual({ promptTokens: 123, completionTokens: 45 });
  });

  test("E21: another model name is recorded and warned about once; a snapshot of ours is not", async () => {
    const { server, model, warnings } = await bench();
    const as = (name: string) => faults.status(200, completion(name, ["x"]));
    server.queue(as("other"), as("other"), as("fake-model-2026-01-01"), as("/models/dir/file.gguf"));
    expect((await model.chat(ask())).model).toBe("other");
    await model.chat(ask());
    expect((await model.chat(ask())).model).toBe("fake-model-2026-01-01");
    expect((await model.chat(ask())).model).toBe("file.gguf");
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('"other"');
  });
});

describe("nobody there", () => {
  test("E23: a refused connection ends soon, with host and port", async () => {
    const { server, model, clock } = await bench();
    await server.close();
    const error = await failure(model.chat(ask()));
    expect(error).toMatchObject({ kind: "unreachable", isFatal: true });
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(clock.now()).toBeGreaterThan(1000);
    expect(clock.now()).toBeLessThanOrEqual(5000);
  });

  test("E23: an unknown name, a reset, and TLS to a plain port", async () => {
    const reset = await bench({ intercept: () => faults.reset() });
    expect(await failure(reset.model.chat(ask()))).toMatchObject({ kind: "unreachable", isFatal: true });
    const options = { model: "m", limiter: reset.limiter };
    const unknown = new OpenAIChatModel({
      ...options,
      baseUrl: "http://no-such-host.invalid/v1",
      limiter: new RateLimiter({ clock: new VirtualClock() }),
    });
    const error = await failure(unknown.chat(ask()));
    expect(error).toMatchObject({ kind: "unreachable", isFatal: true });
    expect(error.message).toContain("no-such-host.invalid:80");
    const plain = await bench();
    const tls = new OpenAIChatModel({
      ...options,
      baseUrl: plain.server.baseUrl.replace("http:", "https:"),
      limiter: plain.limiter,
    });
    expect(await failure(tls.chat(ask()))).toMatchObject({ kind: "unreachable", isFatal: true });
  });

  test("E24: a server that dies and is back after a minute costs no call", async () => {
    const first = await startFakeOpenAI();
    let revived: FakeOpenAI | undefined;
    let clock: VirtualClock | undefined;
    const { port } = first;
    let isReviving = false;
    // Time stands still while the port is taken again.
    clock = new VirtualClock(2, () => {
      if ((clock?.now() ?? 0) < 60_000 || revived) return true;
      if (!isReviving) {
        isReviving = true;
        void startFakeOpenAI({ port }).then((server) => {
          revived = server;
        });
      }
      return false;
    });
    const warnings: string[] = [];
    const model = new OpenAIChatModel({
      baseUrl: first.baseUrl,
      model: "fake-model",
      limiter: new RateLimiter({ clock }),
      onWarning: (message) => warnings.push(message),
    });
    cleanup.push(() => model.close());
    await model.chat(ask("before"));
    await first.close();
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => model.chat(ask(`q${i}`))));
    expect(replies.map(({ texts }) => texts[0])).toEqual(
      Array.from({ length: 20 }, (_, i) => `reply to: q${i}`),
    );
    expect(clock.now()).toBeGreaterThanOrEqual(60_000);
    expect(clock.now()).toBeLessThan(80_000);
    expect(warnings.join()).toContain("waiting for it to come back");
    await revived?.close();
  });

  test("E24: a server that stays away ends the run after the allowed wait", async () => {
    const { server, model, clock } = await bench();
    await model.chat(ask());
    await server.close();
    const errors = await Promise.all(Array.from({ length: 8 }, (_, i) => failure(model.chat(ask(`q${i}`)))));
    for (const error of errors) expect(error).toMatchObject({ kind: "unreachable", isFatal: true });
    expect(clock.now()).toBeGreaterThanOrEqual(110_000);
    expect(clock.now()).toBeLessThanOrEqual(120_000);
  });

  test("a gateway without its server is waited for", async () => {
    let isBack = false;
    const clockBox: { clock?: VirtualClock } = {};
    const made = await bench({
      intercept: () => {
        isBack ||= (clockBox.clock?.now() ?? 0) > 40_000;
        return isBack ? undefined : faults.status(503, { error: { message: "Loading model" } });
      },
    });
    clockBox.clock = made.clock;
    expect((await made.model.chat(ask())).texts).toEqual(["reply to: hello"]);
  });

  test("a prompt that kills its connection each time is given up, the others go on", async () => {
    const { model } = await bench(
      { intercept: (request) => (request.prompt === "poison" ? faults.reset() : undefined) },
      { maxRetries: 2 },
    );
    await model.chat(ask());
    const poison = failure(model.chat(ask("poison")));
    const others = (async () => {
      for (let i = 0; i < 30; i++) await model.chat(ask(`q${i}`));
    })();
    expect(await poison).toMatchObject({ kind: "unreachable", isFatal: false });
    await others;
  });
});

describe("requests", () => {
  test("carry what was asked, and nothing about this machine", async () => {
    process.env.OPENAI_CUSTOM_HEADERS = "x-leak: yes";
    try {
      const { server, model } = await bench({}, { apiKey: KEY, headers: { "X-Gateway": "gateway-secret" } });
      await model.chat(
        ask("hi", { n: 2, temperature: 0.5, maxTokens: 9, stop: ["\n"], seed: 5, json: true }),
      );
      const { body, headers } = server.chats[0] ?? {};
      expect(body).toEqual({
        model: "fake-model",
        messages: [{ role: "user", content: "hi" }],
        n: 2,
        temperature: 0.5,
        max_tokens: 9,
        stop: ["\n"],
        seed: 5,
        response_format: { type: "json_object" },
      });
      expect(Object.keys(headers ?? {}).sort()).toEqual([
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-gateway",
      ]);
    } finally {
      delete process.env.OPENAI_CUSTOM_HEADERS;
    }
  });

  test("sendSeed: false leaves the seed out", async () => {
    const { server, model } = await bench({}, { sendSeed: false });
    await model.chat(ask("hi", { seed: 5 }));
    expect(server.chats[0]?.body.seed).toBeUndefined();
  });

  test("aborting rejects with the reason, while waiting and while asking", async () => {
    const { server, model } = await bench({ intercept: () => faults.silence() });
    const controller = new AbortController();
    const pending = Array.from({ length: 6 }, () => model.chat(ask("x", { signal: controller.signal })));
    const settled = Promise.allSettled(pending);
    while (server.chats.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error("enough"));
    for (const outcome of await settled) expect(outcome).toMatchObject({ reason: { message: "enough" } });
    await expect(model.chat(ask("x", { signal: AbortSignal.abort(new Error("early")) }))).rejects.toThrow(
      "early",
    );
  });

  test("closing ends what is under way", async () => {
    const { model } = await bench({ intercept: () => faults.silence() });
    const pending = expect(model.chat(ask())).rejects.toMatchObject({ name: "AbortError" });
    await model.close();
    await pending;
  });

  test("at most maxConcurrency at once, and one key is never sent to a port that only listens", async () => {
    const { server, model } = await bench({ delayMs: 15 }, {}, { maxConcurrency: 4 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => model.chat(ask(`q${i}`))));
    expect(server.maxInFlight).toBeLessThanOrEqual(4);
    expect(server.maxInFlight).toBeGreaterThan(1);
  });

  test("a connection that nobody accepts is unreachable, not a hang", async () => {
    // A server that accepts and closes at once.
    const closer = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => closer.listen(0, "127.0.0.1", resolve));
    const { port } = closer.address() as AddressInfo;
    const model = new OpenAIChatModel({
      baseUrl: `http://127.0.0.1:${port}/v1`,
      model: "m",
      limiter: new RateLimiter({ clock: new VirtualClock() }),
    });
    expect(await failure(model.chat(ask()))).toMatchObject({ kind: "unreachable", isFatal: true });
    await new Promise((resolve) => closer.close(resolve));
  });
});
