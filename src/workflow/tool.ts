/** @file A user's own tool: what it is called, what it takes, and the function that the parent process runs. */
import { z } from "zod";
import { ConfigError, messageOf } from "../core/errors.js";
import { hashJson } from "../core/hash.js";
import type { ToolSchema } from "./tool-schema.js";

export interface ToolContext {
  /** Aborted when the time of the call is over or the workflow has ended. */
  signal: AbortSignal;
}

/** Function of a program that workflows call as `agent.tool(name, input)`. */
export interface Tool<Schema extends z.ZodType = z.ZodType> {
  /** A letter, then letters, digits, dots, dashes and underscores; at most 64. */
  name: string;
  /** Sentence or two on what the tool gives, for the model that writes workflows; at most 400 characters. */
  description: string;
  /** Inputs are checked by it before `run` sees them. */
  input: Schema;
  /** Gives a JSON value, or a promise of one; what it throws reaches the workflow as an exception. */
  run(input: z.output<Schema>, context: ToolContext): unknown;
  /** Calls of this tool in one run of a workflow; 1–1000. Default: only the limit of 20 on all tools together. */
  maxCalls?: number | undefined;
  /** Time of one call in milliseconds; 1–600 000. Default 10 000. */
  timeoutMs?: number | undefined;
  /** Longest result as JSON; 16–1 048 576. Default 65 536. */
  resultBytes?: number | undefined;
}

/** Tools under one content hash: stored results are found by it. */
export interface ToolSet {
  tools: readonly Tool[];
  hash: string;
}

/** Description of a tool for prompts and the grammar. */
export interface ToolCard {
  name: string;
  description: string;
  input: ToolSchema;
}

export const TOOL_DEFAULTS = { timeoutMs: 10_000, resultBytes: 65_536 } as const;

const NAME = /^[A-Za-z][\w.-]{0,63}$/;
const MAX_TOOLS = 32;
const MAX_DESCRIPTION = 400;
const RANGES = {
  maxCalls: [1, 1_000],
  timeoutMs: [1, 600_000],
  resultBytes: [16, 1_048_576],
} as const;
const KEYS: ReadonlySet<string> = new Set(["name", "description", "input", "run", ...Object.keys(RANGES)]);

/**
 * Checks a list of tools as a module or a caller gives it.
 * @param where - what the list is called in messages
 * @throws {ConfigError} naming the tool and what is wrong with it
 */
export function checkTools(value: unknown, where: string): Tool[] {
  const refuse = (what: string): never => {
    throw new ConfigError(`${where}: ${what}`, {
      code: "bad-tool",
      hint: "a tool is { name, description, input: a zod schema, run(input) }; see docs/tools.md",
    });
  };
  if (!Array.isArray(value) || value.length === 0) return refuse("there is no list of tools");
  if (value.length > MAX_TOOLS) refuse(`more than ${MAX_TOOLS} tools`);
  const names = new Set<string>();
  for (const [index, tool] of (value as Partial<Tool>[]).entries()) {
    if (typeof tool !== "object" || tool === null) return refuse(`entry ${index + 1} is no tool`);
    const { name, description, input, run } = tool;
    if (typeof name !== "string" || !NAME.test(name)) {
      const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : `of entry ${index + 1}`;
      return refuse(`the name ${shown} is not a letter followed by at most 63 letters, digits, . _ or -`);
    }
    if (names.has(name)) refuse(`two tools are called ${name}`);
    names.add(name);
    const unknown = Object.keys(tool).find((key) => !KEYS.has(key));
    if (unknown !== undefined) refuse(`tool ${name}: unknown member ${JSON.stringify(unknown.slice(0, 40))}`);
    if (typeof description !== "string" || description.trim() === "" || description.length > MAX_DESCRIPTION)
      refuse(`tool ${name}: description must be text of 1–${MAX_DESCRIPTION} characters`);
    if (typeof run !== "function") refuse(`tool ${name}: run is no function`);
    if (!isSchema(input)) return refuse(`tool ${name}: input is no schema of zod 4`);
    for (const [key, [min, max]] of Object.entries(RANGES)) {
      const number = tool[key as keyof typeof RANGES];
      if (number !== undefined && !(Number.isInteger(number) && number >= min && number <= max))
        refuse(`tool ${name}: ${key} must be a whole number from ${min} to ${max}`);
    }
    try {
      inputSchema(input);
    } catch (error) {
      refuse(`tool ${name}: its input has no JSON schema: ${messageOf(error, 200)}`);
    }
  }
  return value as Tool[];
}

/** Own tools of a program under a hash over what can be seen of them; a module has a better one (load-tools.ts). */
export function toolSet(tools: readonly Tool[] | ToolSet): ToolSet {
  if ("hash" in tools) return tools;
  const list = checkTools(tools, "tools");
  return { tools: list, hash: hashJson(list.map((tool) => [toolCard(tool), String(tool.run)])) };
}

export function toolCard({ name, description, input }: Tool): ToolCard {
  // One line: it stands in a list of a prompt.
  return { name, description: description.replace(/\s+/g, " ").trim(), input: inputSchema(input) };
}

function inputSchema(schema: z.ZodType): ToolSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest as ToolSchema;
}

/** By shape: the schema may come from another copy of zod. */
function isSchema(value: unknown): value is z.ZodType {
  return (
    typeof value === "object" &&
    value !== null &&
    "_zod" in value &&
    typeof (value as { safeParseAsync?: unknown }).safeParseAsync === "function"
  );
}
