/** @file An OpenAI-compatible server on 127.0.0.1 that answers by a function and misbehaves on command. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One request as it arrived. */
interface FakeRequest {
  method: string;
  path: string;
  /** Without the question mark. */
  query: string;
  headers: IncomingMessage["headers"];
  /** Parsed body of a POST; undefined where it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into arbitrary request bodies
  body: any;
  /** The body as it came. */
  text: string;
  /** Content of the last message. */
  prompt: string;
  /** Milliseconds of performance.now() at arrival. */
  at: number;
}

type FakeExchange = { request: FakeRequest; response: ServerResponse; socket: Socket };
/** Answers one request in its own way. */
export type Fault = (exchange: FakeExchange) => void | Promise<void>;

export interface FakeOpenAIOptions {
  /** Text (or n texts) for a chat request. Default: "reply to: " and the prompt. */
  reply?: (request: FakeRequest, replyIndex: number) => string;
  /** Before each answer. Default 0. */
  delayMs?: number;
  /** Names given by /models; null answers 404 there. Default ["fake-model"]. */
  models?: string[] | null;
  /** Other names are answered with 404. Default: every name is served. */
  refusesOtherModels?: boolean;
  /** Requests without this bearer key are answered 401. */
  apiKey?: string;
  /** Most choices in one reply. Default 64; 1 behaves like a server that ignores n. */
  maxChoices?: number;
  /** Default 0: any free port. */
  port?: number;
  /** Answers instead of everything else when it returns a fault. */
  intercept?: (request: FakeRequest, chatCount: number) => Fault | undefined;
}

export interface FakeOpenAI {
  /** Ends in /v1. */
  baseUrl: string;
  port: number;
  /** All requests so far; `chats` are those to /chat/completions. */
  requests: FakeRequest[];
  readonly chats: FakeRequest[];
  /** Most chat requests open at once. */
  readonly maxInFlight: number;
  /** The next chat requests meet these, one each. */
  queue(...faults: Fault[]): void;
  close(): Promise<void>;
}

export async function startFakeOpenAI(options: FakeOpenAIOptions = {}): Promise<FakeOpenAI> {
  const requests: FakeRequest[] = [];
  const chats: FakeRequest[] = [];
  const faults: Fault[] = [];
  const sockets = new Set<Socket>();
  let inFlight = 0;
  let maxInFlight = 0;

  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on("error", () => {});
    response.on("error", () => {});
    incoming.on("data", (chunk: Buffer) => parts.push(chunk));
    incoming.on("end", () => {
      const request = readRequest(incoming, Buffer.concat(parts).toString("utf8"));
      requests.push(request);
      const isChat = request.path.endsWith("/chat/completions");
      if (isChat) {
        chats.push(request);
        maxInFlight = Math.max(maxInFlight, ++inFlight);
        response.once("close", () => inFlight--);
      }
      const exchange = { request, response, socket: incoming.socket };
      const act = async () => {
        const fault = options.intercept?.(request, chats.length) ?? (isChat ? faults.shift() : undefined);
        if (fault) return await fault(exchange);
        if (options.delayMs) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
        answer(exchange, options);
      };
      act().catch((error: unknown) => response.destroy(error as Error));
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    chats,
    get maxInFlight() {
      return maxInFlight;
    },
    queue: (...more) => faults.push(...more),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function readRequest(incoming: IncomingMessage, text: string): FakeRequest {
  let body: { messages?: { content?: unknown }[] } | undefined;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const content = body?.messages?.at(-1)?.content;
  return {
    method: incoming.method ?? "",
    path: (incoming.url ?? "").split("?")[0] ?? "",
    query: (incoming.url ?? "").split("?")[1] ?? "",
    headers: incoming.headers,
    body,
    text,
    prompt: typeof content === "string" ? content : "",
    at: performance.now(),
  };
}

function answer(exchange: FakeExchange, options: FakeOpenAIOptions): void {
  const { request, response } = exchange;
  if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
    const echoed = String(request.headers.authorization ?? "").slice(7);
    sendJson(response, 401, {
      error: { message: `Incorrect API key provided: ${echoed}`, code: "invalid_api_key" },
    });
    return;
  }
  const models = options.models === undefined ? ["fake-model"] : options.models;
  if (request.path.endsWith("/models")) {
    if (models === null) sendJson(response, 404, { error: { message: "no such page" } });
    else sendJson(response, 200, { object: "list", data: models.map((id) => ({ id, object: "model" })) });
    return;
  }
  if (options.refusesOtherModels && !models?.includes(request.body?.model)) {
    const message = `The model \`${request.body?.model}\` does not exist`;
    sendJson(response, 404, { error: { message, type: "invalid_request_error", code: "model_not_found" } });
    return;
  }
  const n = Math.min(request.body?.n ?? 1, options.maxChoices ?? 64);
  const reply = options.reply ?? (({ prompt }) => `reply to: ${prompt}`);
  const texts = Array.from({ length: n }, (_, index) => reply(request, index));
  if (request.body?.stream) sendStream(response, request.body.model, texts);
  else sendJson(response, 200, completion(request.body?.model, texts));
}

/** A chat completion as OpenAI documents it. Counts tokens as words. */
export function completion(model: string, texts: readonly string[], more: object = {}): object {
  return {
    id: "chatcmpl-fake",
    object: "chat.completion",
    created: 0,
    model,
    choices: texts.map((content, index) => ({
      index,
      message: { role: "assistant", content, refusal: null },
      logprobs: null,
      finish_reason: "stop",
    })),
    usage: usageOf(texts),
    ...more,
  };
}

function usageOf(texts: readonly string[]): object {
  const words = (text: string) => text.split(/\s+/).filter(Boolean).length;
  const tokens = texts.reduce((sum, text) => sum + Math.max(words(text), Math.ceil(text.length / 6)), 0);
  return { prompt_tokens: 10, completion_tokens: tokens, total_tokens: 10 + tokens };
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function sendStream(response: ServerResponse, model: string, texts: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of streamEvents(model, texts)) response.write(event);
  response.end("data: [DONE]\n\n");
}

/** The events of a stream, without the closing [DONE]. */
export function streamEvents(model: string, texts: readonly string[]): string[] {
  const chunk = (choices: object[], more: object = {}) =>
    `data: ${JSON.stringify({ id: "chatcmpl-fake", object: "chat.completion.chunk", model, choices, ...more })}\n\n`;
  return [
    ...texts.map((_, index) =>
      chunk([{ index, delta: { role: "assistant", content: "" }, finish_reason: null }]),
    ),
    ...texts.flatMap((text, index) =>
      (text.match(/.{1,6}/gs) ?? []).map((content) =>
        chunk([{ index, delta: { content }, finish_reason: null }]),
      ),
    ),
    ...texts.map((_, index) => chunk([{ index, delta: {}, finish_reason: "stop" }])),
    chunk([], { usage: usageOf(texts) }),
  ];
}

/** Faults to queue. */
export const faults = {
  /** Any status, body and headers. */
  status:
    (
      status: number,
      body: unknown = { error: { message: `status ${status}` } },
      headers: Record<string, string> = {},
    ): Fault =>
    ({ response }) =>
      sendJson(response, status, body, headers),
  /** No answer at all. */
  silence: (): Fault => () => {},
  /** Headers, then nothing. */
  silenceAfterHeaders:
    (type = "application/json"): Fault =>
    ({ response }) => {
      response.writeHead(200, { "content-type": type });
      response.flushHeaders();
    },
  /** One space of a body every few milliseconds, for ever. */
  drip:
    (everyMs: number): Fault =>
    ({ response }) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), everyMs);
      response.once("close", () => clearInterval(timer));
    },
  /** Promises more bytes than it sends, then closes. */
  cutBody:
    (body = '{"choices":[{"message":{"content":"half'): Fault =>
    ({ response, socket }) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "5000" });
      response.write(body, () => socket.destroy());
    },
  /** Closes the connection without a word. */
  reset:
    (): Fault =>
    ({ socket }) => {
      socket.resetAndDestroy();
    },
  /** A stream that sends these events and ends. */
  stream:
    (events: readonly string[], how: "end" | "reset" | "stall" = "end"): Fault =>
    ({ response, socket }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of events) response.write(event);
      if (how === "end") response.end();
      if (how === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
    },
  /** Zeros without end. */
  flood:
    (): Fault =>
    ({ response }) => {
      response.writeHead(200, { "content-type": "application/json" });
      const block = "0".repeat(256 * 1024);
      const pump = () => {
        while (!response.destroyed && response.write(block));
        if (!response.destroyed) response.once("drain", pump);
      };
      pump();
    },
};
