/** @file Plays a table of odd OpenAI-compatible servers on 127.0.0.1: the first rule of a case that holds answers. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** Conditions, all of which must hold, and the answer; without an answer's fields the ordinary reply. */
export interface OddRule {
  /** Members that the body has, or lacks. */
  has?: string[];
  lacks?: string[];
  nOver?: number;
  hasSystem?: boolean;
  /** Only the first so many requests, or each so-manieth. */
  first?: number;
  every?: number;
  /** Where the reply's limit is below. */
  limitBelow?: number;
  withoutHeader?: [string, string];
  withoutQuery?: string;
  stream?: boolean;
  delayMs?: number;
  hang?: boolean;
  content?: unknown;
  finish?: string;
  usage?: object | null;
  message?: object;
  /** The whole answer. */
  json?: unknown;
  status?: number;
  headers?: Record<string, string>;
  raw?: string;
  gzip?: boolean;
  ignoreN?: boolean;
  forceStream?: boolean;
  frames?: { done?: boolean; finish?: boolean };
  frameMs?: number;
  /** Bytes after which the connection breaks. */
  cutAfter?: number;
}

export interface OddCase {
  name: string;
  workflow: "number" | "votes" | "json" | "role" | "code" | "choice";
  rules?: OddRule[];
  content?: unknown;
  models?: { status?: number; body?: unknown; headers?: Record<string, string> };
  params?: Record<string, unknown>;
  must: {
    /** What the workflow ends with; null: nothing. */
    answer: unknown;
    fault: "none" | "workflow" | "executor" | "setup";
    exit?: number;
    /** Most requests. */
    requests?: number;
    /** Ledger and budget show what was billed. */
    billed?: boolean;
    /** Least time between the first two requests. */
    waitsMs?: number;
    /** Words of the last line on stderr. */
    says?: string;
  };
}

/** What a server was asked and has billed. */
export interface OddStats {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into arbitrary request bodies
  bodies: any[];
  promptTokens: number;
  completionTokens: number;
  /** Moments of performance.now(). */
  at: number[];
}

// biome-ignore lint/suspicious/noExplicitAny: request bodies and replies of any shape
type Json = any;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function startOddServer(one: OddCase): Promise<{
  baseUrl: string;
  stats: OddStats;
  close(): Promise<void>;
}> {
  const stats: OddStats = { bodies: [], promptTokens: 0, completionTokens: 0, at: [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://x");
      if (url.pathname.endsWith("/models")) {
        const list = { object: "list", data: [{ id: "fake", object: "model" }] };
        const { status = 200, body = "", headers = {} } = one.models ?? { body: list };
        return send(response, status, body, headers);
      }
      const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
      stats.bodies.push(body);
      stats.at.push(performance.now());
      const count = stats.bodies.length;
      const asked = { body, count, headers: request.headers, query: url.searchParams };
      void answer(one, (one.rules ?? []).find((rule) => holds(rule, asked)) ?? {}, body, response, stats);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, stats, close };
}

function holds(
  rule: OddRule,
  asked: { body: Json; count: number; headers: IncomingHttpHeaders; query: URLSearchParams },
): boolean {
  const { body, count, headers, query } = asked;
  const has = (name: string) => body[name] !== undefined && body[name] !== null;
  const limit = body.max_completion_tokens ?? body.max_tokens ?? Number.POSITIVE_INFINITY;
  return (
    (rule.has?.every(has) ?? true) &&
    !(rule.lacks?.some(has) ?? false) &&
    (rule.nOver === undefined || (body.n ?? 1) > rule.nOver) &&
    (!rule.hasSystem || body.messages.some(({ role }: Json) => role === "system")) &&
    (rule.first === undefined || count <= rule.first) &&
    (rule.every === undefined || count % rule.every === 0) &&
    (rule.limitBelow === undefined || limit < rule.limitBelow) &&
    !(rule.withoutHeader && headers[rule.withoutHeader[0]] === rule.withoutHeader[1]) &&
    !(rule.withoutQuery !== undefined && query.has(rule.withoutQuery)) &&
    (rule.stream === undefined || Boolean(body.stream) === rule.stream)
  );
}

async function answer(one: OddCase, rule: OddRule, body: Json, response: ServerResponse, stats: OddStats) {
  if (rule.delayMs !== undefined) await sleep(rule.delayMs);
  if (rule.hang) return;
  const reply: Json = rule.json ?? completion(one, rule, rule.ignoreN ? 1 : (body.n ?? 1));
  const { status = 200, headers = {} } = rule;
  if (status === 200 && reply.usage) {
    stats.promptTokens += reply.usage.prompt_tokens ?? 0;
    stats.completionTokens += reply.usage.completion_tokens ?? 0;
  }
  if (rule.cutAfter !== undefined) {
    const text = JSON.stringify(reply);
    response.writeHead(200, { "content-type": "application/json", "content-length": String(text.length) });
    response.write(text.slice(0, rule.cutAfter));
    await sleep(30);
    response.socket?.destroy();
  } else if (rule.raw !== undefined)
    send(response, status, rule.raw, { "content-type": "text/html", ...headers });
  else if (rule.gzip) {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(gzipSync(JSON.stringify(reply)));
  } else if (status === 200 && reply.choices?.[0] && (body.stream || rule.forceStream)) {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers });
    for (const frame of framesOf(reply, rule)) {
      response.write(frame);
      if (rule.frameMs !== undefined) await sleep(rule.frameMs);
    }
    response.end();
  } else send(response, status, reply, headers);
}

function completion(one: OddCase, rule: OddRule, n: number): Json {
  const content = "content" in rule ? rule.content : (one.content ?? "The answer is 18.");
  const usage = rule.usage === undefined ? { prompt_tokens: 20, completion_tokens: 6 } : rule.usage;
  const each = (usage as Json)?.completion_tokens;
  return {
    id: "x",
    object: "chat.completion",
    model: "fake",
    choices: Array.from({ length: n }, (_, index) => ({
      index,
      message: { role: "assistant", content, ...rule.message },
      finish_reason: rule.finish ?? "stop",
    })),
    usage:
      usage === null ? undefined : { ...usage, completion_tokens: each === undefined ? undefined : each * n },
  };
}

/** Every choice in pieces, then the usage. */
function framesOf(
  { choices, usage }: Json,
  { frames: { done = true, finish = true } = {} }: OddRule,
): string[] {
  const frame = (choices: object[], more: object = {}) =>
    `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", choices, ...more })}\n\n`;
  const pieces = choices.flatMap(({ index = 0, message, error, finish_reason }: Json) => {
    const { content, ...rest } = message;
    const texts = typeof content === "string" ? (content.match(/.{1,7}/gs) ?? []) : [content];
    return [
      frame([{ index, delta: rest, finish_reason: null }]),
      ...texts.map((text: unknown) => frame([{ index, delta: { content: text }, finish_reason: null }])),
      ...(finish ? [frame([{ index, delta: {}, error, finish_reason }])] : []),
    ];
  });
  return [...pieces, frame([], { usage }), ...(done ? ["data: [DONE]\n\n"] : [])];
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string>,
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
