/**
 * @file One HTTP request with everything bounded: total time over the whole body, idle time, size.
 *
 * Built on node:http, not on the global fetch: that one follows redirects, gives up on headers after
 * five minutes whatever it is told, and cannot say whether a body was cut.
 */
import { Buffer } from "node:buffer";
import { type Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ModelCallError, messageOf } from "../../core/errors.js";
import { agentFor, proxyOf } from "../../core/network/proxied-agent.js";
import { CallFailure } from "./call-failure.js";

export interface ExchangeRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string | Buffer | undefined;
  /** From the first byte sent to the last one read. */
  timeoutMs: number;
  /** Longest silence, from the request on; anything that comes, such as a comment in a stream, ends it. */
  idleTimeoutMs: number;
  /** Most bytes of the decoded body. */
  maxBytes: number;
  signal: AbortSignal;
  /** Whether to leave it to the caller to send it again where a kept connection breaks: it may have arrived. Default false. */
  isOnce?: boolean | undefined;
}

export interface ExchangeReply {
  status: number;
  headers: Headers;
  text: string;
  /** Why `text` may be the first part of a body only. */
  cut?: CallFailure | undefined;
}

/** Longest wait for the connection itself; DNS and TLS included. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Time for the end of a body behind a stream's last event; some servers leave it open. */
const AFTER_DONE_MS = 250;

/** Keeps connections of one endpoint open between calls. */
export class HttpExchange {
  readonly #agent: Agent;
  readonly #isHttps: boolean;
  readonly #host: string;

  /** @param host - "host:port" for messages */
  constructor(origin: string, host: string) {
    this.#isHttps = origin.startsWith("https:");
    const url = new URL(origin);
    const proxy = proxyOf(url);
    this.#host = proxy ? `${host} through the proxy ${proxy.host}` : host;
    this.#agent = agentFor(url, { keepAlive: true });
  }

  /**
   * @throws {CallFailure} when nothing of a body came; any status is a reply.
   * Aborting rejects with the signal's reason.
   */
  async send(request: ExchangeRequest): Promise<ExchangeReply> {
    try {
      return await this.#sendOnce(request);
    } catch (error) {
      // A kept connection may be closed by the server at the very moment it is used again: ask anew, at once.
      if (error instanceof StaleConnectionError) return await this.#sendOnce(request);
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #sendOnce(request: ExchangeRequest): Promise<ExchangeReply> {
    const { signal } = request;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let outgoing: ReturnType<typeof httpRequest> | undefined;
      let idleTimer: NodeJS.Timeout | undefined;
      const settle = (act: () => void, isWhole = false) => {
        for (const timer of [totalTimer, connectTimer, idleTimer]) clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        act();
        if (!isWhole) outgoing?.destroy();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      // Once a body has begun, what came of it is handed on: a stream may be whole already.
      let cutOff: (failure: CallFailure) => void = fail;
      const late = (why: string) => () => cutOff(this.#timeout(why));
      const heard = () => {
        clearTimeout(idleTimer);
        const idle = late(`nothing came for ${seconds(request.idleTimeoutMs)}`);
        idleTimer = setTimeout(idle, request.idleTimeoutMs);
      };
      const onAbort = () => fail(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const totalTimer = setTimeout(
        late(`no complete answer within ${seconds(request.timeoutMs)}`),
        request.timeoutMs,
      );
      const connectTimer = setTimeout(() => fail(this.#unreachable("no connection")), CONNECT_TIMEOUT_MS);
      heard();
      try {
        outgoing = this.#open(request);
      } catch (error) {
        return fail(error);
      }
      outgoing.once("socket", (socket) => {
        if (!socket.connecting) clearTimeout(connectTimer);
        else socket.once(this.#isHttps ? "secureConnect" : "connect", () => clearTimeout(connectTimer));
      });
      outgoing.once("response", (incoming) => {
        const body = decoded(incoming);
        const chunks: Buffer[] = [];
        let size = 0;
        let tail = "";
        const finish = (isWhole: boolean, cut?: CallFailure) =>
          settle(() => {
            const text = Buffer.concat(chunks).toString("utf8");
            resolve({ status: incoming.statusCode ?? 0, headers: headersOf(incoming), text, cut });
          }, isWhole);
        cutOff = (failure) => finish(false, failure);
        heard();
        incoming.on("data", heard);
        body.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > request.maxBytes) return fail(this.#tooBig(request.maxBytes));
          chunks.push(chunk);
          tail = (tail + chunk.toString("latin1")).slice(-40);
          if (!/^data:\s*\[DONE\]\s*$/m.test(tail)) return;
          clearTimeout(idleTimer);
          idleTimer = setTimeout(() => finish(false), AFTER_DONE_MS);
        });
        body.once("end", () => finish(true));
        const onError = (error: unknown) => cutOff(this.#cut(error));
        incoming.on("error", onError);
        if (body !== incoming) body.on("error", onError);
        incoming.once("close", () => {
          if (!incoming.complete) cutOff(this.#cut());
        });
      });
      // Errors may also come after the reply; then the promise is settled and this does nothing.
      const sent = outgoing;
      outgoing.on("error", (error) => {
        if (sent.reusedSocket && isReset(error) && !request.isOnce) fail(new StaleConnectionError());
        else cutOff(this.#unreachable(reasonOf(error), error));
      });
      outgoing.end(request.body);
    });
  }

  #open(request: ExchangeRequest) {
    const headers: Record<string, string> = { ...request.headers, "accept-encoding": "identity" };
    if (request.body !== undefined) headers["content-length"] = String(Buffer.byteLength(request.body));
    const options: RequestOptions = { method: request.method, agent: this.#agent, headers };
    return this.#isHttps ? httpsRequest(request.url, options) : httpRequest(request.url, options);
  }

  #unreachable(why: string, cause?: unknown): CallFailure {
    const isCertificate = /certificate|self.signed|CERT_|ERR_TLS|SSL routines/i.test(why);
    const error = new ModelCallError("unreachable", `cannot reach ${this.#host}: ${why}`, {
      isRetryable: !isCertificate,
      hint: "check that the server runs and that the base URL names the right host and port",
      cause,
    });
    // Waiting does not mend a certificate.
    return new CallFailure(isCertificate ? "never" : "outage", error);
  }

  #timeout(why: string): CallFailure {
    return new CallFailure(
      "count",
      new ModelCallError("timeout", `${this.#host}: ${why}`, {
        isRetryable: true,
        hint: "raise --timeout-ms or --idle-timeout-ms (timeoutMs, idleTimeoutMs), or lower --reply-tokens",
      }),
    );
  }

  #cut(cause?: unknown): CallFailure {
    const why = cause === undefined ? "" : ` (${reasonOf(cause)})`;
    return new CallFailure(
      "count",
      new ModelCallError("server", `${this.#host}: the answer was cut off${why}`, {
        isRetryable: true,
        cause,
      }),
    );
  }

  #tooBig(maxBytes: number): CallFailure {
    const limit = `${Math.round(maxBytes / 1024)} KiB`;
    return new CallFailure(
      "never",
      new ModelCallError(
        "bad-reply",
        `${this.#host}: the answer is larger than ${limit} and was not read on`,
      ),
    );
  }
}

class StaleConnectionError extends Error {}

/** Servers are asked for plain bytes; one that compresses all the same is understood. */
function decoded(incoming: IncomingMessage): Readable {
  const decoders = {
    gzip: createGunzip,
    "x-gzip": createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  };
  const encoding = incoming.headers["content-encoding"]?.trim().toLowerCase() as
    | keyof typeof decoders
    | undefined;
  return encoding !== undefined && Object.hasOwn(decoders, encoding)
    ? incoming.pipe(decoders[encoding]())
    : incoming;
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return headers;
}

function isReset(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ECONNRESET" || code === "EPIPE";
}

/** "ECONNREFUSED" and the like; for a host with several addresses Node gives the reasons as a list. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const message = messageOf(error, 200);
  return code && !message.includes(code) ? `${code} ${message}`.trim() : message || "unknown reason";
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
