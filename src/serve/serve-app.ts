/** @file The endpoints of a server, and the one form of all its errors. */

import { type Context, Hono } from "hono";
import type { ServeConfig } from "../config/serve-schema.js";
import { belowCaller } from "../core/telemetry/spans.js";
import type { Answering, Opened } from "./answering.js";
import { ApiError, asApiError, operatorLine } from "./api-error.js";
import type { AskedQuestion } from "./asked-question.js";
import { readChatRequest } from "./chat-request.js";
import type { KeyRing } from "./key-ring.js";
import type { McpEndpoint } from "./mcp-endpoint.js";
import { RESPONSE_ALREADY_SENT } from "./node-server.js";
import { readResponsesRequest, response, responseEvents } from "./responses.js";
import { type GuardedEnv, guardKey, guardOrigin, readBody } from "./serve-guards.js";
import type { ServeMetrics } from "./serve-metrics.js";
import { chatChunks, chatCompletion, type ServedAnswer, usedHeaders } from "./served-answer.js";
import type { ServedWorkflow, ServedWorkflows } from "./served-workflows.js";
import { TRY_PAGE, TRY_PAGE_POLICY } from "./try-page.js";

export interface AppParts {
  config: Pick<ServeConfig, "host" | "hosts" | "bodyBytes">;
  keys: KeyRing | undefined;
  answering: Answering;
  workflows: ServedWorkflows;
  metrics: ServeMetrics;
  /** Answers at /mcp. Default: nothing does. */
  mcp: McpEndpoint | undefined;
  onWarning: (message: string) => void;
}

/** How an endpoint writes its answers. */
interface Form {
  read(body: Readonly<Record<string, unknown>>): AskedQuestion;
  whole(answer: ServedAnswer): object;
  events(opening: Opened["opening"], asked: AskedQuestion): ReturnType<typeof chatChunks>;
}

const CHAT: Form = {
  read: readChatRequest,
  whole: chatCompletion,
  events: (opening, { isUsageStreamed }) => chatChunks(opening, isUsageStreamed),
};
const RESPONSES: Form = { read: readResponsesRequest, whole: response, events: responseEvents };

/** An answer that comes sooner keeps its status and its headers; a stream begins after that at the latest. */
const STREAM_BEGINS_MS = 3_000;
/** Between two signs of life of a stream that waits: proxies cut silent ones. */
const ALIVE_MS = 10_000;
const ALIVE = ": working\n\n";

export function serveApp(parts: AppParts): Hono<GuardedEnv> {
  const { config, keys, answering, workflows, metrics } = parts;
  const app = new Hono<GuardedEnv>();
  app.onError((error, context) => {
    const failure = asApiError(error);
    if (failure.status >= 500 && failure.code === "server_error") parts.onWarning(operatorLine(failure));
    return errorResponse(context, failure);
  });
  app.notFound((context) => {
    const { method, path } = context.req;
    const message = `there is no ${method} ${path.slice(0, 200)}`;
    return errorResponse(context, new ApiError(404, "unknown_url", message));
  });
  app.use(async (context, next) => {
    await next();
    // No client sends its next request into a connection that is about to end.
    if (answering.isStopping) context.header("connection", "close");
  });
  app.use(guardOrigin(config.host, config.hosts?.split(",").map((name) => name.trim().toLowerCase()) ?? []));
  app.get("/health", (context) =>
    context.json({ status: answering.isStopping ? "stopping" : "ok" }, answering.isStopping ? 503 : 200),
  );
  app.use(guardKey(keys));
  app.get("/", (context) => context.html(TRY_PAGE, 200, { "content-security-policy": TRY_PAGE_POLICY }));
  app.get("/metrics", (context) => {
    const { running, waiting } = answering.load;
    const gauges = {
      w4s_requests_running: running,
      w4s_requests_waiting: waiting,
      process_resident_memory_bytes: process.memoryUsage.rss(),
    };
    return context.text(metrics.text(gauges), 200, { "content-type": "text/plain; version=0.0.4" });
  });
  app.get("/v1/models", (context) => context.json({ object: "list", data: workflows.list().map(modelOf) }));
  app.get("/v1/models/:name{.+}", (context) => {
    const workflow = workflows.find(context.req.param("name"));
    if (!workflow) throw new ApiError(404, "model_not_found", "there is no such model", { param: "model" });
    return context.json(modelOf(workflow));
  });
  const ask = (form: Form) => async (context: Context<GuardedEnv>) => {
    const asked = form.read(await readBody(context, config.bodyBytes));
    // Aborted when the client goes away, by whichever way it is noticed first.
    const gone = new AbortController();
    context.req.raw.signal.addEventListener("abort", () => gone.abort(), { once: true });
    const { headers } = context.req.raw;
    const opened = belowCaller(headers, () => answering.open(asked, context.get("key"), gone.signal));
    const { answer } = opened;
    if (!asked.isStream || (await isSettledWithin(answer, STREAM_BEGINS_MS))) {
      const found = await answer;
      const headers = usedHeaders(found);
      if (!asked.isStream) return sent(context, form.whole(found), headers, answering.isStopping);
      return streamOf(form.events(opened.opening, asked), answer, gone, headers);
    }
    return streamOf(form.events(opened.opening, asked), answer, gone, {});
  };
  app.post("/v1/chat/completions", ask(CHAT));
  app.post("/v1/responses", ask(RESPONSES));
  const { mcp } = parts;
  if (mcp) {
    app.post("/mcp", async (context) =>
      mcp.handle(context.req.raw, await readBody(context, config.bodyBytes), context.get("key")),
    );
    // Without sessions there is nothing to listen to, and nothing to end.
    app.all("/mcp", () => {
      throw new ApiError(405, "method_not_allowed", "only POST is answered here");
    });
  }
  return app;
}

function modelOf({ name, created }: ServedWorkflow): object {
  return { id: name, object: "model", created, owned_by: "w4s" };
}

/** Writes an answer without the objects of the Fetch standard between, which take longer than all else of it. */
function sent(
  { env: { outgoing } }: Context<GuardedEnv>,
  body: object,
  headers: Record<string, string>,
  isLast: boolean,
): Response {
  if (isLast) outgoing.setHeader("connection", "close");
  outgoing.writeHead(200, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify(body));
  return RESPONSE_ALREADY_SENT;
}

function errorResponse(context: Context, error: ApiError): Response {
  return context.json(error.body(), error.status as 400, error.headers());
}

async function isSettledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([
      promise.then(
        () => true,
        () => true,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Server-sent events: the opening at once, signs of life while the workflow runs, its answer or its error. */
function streamOf(
  { opening, closing, failing }: ReturnType<typeof chatChunks>,
  answer: Promise<ServedAnswer>,
  gone: AbortController,
  headers: Record<string, string>,
): Response {
  async function* events(): AsyncGenerator<string> {
    yield opening.join("");
    while (!(await isSettledWithin(answer, ALIVE_MS))) yield ALIVE;
    let last: string[];
    try {
      last = closing(await answer);
    } catch (error) {
      last = failing(asApiError(error));
    }
    yield last.join("");
  }
  const source = events();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: () => gone.abort(),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", ...headers },
  });
}
