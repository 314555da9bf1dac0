/**
 * @file Single requests to an OpenAI-compatible server: built by the `openai` package, carried by our own
 * transport, and read so strictly that half an answer never passes for one.
 */
import { Buffer } from "node:buffer";
import type OpenAI from "openai";
import { ConfigError, ModelCallError } from "../../core/errors.js";
import type { Clock } from "../clock.js";
import { escapeText } from "../escape-text.js";
import type { Redactor } from "../redaction.js";
import { CallFailure, failureOfReply, isHtml } from "./call-failure.js";
import {
  type Completion,
  MalformedReplyError,
  parseCompletion,
  partialCompletion,
  StreamCollector,
} from "./chat-completion.js";
import type { Endpoint } from "./endpoint.js";
import { type ExchangeReply, HttpExchange } from "./http-exchange.js";
import { waitHint } from "./wait-hint.js";

/** Loaded with the first request: a sixth of what a command would load, and most commands ask no server. */
const loadSdk = () => import("openai");

export type CompletionBody = OpenAI.Chat.Completions.ChatCompletionCreateParams;

export interface WireOptions {
  endpoint: Endpoint;
  redactor: Redactor;
  clock: Clock;
  /** Beginning of every message: "model at http://host/v1". */
  where: string;
  idleTimeoutMs: number;
  /** Ask for streams, unless the server refuses them. */
  stream: boolean;
  maxBodyBytes: number;
}

const MAX_REDIRECTS = 3;
/** What the SDK is shown of every success: to make one of each takes longer than to read it. Made with the first. */
let success: Response | undefined;

/** Limits of one request. */
interface Bounds {
  timeoutMs: number;
  signal: AbortSignal;
  /** Most bytes of the answer. Default: as for chat. */
  maxBytes?: number | undefined;
  /** See ExchangeRequest. */
  isOnce?: boolean | undefined;
}

export class OpenAIWire {
  readonly #options: WireOptions;
  readonly #exchange: HttpExchange;
  #streaming: "yes" | "on trial" | "no" | "must";

  constructor(options: WireOptions) {
    this.#options = options;
    this.#streaming = options.stream ? "yes" : "no";
    this.#exchange = new HttpExchange(options.endpoint.origin, options.endpoint.host);
  }

  /** @throws {CallFailure} for everything but a complete chat completion. */
  async complete(body: CompletionBody, bounds: Bounds): Promise<Completion> {
    const reply = await this.#request(bounds, (client) =>
      client.chat.completions.create(body, { signal: bounds.signal }).asResponse(),
    );
    return await this.#strictly(reply, async () => {
      const completion = isStream(reply)
        ? await this.#readStream(reply)
        : parseCompletion(this.#readJson(reply));
      if (this.#streaming === "on trial" && !body.stream) this.#streaming = "no";
      return completion;
    });
  }

  /** The completion in an answer that came by another way, such as in a file. @throws {CallFailure} as complete() does */
  async completionOf(status: number, body: string): Promise<Completion> {
    const reply = { status, headers: new Headers(), text: body };
    if (status < 200 || status >= 300) throw this.#failure(reply, body);
    return await this.#strictly(reply, async () => parseCompletion(this.#readJson(reply)));
  }

  /** Any other request of the API. @throws {CallFailure} for every answer but a success */
  async request(bounds: Bounds, send: (client: OpenAI) => Promise<Response>): Promise<string> {
    const reply = await this.#request(bounds, send);
    if (reply.cut) throw reply.cut;
    return reply.text;
  }

  /** As request(), for one that answers with an object. */
  async requestObject(
    bounds: Bounds,
    send: (client: OpenAI) => Promise<Response>,
  ): Promise<Record<string, unknown>> {
    const reply = await this.#request(bounds, send);
    return await this.#strictly(reply, async () => this.#readJson(reply) as Record<string, unknown>);
  }

  /** Whether to ask for a stream. */
  get streams(): boolean {
    return this.#streaming === "yes" || this.#streaming === "must";
  }

  /**
   * Leaves streams out on trial, where nothing else explains why a request was refused; they come back if that is refused too.
   * @returns what to tell the user, or undefined when it was tried before
   */
  stopStreaming(): string | undefined {
    if (this.#streaming !== "yes") {
      if (this.#streaming === "on trial") this.#streaming = "must";
      return undefined;
    }
    this.#streaming = "on trial";
    return "asks for whole replies instead of streams";
  }

  /**
   * Names of the server's models; empty where it has no list.
   * @throws {CallFailure} where the list cannot be read, which says nothing about chat
   */
  async listModels(bounds: Bounds): Promise<string[]> {
    try {
      const reply = await this.#request(bounds, (client) =>
        client.models.list({ signal: bounds.signal }).asResponse(),
      );
      const { data } = this.#readJson(reply) as { data?: unknown };
      if (!Array.isArray(data)) return [];
      return data.flatMap((item: { id?: unknown } | null) => (typeof item?.id === "string" ? [item.id] : []));
    } catch (error) {
      if (error instanceof MalformedReplyError) return [];
      const status = error instanceof CallFailure ? error.error.status : undefined;
      if (status === 404 || status === 405 || status === 501) return [];
      throw error;
    }
  }

  close(): void {
    this.#exchange.close();
  }

  /** What cannot be read is a failure that says what was billed all the same. */
  async #strictly<T>(reply: ExchangeReply, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      const failure = error instanceof MalformedReplyError ? this.#garbled(error.message, reply.text) : error;
      if (failure instanceof CallFailure) failure.partial = partialCompletion(reply.text);
      throw failure;
    }
  }

  async #request(bounds: Bounds, send: (client: OpenAI) => Promise<Response>): Promise<ExchangeReply> {
    let outcome: { reply: ExchangeReply } | { error: unknown } | undefined;
    const client = await this.#client(async (input, init) => {
      try {
        const reply = await this.#send(String(input), init, bounds);
        outcome = { reply };
        // Only successes come here, and what is in them is read below.
        success ??= new Response();
        return success;
      } catch (error) {
        outcome = { error };
        throw error;
      }
    });
    try {
      await send(client);
      if (outcome && "reply" in outcome) return outcome.reply;
    } catch (error) {
      bounds.signal.throwIfAborted();
      // The SDK wraps what its fetch threw; the original says more.
      throw outcome && "error" in outcome ? outcome.error : error;
    }
    throw new ModelCallError("server", `${this.#options.where}: no request was sent`);
  }

  async #send(url: string, init: RequestInit | undefined, bounds: Bounds): Promise<ExchangeReply> {
    const { endpoint, idleTimeoutMs, maxBodyBytes } = this.#options;
    const { origin } = new URL(url);
    if (origin !== endpoint.origin) {
      throw new ConfigError(`a request to ${origin} was refused: the key belongs to ${endpoint.origin}`);
    }
    // Only headers of ours: the SDK adds some about this machine and some from the environment.
    const headers: Record<string, string> = {
      accept: "application/json, text/event-stream",
      "user-agent": "w4s",
      ...endpoint.headers,
    };
    const { body, type } = await encoded(init?.body);
    if (type !== undefined) headers["content-type"] = type;
    const method = init?.method ?? "GET";
    const limits = { ...bounds, idleTimeoutMs, maxBytes: bounds.maxBytes ?? maxBodyBytes };
    let reply = await this.#exchange.send({ url, method, headers, body, ...limits });
    for (let hop = 0; hop < MAX_REDIRECTS && (reply.status === 307 || reply.status === 308); hop++) {
      const target = this.#target(reply, url);
      if (target?.origin !== endpoint.origin) break;
      url = target.href;
      reply = await this.#exchange.send({ url, method, headers, body, ...limits });
    }
    const isSuccess = reply.status >= 200 && reply.status < 300;
    if (!isSuccess || isHtml(reply.headers.get("content-type") ?? "", reply.text)) {
      throw this.#failure(reply, reply.text);
    }
    return reply;
  }

  /** The stream was read to its end by the transport; here it must prove to be whole. */
  async #readStream(reply: ExchangeReply): Promise<Completion> {
    const collector = new StreamCollector();
    const response = new Response(reply.text, { headers: reply.headers });
    const { APIError } = await loadSdk();
    const { Stream } = await import("openai/streaming");
    const client = await this.#client(async () => response);
    try {
      for await (const chunk of Stream.fromSSEResponse<unknown>(response, new AbortController(), client)) {
        collector.add(chunk);
      }
    } catch (error) {
      if (error instanceof APIError) throw this.#failure(reply, JSON.stringify({ error: error.error }));
      if (!(error instanceof SyntaxError)) throw error;
    }
    // With all finish reasons it is whole, whether or not [DONE] came behind them.
    if (!collector.isComplete) throw reply.cut ?? this.#unfinished();
    return collector.completion();
  }

  #readJson(reply: ExchangeReply): unknown {
    if (reply.cut) throw reply.cut;
    let body: unknown;
    try {
      body = JSON.parse(reply.text);
    } catch {
      throw new MalformedReplyError("the answer is not JSON");
    }
    if (typeof body !== "object" || body === null) throw new MalformedReplyError("the answer is no object");
    if ("error" in body && body.error) throw this.#failure(reply, reply.text);
    return body;
  }

  #failure(reply: ExchangeReply, body: string): CallFailure {
    const { where, redactor, clock, endpoint } = this.#options;
    const target = reply.status >= 300 && reply.status < 400 ? this.#target(reply) : undefined;
    const isElsewhere = target !== undefined && target.origin !== endpoint.origin;
    const failure = failureOfReply({
      status: reply.status,
      body,
      contentType: reply.headers.get("content-type") ?? "",
      where:
        target === undefined
          ? where
          : `${where} (redirects to ${target.origin}${isElsewhere ? ", another origin, which does not get the key" : ""})`,
      redact: (text) => redactor.redact(text),
      // Only replies that refuse for now speak of waiting.
      hint: waitHint(reply.headers, clock.wallNow(), reply.status >= 429 ? body : ""),
    });
    const { error, rule } = failure;
    const hint =
      reply.status === 407
        ? "give the proxy's user and password in HTTPS_PROXY or HTTP_PROXY: http://USER:PASSWORD@HOST:PORT"
        : endpoint.keyHint;
    if (error.kind !== "auth" || hint === undefined) return failure;
    return new CallFailure(
      rule,
      new ModelCallError("auth", error.message, { status: error.status, isFatal: error.isFatal, hint }),
    );
  }

  #unfinished(): CallFailure {
    const message = `${this.#options.where}: the stream ended too early`;
    return new CallFailure("count", new ModelCallError("server", message, { isRetryable: true }));
  }

  #garbled(why: string, body: string): CallFailure {
    const shown = escapeText(this.#options.redactor.redact(body), 200);
    const message = `${this.#options.where}: ${why}: "${shown}"`;
    return new CallFailure("once", new ModelCallError("bad-reply", message, { isRetryable: true }));
  }

  async #client(
    fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>,
  ): Promise<OpenAI> {
    const { OpenAI } = await loadSdk();
    return new OpenAI({
      baseURL: this.#options.endpoint.baseUrl,
      // The real key is put on by #send, which also checks where it goes.
      apiKey: "unused",
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      defaultQuery: this.#options.endpoint.query,
      maxRetries: 0,
      // The transport has its own timers; the SDK's would not cover the body.
      timeout: 2 ** 31 - 1,
      logLevel: "off",
      fetch,
    });
  }

  /** Where a redirect leads, or undefined. */
  #target(reply: ExchangeReply, from = this.#options.endpoint.baseUrl): URL | undefined {
    const location = reply.headers.get("location");
    return location !== null && URL.canParse(location, from) ? new URL(location, from) : undefined;
  }
}

/** Told by how the body begins, since servers stream unasked, and under other content types. */
function isStream(reply: ExchangeReply): boolean {
  if (/^\s*[{[]/.test(reply.text)) return false;
  const type = reply.headers.get("content-type") ?? "";
  return /\btext\/event-stream\b/i.test(type) || /^\s*(data|event|id|retry)?:/.test(reply.text);
}

/** JSON as it is, and a form with a file as the bytes that it is sent as. */
async function encoded(
  body: RequestInit["body"],
): Promise<{ body?: string | Buffer | undefined; type?: string | undefined }> {
  if (body === undefined || body === null) return {};
  if (typeof body === "string") return { body, type: "application/json" };
  const form = new Response(body as FormData);
  return {
    body: Buffer.from(await form.arrayBuffer()),
    type: form.headers.get("content-type") ?? undefined,
  };
}
