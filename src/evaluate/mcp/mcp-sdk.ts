/** @file The official SDK of the Model Context Protocol: an optional package, loaded when it is used. */
import { ConfigError } from "../../core/errors.js";

/**
 * A part of the SDK.
 * @param load - imports it
 * @param who - needs it, for the error
 * @throws {ConfigError} with the line that installs it, where the package is missing
 */
export async function mcpSdk<T>(load: () => Promise<T>, who = "tools.mcp"): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new ConfigError(`${who} needs the package @modelcontextprotocol/sdk`, {
      code: "no-mcp-sdk",
      hint: "npm install @modelcontextprotocol/sdk",
      cause,
    });
  }
}
