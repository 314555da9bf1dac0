/** @file Tools of a Model Context Protocol server as own tools: names, schemas, limits, and their results as JSON. */
import type { CallToolResult, ContentBlock, Tool as ListedTool } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import type { McpEntry } from "../../config/tools-schema.js";
import { ConfigError } from "../../core/errors.js";
import type { Tool } from "../../workflow/tool.js";
import type { McpServer } from "./mcp-server.js";

const MAX_DESCRIPTION = 400;

/**
 * The tools of a server that an entry takes, those left out that run as tasks, which workflows cannot wait for.
 * @throws {ConfigError} where `only` names one that is not there, or none is left
 */
export function mcpTools(
  server: Pick<McpServer, "name" | "tools" | "call">,
  { prefix = "", only, maxCalls, timeoutMs, resultBytes }: McpEntry,
): Tool[] {
  const usable = server.tools.filter(({ execution }) => execution?.taskSupport !== "required");
  const unknown = only?.find((wanted) => !usable.some(({ name }) => name === wanted));
  if (unknown !== undefined || usable.length === 0) {
    const names = usable.map(({ name }) => name).join(", ");
    throw new ConfigError(
      unknown === undefined
        ? `${server.name} has no tools`
        : `${server.name} has no tool ${JSON.stringify(unknown)}`,
      {
        code: "bad-tool",
        hint: names === "" ? "take it out of tools.mcp" : `in only, name some of ${names}`,
      },
    );
  }
  return usable
    .filter(({ name }) => only?.includes(name) ?? true)
    .map((tool) => ({
      name: `${prefix}${tool.name}`,
      description: descriptionOf(tool),
      input: inputOf(tool),
      run: async (input, { signal }) => resultOf(await server.call(tool.name, input, signal)),
      ...{ maxCalls, timeoutMs, resultBytes },
    }));
}

function descriptionOf({ name, title, description, annotations }: ListedTool): string {
  const text = [description, title, annotations?.title, name].find((one) => one?.trim()) ?? name;
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_DESCRIPTION ? `${line.slice(0, MAX_DESCRIPTION - 1)}…` : line;
}

/** What the schema says and zod does not know is left to the server to check. */
function inputOf({ inputSchema }: ListedTool): z.ZodType {
  const { $schema: _, $id: _id, ...schema } = inputSchema;
  try {
    return z.fromJSONSchema(inputSchema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return z.looseObject({}).meta(schema);
  }
}

/** The structured content, else the texts; what is no text is named, since workflows and models here read text only. */
function resultOf({ content, structuredContent, isError }: CallToolResult): unknown {
  const text = content.map(partText).join("\n");
  if (isError) throw new Error(text || "the server calls it an error and says no more");
  return structuredContent ?? text;
}

function partText(part: ContentBlock): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "resource_link":
      return part.uri;
    case "resource":
      return "text" in part.resource
        ? part.resource.text
        : `(${part.resource.uri}, ${part.resource.mimeType ?? "binary"})`;
    default:
      return `(${part.type}, ${part.mimeType})`;
  }
}
