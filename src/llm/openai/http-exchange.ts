/**
 * @file One HTTP request with everything bounded: total time over the whole body, idle time, size.
 *
 * Built on node:http, not on the global fetch: that one follows redirects, gives up on headers after
 * five minutes whatever it is told, and cannot say whether a body was cut.
 */
import { Buffer } from "node:buffer";
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ModelCallError, messageOf } from "../../core/errors.js";
import { CallFailure } from "./call-failure.js";

export interface ExchangeRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  /** From the first byte sent to the last one read. */
  timeoutMs: number;
  /** Longest silence inside the body, after the headers. */
  idleTimeoutMs: number;
  /** Most bytes of the decoded body. */
  maxBytes: number;
  signal: AbortSignal;
}

export interface ExchangeReply {
  status: number;
  headers: Headers;
  text: string;
}

/** Longest wait for the connection itself; DNS and TLS included. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Keeps connections of one endpoint open between calls. */
export class HttpExchange {
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #isHttps: boolean;
  readonly #host: string;

  /** @param host - "host:port" for messages */
  constructor(origin: string, host: string) {
    this.#isHttps = origin.startsWith("https:");
    this.#host = host;
    this.#agent = this.#isHttps ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  /**
   * @throws {CallFailure} when there is no complete reply; any status is a reply.
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
      let connectTimer: NodeJS.Timeout | undefined;
      const settle = (act: () => void) => {
        clearTimeout(totalTimer);
        clearTimeout(connectTimer);
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const fail = (error: unknown) => {
        settle(() => reject(error));
        outgoing?.destroy();
      };
      const onAbort = () => fail(signal.reason);
      const totalTimer = setTimeout(
        () => fail(this.#timeout(`no complete answer within ${seconds(request.timeoutMs)}`)),
        request.timeoutMs,
      );
      signal.addEventListener("abort", onAbort, { once: true });

      let outgoing: ReturnType<typeof httpRequest> | undefined;
      try {
        outgoing = this.#open(request);
      } catch (error) {
        return fail(error);
      }
      outgoing.once("socket", (socket) => {
        if (!socket.connecting) return;
        connectTimer = setTimeout(() => fail(this.#unreachable("no connection")), CONNECT_TIMEOUT_MS);
        socket.once(this.#isHttps ? "secureConnect" : "connect", () => clearTimeout(connectTimer));
      });
      outgoing.once("response", (incoming) => {
        this.#readBody(incoming, request).then(
          (text) =>
            settle(() => resolve({ status: incoming.statusCode ?? 0, headers: headersOf(incoming), text })),
          fail,
        );
      });
      // Errors may also come after the reply; then the promise is settled and this does nothing.
      const sent = outgoing;
      outgoing.on("error", (error) => {
        fail(
          sent.reusedSocket && isReset(error)
            ? new StaleConnectionError()
            : this.#unreachable(reasonOf(error), error),
        );
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

  #readBody(incoming: IncomingMessage, request: ExchangeRequest): Promise<string> {
    return new Promise((resolve, reject) => {
      const body = decoded(incoming);
      const chunks: Buffer[] = [];
      let size = 0;
      let idleTimer: NodeJS.Timeout | undefined;
      const end = (act: () => void) => {
        clearTimeout(idleTimer);
        act();
      };
      const fail = (error: CallFailure) => end(() => reject(error));
      const armIdleTimer = () => {
        clearTimeout(idleTimer);
        idleTimer = setTimeout(
          () => fail(this.#timeout(`the answer stalled for ${seconds(request.idleTimeoutMs)}`)),
          request.idleTimeoutMs,
        );
      };
      armIdleTimer();
      incoming.on("data", armIdleTimer);
      body.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > request.maxBytes) return fail(this.#tooBig(request.maxBytes));
        chunks.push(chunk);
      });
      body.once("end", () => end(() => resolve(Buffer.concat(chunks).toString("utf8"))));
      const onError = (error: unknown) => fail(this.#cut(error));
      incoming.on("error", onError);
      if (body !== incoming) body.on("error", onError);
      incoming.once("close", () => {
        if (!incoming.complete) fail(this.#cut());
      });
    });
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
        hint: "raise the timeout or lower maxTokens",
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
