/** @file The way to a server as an entry names it: a child process, or HTTP. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { McpEntry } from "../../config/tools-schema.js";
import { ConfigError } from "../../core/errors.js";
import { boundedFetch } from "./bounded-fetch.js";
import { mcpSdk } from "./mcp-sdk.js";
import { StdioTransport } from "./stdio-transport.js";

/** @throws {ConfigError} where the SDK, the command or a variable is missing */
export async function openTransport({
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
