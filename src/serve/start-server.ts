/** @file A server of found workflows: opened as a whole, asked through HTTP, stopped without losing what runs. */
import { createServer, type Server } from "node:http";
import type { RunConfig } from "../config/run-config.js";
import { type ServeConfig, serveSchema } from "../config/serve-schema.js";
import type { BudgetLimits } from "../core/budget.js";
import { CloseStack } from "../core/close-stack.js";
import { ConfigError, messageOf } from "../core/errors.js";
import { isLoopback } from "../core/network/loopback.js";
import type { ProgramRunner } from "../core/program-runner.js";
import type { ResolveModelFile } from "../evaluate/local-models.js";
import { type RunnerConfig, WorkflowRunner } from "../evaluate/workflow-runner.js";
import { onAbort } from "../llm/clock.js";
import { Answering } from "./answering.js";
import { badRequest } from "./api-error.js";
import { answerBrokenRequests } from "./broken-requests.js";
import { DayBudgets } from "./day-budgets.js";
import { KeyRing } from "./key-ring.js";
import { McpEndpoint } from "./mcp-endpoint.js";
import { getRequestListener } from "./node-server.js";
import { RequestLog } from "./request-log.js";
import { serveApp } from "./serve-app.js";
import { ServeMetrics } from "./serve-metrics.js";
import { ServedWorkflows } from "./served-workflows.js";

/** The settings a server reads. */
export type ServerConfig = RunnerConfig & Pick<RunConfig, "serve" | "concurrency" | "executor" | "cache">;

export interface ServerOrder {
  /** Workflow files, with their names as models where these are not made from the path. */
  workflows: readonly { path: string; name?: string | undefined }[];
  resolveModelFile?: ResolveModelFile | undefined;
  /** As in WorkflowRunnerOptions. */
  programs?: ProgramRunner | undefined;
  onWarning?: ((message: string) => void) | undefined;
  /** A workflow was exchanged, or could not be. */
  onNotice?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** A server that answers. */
export interface RunningServer {
  /** Base URL for clients, such as http://127.0.0.1:8484/v1. */
  url: string;
  models: string[];
  /** Resolves when the client has ended the input, where that is stdin. */
  ended: Promise<void> | undefined;
  /** Reads workflows and keys again. */
  reload(): void;
  /**
   * Takes no more requests and waits for those at work.
   * @param hard - gives these up when it is aborted
   */
  stop(hard: AbortSignal): Promise<void>;
}

/** A client has this long to send its headers, and its body. */
const HEADERS_MS = 15_000;
const BODY_MS = 60_000;
/** Between two requests of one connection: longer than most proxies keep theirs, so that these end first. */
const IDLE_MS = 75_000;
/** For the last bytes of answers to leave when the server is stopped at once. */
const FLUSH_MS = 300;
/** Between two looks at connections whose last answer has left. */
const LEAVING_MS = 50;

/**
 * Opens models, workflows, keys and log, then listens.
 * @throws {ConfigError} on settings that cannot be served, an address in use, or one beyond this machine without keys
 * @throws {InputError | StorageError | ModelCallError} on files that cannot be used, or an executor that does not answer
 */
export async function startServer(given: ServerConfig, order: ServerOrder): Promise<RunningServer> {
  const { onWarning = () => {}, onNotice = () => {} } = order;
  const config: ServeConfig = serveSchema.parse(given.serve ?? {});
  refuseOpenAddress(config);
  const keys = config.keys === undefined ? undefined : new KeyRing(config.keys);
  const workflows = new ServedWorkflows(order.workflows);
  const closing = new CloseStack();
  try {
    const log = config.log === undefined ? undefined : new RequestLog(config.log, config.redact);
    closing.add(() => log?.close());
    const budgets = new DayBudgets(limitsOf(config));
    for (const { key, spent } of log?.open(budgets.date) ?? []) budgets.restore(key, spent);
    if (!log && Object.values(limitsOf(config)).some((limits) => Object.values(limits).some(Boolean)))
      onWarning("what a day costs is counted in memory only: with --log DIR it outlives the process");
    const runner = await WorkflowRunner.open(given, {
      resolveModelFile: order.resolveModelFile,
      programs: order.programs,
      signal: order.signal,
      onWarning,
    });
    closing.add(() => runner.close());
    await refuseUnpriced(config, runner, order.signal);
    const metrics = new ServeMetrics();
    const answering = new Answering({
      ...{ config, runner, workflows, budgets, metrics, log, onWarning },
      concurrency: given.concurrency,
      isSharing: given.cache !== undefined || given.executor.startsWith("replay:"),
    });
    const mcp = config.mcp === "off" ? undefined : await McpEndpoint.open(answering, workflows);
    const app = serveApp({ config, keys, answering, workflows, metrics, mcp, onWarning });
    const server = createServer(
      {
        ...{ headersTimeout: HEADERS_MS, requestTimeout: BODY_MS, keepAliveTimeout: IDLE_MS },
        // What has none is refused by the listener, which says so in a body.
        requireHostHeader: false,
      },
      // The globals stay as they are: others in this process use them too.
      getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: unreadable }),
    );
    answerBrokenRequests(server);
    const ended = config.mcp === "stdio" ? mcp?.onStdio() : undefined;
    const url = config.mcp === "stdio" ? "stdin" : await listen(server, config);
    const reload = () => {
      metrics.reloaded();
      workflows.reload(onNotice);
      try {
        keys?.reload();
      } catch (error) {
        onNotice(`the keys stay as they were: ${messageOf(error)}`);
      }
    };
    const unwatch = workflows.watch(reload);
    return {
      url,
      models: workflows.list().map(({ name }) => name),
      ended,
      reload,
      async stop(hard) {
        unwatch();
        const stopped = answering.stop();
        const leaving = setInterval(() => server.closeIdleConnections(), LEAVING_MS);
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        const unlink = onAbort(hard, () => {
          answering.stopNow();
          // Whoever waited is told so; readers that are slower than this are left.
          setTimeout(() => server.closeAllConnections(), FLUSH_MS).unref();
        });
        await stopped;
        await closed;
        clearInterval(leaving);
        unlink();
        await closing.close();
      },
    };
  } catch (error) {
    await closing.close().catch(() => {});
    throw error;
  }
}

/** Host and path of a request make no address. */
function unreadable(): Response {
  const error = badRequest(
    "the host or the path of the request cannot be read",
    undefined,
    "invalid_request",
  );
  return Response.json(error.body(), { status: error.status, headers: { connection: "close" } });
}

function refuseOpenAddress({ host, keys }: ServeConfig): void {
  if (isLoopback(host === "::1" ? "[::1]" : host) || keys !== undefined) return;
  throw new ConfigError(`whoever reaches ${host} could ask, and spend: listening there needs keys`, {
    hint: "make one with w4s serve --new-key NAME --keys FILE, then start with --keys FILE",
  });
}

function limitsOf(config: ServeConfig): { day: BudgetLimits; keyDay: BudgetLimits } {
  return {
    day: { dollars: config.dayDollars, tokens: config.dayTokens, calls: config.dayCalls },
    keyDay: { dollars: config.keyDollars, tokens: config.keyTokens, calls: config.keyCalls },
  };
}

/** A limit in dollars needs prices, as a budget does, or a server that says what each answer cost. */
async function refuseUnpriced(
  { dayDollars, keyDollars }: ServeConfig,
  { meter: { models } }: WorkflowRunner,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (dayDollars === undefined && keyDollars === undefined) return;
  for (const { id, model, price } of [models.executor, ...models.aliases.values()]) {
    if (price !== null || (await model.sampleBill?.(signal))) continue;
    throw new ConfigError(`a limit in dollars needs the price of ${id}`, {
      hint: "give its price per million tokens, or limit tokens or calls instead",
    });
  }
}

async function listen(server: Server, { host, port }: ServeConfig): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const what = error.code === "EADDRINUSE" ? "something listens there already" : messageOf(error);
      reject(
        new ConfigError(`cannot listen on ${host}:${port}: ${what}`, {
          code: "address",
          hint: "choose another --port or --host",
          cause: error,
        }),
      );
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  const address = server.address() as { port: number };
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}/v1`;
}
