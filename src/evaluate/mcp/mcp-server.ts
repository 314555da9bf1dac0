/** @file One server of the Model Context Protocol: started or reached, asked, and begun anew where it has ended. */
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
import { mcpSdk } from "./mcp-sdk.js";
import { openTransport } from "./open-transport.js";
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
/** What it says when an answer took too long. */
const REQUEST_TIMEOUT = -32_001;
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
        if (isRefusal(error)) throw this.#refused(error);
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
    const { transport: open = openTransport, startMs = START_MS } = this.#options;
    const client = new Client({ name: "w4s", version: "1" });
    const isFirst = this.#listed.length === 0;
    let transport: Transport | undefined;
    try {
      transport = await open(this.#entry);
      await client.connect(transport, { timeout: startMs });
      const listed = await listTools(client, startMs);
      if (!isFirst && identityOf(listed, this.#entry) !== identityOf(this.#listed, this.#entry))
        throw this.#unusable("bad-reply", "it has other tools than at the start of the run");
      this.#listed = listed;
      return { client, transport };
    } catch (error) {
      const trouble = transport && troubleOf(transport);
      if (transport) await closeAll({ client, transport });
      const failure = this.#failure(error, trouble, startMs);
      // What was right at the start is no mistake of the configuration later.
      if (isFirst || failure instanceof ModelCallError) throw failure;
      throw this.#unusable("crashed", failure.message, failure);
    }
  }

  #failure(error: unknown, trouble: string | undefined, startMs: number): W4sError {
    if (W4sError.is(error)) return error;
    const { code } = error as { code?: unknown };
    if (code === "ENOENT" || code === "EACCES")
      return new ConfigError(`${this.name} cannot be started: ${messageOf(error, 200)}`, { cause: error });
    if (isRefusal(error)) return this.#refused(error);
    const isLate = code === REQUEST_TIMEOUT;
    const kind = isLate ? "timeout" : this.#entry.url === undefined ? "crashed" : "unreachable";
    const what = isLate ? `no answer within ${startMs} ms` : reasonOf(error);
    return this.#unusable(kind, [what, trouble].filter(Boolean).join("; "), error);
  }

  #refused(cause: unknown): ModelCallError {
    return new ModelCallError("auth", `${this.name} refuses the key, or asks for one`, {
      hint: "name the environment variable that holds it as apiKeyEnv of the server in tools.mcp",
      cause,
    });
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

/** Whether an answer's status asks for a key, or refuses it. */
function isRefusal(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: string };
  return code === 401 || code === 403 || name === "UnauthorizedError";
}

/** With the cause that fetch hides. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? messageOf(error, 200) : `${messageOf(error, 200)}: ${messageOf(cause, 200)}`;
}
