/** @file From the `tools` setting to own tools: those of a module, those of MCP servers, or both. */
import type { McpEntry, ToolsSetting } from "../../config/tools-schema.js";
import { CloseStack } from "../../core/close-stack.js";
import { hashJson } from "../../core/hash.js";
import { checkTools, type Tool, type ToolSet } from "../../workflow/tool.js";
import { loadTools } from "../load-tools.js";
import { identityOf, McpServer, type McpServerOptions } from "./mcp-server.js";
import { mcpTools } from "./mcp-tools.js";

/** Tools with what keeps them alive. */
export interface OpenTools extends ToolSet {
  /** Names that come from servers, in their order: where they differ, a run says which. Absent without servers. */
  fromServers?: string[] | undefined;
  /** Ends the servers. */
  close(): Promise<void>;
}

/**
 * Tools under a hash over all that is known to decide their results: module and files, entries, and what each server says of
 * itself and its tools.
 * @throws {ConfigError} as loadTools(), and on entries that cannot be met
 * @throws {ModelCallError} fatal, on servers that cannot be used
 */
export async function openTools(setting: ToolsSetting, options?: McpServerOptions): Promise<OpenTools> {
  if (typeof setting === "string") return { ...(await loadTools(setting)), close: async () => {} };
  const { module, mcp } = setting;
  const closing = new CloseStack();
  try {
    const own = module === undefined ? undefined : await loadTools(module);
    const opened = await Promise.allSettled(mcp.map((entry) => openServer(entry, closing, options)));
    const servers = opened.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
    const served = servers.flatMap(({ tools }) => tools);
    const tools = checkTools([...(own?.tools ?? []), ...served], "tools");
    const hash = hashJson([own?.hash ?? null, servers.map(({ identity }) => identity)]);
    return { tools, hash, fromServers: served.map(({ name }) => name), close: () => closing.close() };
  } catch (error) {
    await closing.close().catch(() => {});
    throw error;
  }
}

async function openServer(
  entry: McpEntry,
  closing: CloseStack,
  options: McpServerOptions | undefined,
): Promise<{ tools: Tool[]; identity: unknown }> {
  const server = await McpServer.open(entry, options);
  closing.add(() => server.close());
  const tools = mcpTools(server, entry);
  return { tools, identity: [entry, await server.version(), identityOf(server.tools, entry)] };
}
