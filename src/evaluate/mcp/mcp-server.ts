/** @file One server of the Model Context Protocol: started or reached, asked, and begun anew where it has ended. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { CallToolResult, Tool as ListedTool } from "@modelcontextprotocol/sdk/types.js";
import type { McpEntry } from "../../config/tools-schema.js";
import {
  ConfigError,
  ModelCallError,
  type ModelCallErrorKind,
  messageOf,
  W4sError,
} from "../../core/errors.js";
import { hashJson } from "../../core/hash.js";
import { boundedFetch } from "./bounded-fetch.js";
import { mcpSdk } from "./mcp-sdk.js";
import { StdioTransport } from "./stdio-transport.js";

export interface McpServerOptions {
  /** Default: by the entry, a child process or HTTP. */
  transport?: ((entry: McpEntry) => Transport | Promise<Transport>) | undefined;
  /** Time to start, or to be reached, and to list the tools. Default 30 000. */
  startMs?: number | undefined;
  /** Time to show signs of life after a call that ran out of time. Default 5 000. */
  pingMs?: number | undefined;
}

interface Connection {
  client: Client;
  transport: Transport;
}

const START_MS = 30_000;
const PING_MS = 5_000;
const MAX_PAGES = 100;
/** What the SDK says when a connection ends with calls in flight. */
const CONNECTION_CLOSED = -32_000;
/** The limit of a call is that of its tool. */
const NO_LIMIT_MS = 2 ** 31 - 1;

export class McpServer {
  /** How messages call it: its command, or its address. */
  readonly name: string;
  readonly #entry: McpEntry;
  readonly #options: McpServerOptions;
  #connection: Promise<Connection> | undefined;
  #listed: readonly ListedTool[] = [];
  /** Connections in a row that were given up since the server showed no sign of life. */
  #silences = 0;
  #isClosed = false;

  private constructor(entry: McpEntry, options: McpServerOptions) {
    this.name = `MCP server ${entry.url ?? [entry.command, ...(entry.args ?? [])].join(" ").slice(0, 80)}`;
    this.#entry = entry;
    this.#options = options;
  }

  /**
   * Starts or reaches a server and asks for its tools.
   * @throws {ConfigError} where the SDK, the command or a variable is missing
   * @throws {ModelCallError} fatal, where the server ends, is silent, refuses or speaks something else
   */
  static async open(entry: McpEntry, options: McpServerOptions = {}): Promise<McpServer> {
    const server = new McpServer(entry, options);
    await server.#connected();
    return server;
  }

  /** Tools as the server lists them. */
  get tools(): readonly ListedTool[] {
    return this.#listed;
  }

  /** Name and version that the server gives itself. */
  async version(): Promise<{ name: string; version: string } | undefined> {
    return (await this.#connected()).client.getServerVersion();
  }

  /**
   * Result of a call. Where the server ends on it, the call is made once more with a server begun anew.
   * @throws {Error} what the server says against the call, or that it failed twice on it and can be begun anew
   * @throws {ModelCallError} fatal, where it cannot be begun anew, or has other tools then; the signal's reason when aborted
   */
  async call(name: string, input: unknown, signal: AbortSignal): Promise<CallToolResult> {
    for (let isAgain = false; ; isAgain = true) {
      const connecting = this.#connected();
      const connection = await connecting;
      signal.throwIfAborted();
      try {
        const params = { name, arguments: input as Record<string, unknown> };
        const options = { signal, timeout: NO_LIMIT_MS };
        const result = await connection.client.callTool(params, undefined, options);
        this.#silences = 0;
        return result as CallToolResult;
      } catch (error) {
        if (signal.aborted) {
          void this.#checkLife(connecting, connection);
          throw signal.reason;
        }
        if (isNonsense(error)) throw new Error(`${this.name} answered what is no result of a tool`);
        if (!isLost(error)) throw error;
        const why = troubleOf(connection.transport) || messageOf(error, 200);
        await this.#drop(connecting);
        refuseKey(error, this.name);
        if (!isAgain) continue;
        // A server that can be begun anew is well: it is this call that it fails on.
        await this.#connected();
        throw new Error(`${this.name} failed on this call, twice: ${why}`);
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connecting = this.#connection;
    if (connecting !== undefined) await this.#drop(connecting);
  }

  #connected(): Promise<Connection> {
    if (this.#isClosed) throw new Error(`${this.name} is closed`);
    if (this.#silences > 1) {
      this.#silences = 0;
      throw this.#unusable("timeout", "it shows no sign of life, also after it was begun anew");
    }
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    connecting.catch(() => {
      if (this.#connection === connecting) this.#connection = undefined;
    });
    return connecting;
  }

  async #connect(): Promise<Connection> {
    const { Client } = await mcpSdk(() => import("@modelcontextprotocol/sdk/client/index.js"));
    const { transport: open = transportOf, startMs = START_MS } = this.#options;
    const transport = await open(this.#entry);
    const client = new Client({ name: "w4s", version: "1" });
    const connection = { client, transport };
    try {
      await client.connect(transport, { timeout: startMs });
      const listed = await listTools(client, startMs);
      const isFirst = this.#listed.length === 0;
      if (!isFirst && identityOf(listed, this.#entry) !== identityOf(this.#listed, this.#entry))
        throw this.#unusable("bad-reply", "it has other tools than at the start of the run");
      this.#listed = listed;
      return connection;
    } catch (error) {
      const trouble = troubleOf(transport);
      await closeAll(connection);
      if (W4sError.is(error)) throw error;
      if (/^(ENOENT|EACCES)$/.test(String((error as NodeJS.ErrnoException).code)))
        throw new ConfigError(`${this.name} cannot be started: ${messageOf(error, 200)}`, { cause: error });
      refuseKey(error, this.name);
      const isLate = (error as { code?: unknown }).code === -32_001;
      const kind = isLate ? "timeout" : this.#entry.url === undefined ? "crashed" : "unreachable";
      const what = isLate ? `no answer within ${startMs} ms` : reasonOf(error);
      throw this.#unusable(kind, [what, trouble].filter(Boolean).join("; "), error);
    }
  }

  /** After a call that ran out of time: a server that still answers is slow, another one is ended. */
  async #checkLife(connecting: Promise<Connection>, { client }: Connection): Promise<void> {
    if (this.#connection !== connecting) return;
    try {
      await client.ping({ timeout: this.#options.pingMs ?? PING_MS });
    } catch {
      if (this.#connection !== connecting || this.#isClosed) return;
      this.#silences++;
      await this.#drop(connecting);
    }
  }

  async #drop(connecting: Promise<Connection>): Promise<void> {
    if (this.#connection === connecting) this.#connection = undefined;
    const connection = await connecting.catch(() => undefined);
    if (connection) await closeAll(connection);
  }

  #unusable(kind: ModelCallErrorKind, why: string, cause?: unknown): ModelCallError {
    return new ModelCallError(kind, `${this.name} cannot be used: ${why}`, {
      isFatal: true,
      hint: "start it by hand to see what it needs; tools.mcp in the configuration names it (docs/tools.md)",
      cause,
    });
  }
}

/** Names, descriptions and schemas of the tools that an entry takes, hashed. */
export function identityOf(tools: readonly ListedTool[], { only }: Pick<McpEntry, "only">): string {
  const taken = tools.filter(({ name }) => only?.includes(name) ?? true);
  return hashJson(
    taken.map(({ name, title, description, inputSchema }) => [name, title, description, inputSchema]),
  );
}

async function transportOf({
  command,
  args = [],
  env = ["PATH"],
  url,
  apiKeyEnv,
}: McpEntry): Promise<Transport> {
  if (url === undefined) {
    const handed = Object.fromEntries(env.map((name) => [name, variable(name)]));
    return new StdioTransport({ command: findCommand(command ?? ""), args, env: handed });
  }
  const { StreamableHTTPClientTransport } = await mcpSdk(
    () => import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
  );
  const headers = apiKeyEnv === undefined ? {} : { authorization: `Bearer ${variable(apiKeyEnv)}` };
  // Its types take no undefined where ours are exact.
  return new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers },
    fetch: boundedFetch,
  }) as Transport;
}

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new ConfigError(`tools.mcp hands ${name} to a server, and this variable is not set`, {
    hint: `set ${name}, or take it out of the configuration`,
  });
}

/** Found by our PATH, since the server may have none. */
function findCommand(command: string): string {
  if (command.includes("/")) return command;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new ConfigError(`tools.mcp: there is no command ${command}`, {
    hint: "install it, or give its whole path",
  });
}

async function listTools(client: Client, timeout: number): Promise<ListedTool[]> {
  const listed: ListedTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { tools, nextCursor } = await client.listTools(cursor === undefined ? {} : { cursor }, { timeout });
    listed.push(...tools);
    if (nextCursor === undefined) return listed;
    cursor = nextCursor;
  }
  throw new Error(`its list of tools has more than ${MAX_PAGES} pages`);
}

async function closeAll({ client, transport }: Connection): Promise<void> {
  await client.close().catch(() => {});
  await transport.close().catch(() => {});
}

/** Whether a call failed with its connection; what the server answers, right or wrong, is no such failure. */
function isLost(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: unknown };
  return name !== "McpError" || code === CONNECTION_CLOSED;
}

function isNonsense(error: unknown): boolean {
  return /^\$?ZodError$/.test((error as Error).name);
}

function troubleOf(transport: Transport): string {
  return transport instanceof StdioTransport ? transport.trouble : "";
}

/** @throws {ModelCallError} fatal, on a status that says so */
function refuseKey(error: unknown, name: string): void {
  const { code } = error as { code?: unknown };
  if (code !== 401 && code !== 403 && (error as Error).name !== "UnauthorizedError") return;
  throw new ModelCallError("auth", `${name} refuses the key, or asks for one`, {
    hint: "name the environment variable that holds it as apiKeyEnv of the server in tools.mcp",
    cause: error,
  });
}

/** With the cause that fetch hides. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? messageOf(error, 200) : `${messageOf(error, 200)}: ${messageOf(cause, 200)}`;
}
