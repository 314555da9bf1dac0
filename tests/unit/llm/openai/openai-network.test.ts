/** @file Streams, redirects, lists of models, proxies and keys: what lies between the client and its server. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigError, ModelCallError } from "../../../../src/core/errors.js";
import { proxyOf } from "../../../../src/core/network/proxied-agent.js";
import { buildExecutor, type ExecutorConfig } from "../../../../src/evaluate/build-executor.js";
import {
  OpenAIChatModel,
  type OpenAIChatModelOptions,
} from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import {
  completion,
  type FakeOpenAIOptions,
  type Fault,
  faults,
  startFakeOpenAI,
  streamEvents,
} from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const KEY = "sk-canary-0123456789abcdef";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

async function bench(options: FakeOpenAIOptions = {}, more: Partial<OpenAIChatModelOptions> = {}) {
  const server = await startFakeOpenAI(options);
  const warnings: string[] = [];
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "fake-model",
    limiter: new RateLimiter({ clock: new VirtualClock() }),
    onWarning: (message) => warnings.push(message),
    ...more,
  });
  cleanup.push(
    () => model.close(),
    () => server.close(),
  );
  return { server, model, warnings };
}

const HELLO = { messages: [{ role: "user" as const, content: "hello" }] };
const failure = (promise: Promise<unknown>): Promise<ModelCallError> =>
  promise.then(
    (value) => Promise.reject(new Error(`expected a failure, got ${JSON.stringify(value)}`)),
    (reason: unknown) => (reason instanceof ModelCallError ? reason : Promise.reject(reason)),
  );

/** Environment variables for one test; undefined unsets. */
function setEnv(values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    const set = (to: string | undefined) => {
      if (to === undefined) delete process.env[name];
      else process.env[name] = to;
    };
    cleanup.push(() => set(before));
    set(value);
  }
}

/** Writes parts with pauses; then ends, or leaves the body open. */
const slowly =
  (parts: readonly string[], pauseMs: number, end = true, type = "text/event-stream"): Fault =>
  async ({ response }) => {
    response.writeHead(200, { "content-type": type });
    for (const part of parts) {
      response.write(part);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    if (end) response.end();
  };

describe("streams", () => {
  const whole = streamEvents("fake-model", ["the whole answer"]);

  test("are asked for from the second answer on, with their usage; at once where that is set", async () => {
    const { server, model } = await bench();
    await model.chat(HELLO);
    await model.chat(HELLO);
    expect(server.chats[0]?.body.stream).toBeUndefined();
    expect(server.chats[1]?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    const streaming = await bench({}, { stream: true });
    await streaming.model.chat(HELLO);
    expect(streaming.server.chats[0]?.body.stream).toBe(true);
    const plain = await bench({}, { stream: false });
    await plain.model.chat(HELLO);
    expect(plain.server.chats[0]?.body.stream).toBeUndefined();
  });

  test("the idle time runs from the request on, and comments and thinking keep it alive", async () => {
    const thinking =
      'data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}\n\n';
    const alive = [
      ": waiting\n\n",
      ": waiting\n\n",
      thinking,
      thinking,
      thinking,
      ...whole,
      "data: [DONE]\n\n",
    ];
    const { server, model } = await bench({}, { idleTimeoutMs: 1000, maxRetries: 0 });
    server.queue(slowly(alive, 200));
    expect((await model.chat(HELLO)).texts).toEqual(["the whole answer"]);
    server.queue(faults.silence());
    expect((await failure(model.chat(HELLO))).message).toMatch(/nothing came for 1 s/);
    server.queue(faults.silenceAfterHeaders("text/event-stream"));
    expect((await failure(model.chat(HELLO))).kind).toBe("timeout");
  });

  test.each<[string, Fault]>([
    ["without [DONE]", faults.stream(whole)],
    ["that is reset behind its finish reason", faults.stream(whole.slice(0, -1), "reset")],
    ["left open behind its finish reason", faults.stream(whole, "stall")],
    ["left open behind [DONE]", slowly([...whole, "data: [DONE]\n\n"], 0, false)],
    ["of another type", slowly([...whole, "data: [DONE]\n\n"], 0, true, "text/plain")],
    [
      "that begins with a comment, of another type",
      slowly([": hi\n\n", ...whole], 0, true, "application/json"),
    ],
    ["that is plain JSON", slowly([JSON.stringify(completion("m", ["the whole answer"]))], 0)],
  ])("one %s is whole", async (_name, fault) => {
    const { server, model } = await bench({ reply: () => "asked again" }, { idleTimeoutMs: 1000 });
    server.queue(fault);
    expect((await model.chat(HELLO)).texts).toEqual(["the whole answer"]);
    expect(server.chats).toHaveLength(1);
  });

  test("one left open behind [DONE] does not wait for the idle time", async () => {
    // The idle time is five minutes: this test would run out of its own.
    const { server, model } = await bench();
    server.queue(slowly([...whole, "data: [DONE]\n\n"], 0, false));
    await model.chat(HELLO);
  }, 120_000);

  test.each([false, true])("compressed bodies are read (stream: %s)", async (stream) => {
    const { server, model } = await bench({}, { stream });
    const text = stream
      ? `${whole.join("")}data: [DONE]\n\n`
      : JSON.stringify(completion("m", ["the whole answer"]));
    server.queue(({ response }) => {
      const type = stream ? "text/event-stream" : "application/json";
      response.writeHead(200, { "content-type": type, "content-encoding": "gzip" });
      response.end(gzipSync(text));
    });
    expect((await model.chat(HELLO)).texts).toEqual(["the whole answer"]);
  });

  test.each([
    ["naming it", 400, { error: { message: "stream is not supported", param: "stream" } }],
    ["without a word", 422, { detail: "unprocessable" }],
  ])(
    "a server that refuses them %s is asked for whole replies, from then on",
    async (_name, status, body) => {
      const refuse: NonNullable<FakeOpenAIOptions["intercept"]> = (request) =>
        request.body?.stream ? faults.status(status, body) : undefined;
      const { server, model } = await bench({ intercept: refuse });
      await model.chat(HELLO);
      expect((await model.chat(HELLO)).texts).toEqual(["reply to: hello"]);
      expect(server.chats[1]?.body.stream).toBe(true);
      const asked = server.chats.length;
      await model.chat(HELLO);
      expect(server.chats).toHaveLength(asked + 1);
      expect(server.chats.at(-1)?.body.stream).toBeUndefined();
    },
  );

  test("a request refused either way does not end streaming", async () => {
    const refuse: NonNullable<FakeOpenAIOptions["intercept"]> = (request) =>
      request.prompt === "bad" ? faults.status(400, { error: { message: "no" } }) : undefined;
    const { server, model } = await bench({ intercept: refuse });
    await model.chat(HELLO);
    const bad = { messages: [{ role: "user" as const, content: "bad" }] };
    expect((await failure(model.chat(bad))).kind).toBe("bad-request");
    await model.chat(HELLO);
    expect(server.chats.at(-1)?.body.stream).toBe(true);
  });
});

describe("redirects", () => {
  test.each([307, 308])("%i within the origin keeps method, body and key", async (status) => {
    const { server, model } = await bench(
      {
        intercept: (request) =>
          request.path.startsWith("/v1/")
            ? faults.status(status, "", { location: `/v2/chat/completions` })
            : undefined,
      },
      { apiKey: KEY },
    );
    expect((await model.chat(HELLO)).texts).toEqual(["reply to: hello"]);
    expect(server.chats.at(-1)).toMatchObject({
      method: "POST",
      path: "/v2/chat/completions",
      prompt: "hello",
    });
    expect(server.chats.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test("to another origin are not followed, and say so; circles end", async () => {
    const other = await bench();
    const { server, model } = await bench(
      { intercept: () => faults.status(307, "", { location: `${other.server.baseUrl}/chat/completions` }) },
      { apiKey: KEY },
    );
    const error = await failure(model.chat(HELLO));
    expect(error).toMatchObject({ kind: "not-openai", isFatal: true });
    expect(error.message).toContain("another origin");
    expect(error.message).toContain(new URL(other.server.baseUrl).origin);
    expect(other.server.requests).toHaveLength(0);
    expect(server.chats).toHaveLength(1);
    const circle = await bench({
      intercept: () => faults.status(308, "", { location: "/v1/chat/completions" }),
    });
    expect((await failure(circle.model.chat(HELLO))).kind).toBe("not-openai");
    expect(circle.server.chats.length).toBeLessThanOrEqual(4);
  });
});

describe("the list of models", () => {
  test.each<[string, Fault]>([
    ["refused", faults.status(403, { error: { message: "no" } })],
    ["failing", faults.status(500)],
    ["limited", faults.status(429, undefined, { "retry-after": "3600" })],
    ["a page", faults.status(200, "<html>log in</html>", { "content-type": "text/html" })],
    ["missing", faults.status(404, "<html>not found</html>", { "content-type": "text/html" })],
    ["huge", faults.flood()],
    ["cut", faults.cutBody('{"data":[{"id":"fake')],
    ["of no kind", faults.status(200, '{"data":[1,null,{"id":7}]}')],
  ])("%s does not decide whether chat is tried", async (_name, fault) => {
    const { model } = await bench({
      intercept: (request) => (request.path.endsWith("/models") ? fault : undefined),
    });
    expect((await model.preflight()).models).toEqual([]);
    expect((await model.chat(HELLO)).texts).toEqual(["reply to: hello"]);
  });

  test("slow, it is waited for five seconds at most", async () => {
    const { server, model } = await bench({
      intercept: (request) => (request.path.endsWith("/models") ? faults.silence() : undefined),
    });
    await model.preflight();
    expect(server.chats).toHaveLength(1);
  });
});

/** A proxy on loopback: absolute addresses and CONNECT, all of them to `target`; wants `user` where given. */
async function startProxy(target: string, user?: string) {
  const seen: string[] = [];
  const isLet = (request: IncomingMessage) =>
    user === undefined ||
    request.headers["proxy-authorization"] === `Basic ${Buffer.from(user).toString("base64")}`;
  const proxy: Server = createServer(async (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (!isLet(request)) return response.writeHead(407).end("who are you?");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { pathname } = new URL(request.url ?? "");
    const { host: _, ...headers } = request.headers;
    const reply = await fetch(new URL(pathname, target), {
      method: request.method ?? "GET",
      headers: { authorization: headers.authorization ?? "", "content-type": "application/json" },
      body: chunks.length > 0 ? Buffer.concat(chunks) : null,
    });
    response.writeHead(reply.status, { "content-type": reply.headers.get("content-type") ?? "" });
    response.end(Buffer.from(await reply.arrayBuffer()));
  });
  proxy.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    if (!isLet(request)) return void socket.end("HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n");
    const { hostname, port } = new URL(target);
    const upstream = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on("error", () => end.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { seen, host: `127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

const NO_PROXIES = Object.fromEntries(
  ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].flatMap((name) => [
    [name, undefined],
    [name.toUpperCase(), undefined],
  ]),
);

describe("proxies", () => {
  test.each([
    ["HTTP_PROXY", "http://models.example:8080/v1", "http://p:1", true],
    ["http_proxy", "http://models.example/v1", "http://p:1", true],
    ["HTTPS_PROXY", "https://models.example/v1", "https://u:p@p:1", true],
    ["https_proxy", "http://models.example/v1", "http://p:1", false],
    ["HTTP_PROXY", "http://127.0.0.1:8080/v1", "http://p:1", false],
    ["HTTP_PROXY", "http://localhost:8080/v1", "http://p:1", false],
    ["HTTP_PROXY", "http://[::1]:8080/v1", "http://p:1", false],
    ["HTTP_PROXY", "http://10.0.0.7:8080/v1", "http://p:1", true],
  ])("%s for %s is %s: %s", (name, url, proxy, isUsed) => {
    setEnv({ ...NO_PROXIES, [name]: proxy });
    expect(proxyOf(new URL(url))?.host).toBe(isUsed ? new URL(proxy).host : undefined);
  });

  test.each([
    ["models.example", false],
    ["example", false],
    [".example", false],
    ["*", false],
    ["other.example, 10.0.0.1", true],
    ["models.example:9", true],
    ["dels.example", true],
  ])("NO_PROXY=%s leaves it in use for models.example: %s", (list, isUsed) => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      setEnv({ ...NO_PROXIES, HTTPS_PROXY: "http://p:1", [name]: list });
      expect(proxyOf(new URL("https://models.example/v1")) !== undefined).toBe(isUsed);
    }
  });

  test("one of another kind is refused, without its password", () => {
    setEnv({ ...NO_PROXIES, ALL_PROXY: "socks5://user:hunter2@p:1" });
    expect(() => proxyOf(new URL("https://models.example"))).toThrow(ConfigError);
    expect(() => proxyOf(new URL("https://models.example"))).toThrow(expect.not.stringContaining("hunter2"));
  });

  test("chats and lists go through it, with its user and password", async () => {
    const server = await startFakeOpenAI({ apiKey: KEY });
    cleanup.push(() => server.close());
    const { seen, host } = await startProxy(server.baseUrl, "user:proxy-secret");
    setEnv({ ...NO_PROXIES, HTTP_PROXY: `http://user:proxy-secret@${host}` });
    const model = new OpenAIChatModel({
      baseUrl: "http://models.example/v1",
      model: "fake-model",
      apiKey: KEY,
    });
    cleanup.push(() => model.close());
    expect((await model.preflight()).models).toEqual(["fake-model"]);
    expect((await model.chat(HELLO)).texts).toEqual(["reply to: hello"]);
    expect(seen).toEqual([
      "GET http://models.example/v1/models",
      "POST http://models.example/v1/chat/completions",
    ]);
  });

  test("https goes through a tunnel; one that refuses us or is gone is named, its password is not", async () => {
    const server = await startFakeOpenAI();
    cleanup.push(() => server.close());
    const { seen, host } = await startProxy(server.baseUrl, "user:right-secret");
    const through = async (proxy: string) => {
      setEnv({ ...NO_PROXIES, HTTPS_PROXY: proxy });
      const model = new OpenAIChatModel({
        baseUrl: "https://models.example/v1",
        model: "fake-model",
        limiter: new RateLimiter({ clock: new VirtualClock() }),
      });
      cleanup.push(() => model.close());
      return await failure(model.chat(HELLO));
    };
    const refused = await through(`http://user:wrong-secret@${host}`);
    expect(refused).toMatchObject({ kind: "auth", isFatal: true });
    expect(refused.hint).toContain("HTTPS_PROXY");
    // The server speaks no TLS: what counts is that the tunnel was asked for.
    expect((await through(`http://user:right-secret@${host}`)).kind).toBe("unreachable");
    expect(seen).toContain("CONNECT models.example:443");
    const gone = await through("http://user:wrong-secret@127.0.0.1:1");
    expect(gone.message).toContain("through the proxy 127.0.0.1:1");
    for (const error of [refused, gone]) {
      expect(JSON.stringify([error.message, error.hint, error.stack])).not.toContain("wrong-secret");
    }
  });
});

describe("the default key", () => {
  const config = (more: Partial<ExecutorConfig>): ExecutorConfig => ({
    executor: "simulated",
    executors: {},
    executorModel: "fake-model",
    seed: 0,
    concurrency: 4,
    ...more,
  });
  const build = (spec: string, more: Partial<ExecutorConfig> = {}) =>
    buildExecutor(spec, {
      config: config({ executor: spec, ...more }),
      local: undefined as never,
      onWarning: () => {},
    });

  test.each<[string, Partial<ExecutorConfig>, string | undefined]>([
    ["http://127.0.0.1:1/v1", {}, KEY],
    ["http://models.example/v1", {}, undefined],
    ["http://models.example/v1", { apiKeyEnv: "OPENAI_API_KEY" }, KEY],
    ["http://models.example/v1", { apiKeyEnv: "OTHER_KEY" }, "other-key-0123456789"],
  ])("to %s with %o", async (url, more, expected) => {
    const server = await startFakeOpenAI({ apiKey: expected ?? "never" });
    cleanup.push(() => server.close());
    const { host } = await startProxy(server.baseUrl);
    setEnv({
      ...NO_PROXIES,
      HTTP_PROXY: `http://${host}`,
      OPENAI_API_KEY: KEY,
      OTHER_KEY: "other-key-0123456789",
    });
    const base = url.includes("127.0.0.1") ? server.baseUrl : url;
    const { model } = await build(`openai:${base}`, more);
    cleanup.push(() => model.close());
    if (expected !== undefined) {
      expect((await model.chat(HELLO)).texts).toEqual(["reply to: hello"]);
      return;
    }
    const error = await failure(model.chat(HELLO));
    expect(error.kind).toBe("auth");
    expect(error.hint).toMatch(/no key was sent: name its variable in apiKeyEnv/);
    expect(server.chats[0]?.headers.authorization).not.toContain("sk-");
  });

  test("an alias on another host does not get the executor's key", async () => {
    const server = await startFakeOpenAI();
    cleanup.push(() => server.close());
    const { host } = await startProxy(server.baseUrl);
    setEnv({ ...NO_PROXIES, HTTP_PROXY: `http://${host}`, OTHER_KEY: "other-key-0123456789" });
    const more = {
      executor: "openai:http://models.example/v1",
      apiKeyEnv: "OTHER_KEY",
      executors: {
        same: { url: "http://models.example/v2", model: "m" },
        elsewhere: { url: "http://elsewhere.example/v1", model: "m" },
        named: { url: "http://elsewhere.example/v1", model: "m", apiKeyEnv: "OTHER_KEY" },
      },
    };
    for (const [name, hasKey] of [
      ["same", true],
      ["elsewhere", false],
      ["named", true],
    ] as const) {
      const { model } = await build(name, more);
      await model.chat(HELLO);
      await model.close();
      expect(server.chats.at(-1)?.headers.authorization).toBe(hasKey ? "Bearer other-key-0123456789" : "");
    }
  });
});
