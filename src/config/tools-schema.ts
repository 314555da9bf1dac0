/** @file The `tools` setting: a module of own tools, servers of the Model Context Protocol, or both. */
import { z } from "zod";
import { text, whole } from "./config-fields.js";

const MAX_SERVERS = 16;
const MAX_TEXTS = 64;

/** Path of a module that exports own tools. */
const moduleFile = text("a file, or a map with module and mcp");

const list = (what: string, member: z.ZodString) => {
  const error = `must be a list of ${what}`;
  return z.array(member, { error }).max(MAX_TEXTS, { error: `must be at most ${MAX_TEXTS} ${what}` });
};

const variable = z
  .string({ error: "must be the name of an environment variable" })
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/, {
    error: "must be the name of an environment variable, not its value",
  });

const serverUrl = z.string({ error: "must be a URL" }).superRefine((url, context) => {
  const refuse = (message: string) => context.addIssue({ code: "custom", message });
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:")
    refuse("must be a complete http(s) URL such as http://127.0.0.1:3001/mcp");
  else if (parsed.username || parsed.password)
    refuse("must not carry a user name or password; name the key's variable in apiKeyEnv");
});

const mcpServer = z
  .strictObject({
    command: text("a command")
      .optional()
      .describe("program that is started and asked through its stdin and stdout"),
    args: list("texts", z.string({ error: "must be a text" }).max(4096))
      .optional()
      .describe("its arguments"),
    env: list("names of environment variables", variable)
      .optional()
      .describe("variables that it is handed, and no other; default PATH"),
    url: serverUrl.optional().describe("address of a server that is asked through HTTP instead"),
    apiKeyEnv: variable
      .optional()
      .describe("environment variable with the key that is sent to url as a bearer token"),
    prefix: z
      .string({ error: "must be a text" })
      .regex(/^[A-Za-z][\w.-]{0,30}$/, {
        error: "must be a letter, then letters, digits, . _ or -; at most 31",
      })
      .optional()
      .describe("stands before the name of each of its tools"),
    only: list("names of tools", text("the name of a tool", 128))
      .min(1, { error: "must name a tool" })
      .optional()
      .describe("the tools of the server that are taken; default all"),
    maxCalls: whole(1, 1_000).optional().describe("calls of one of its tools in one run of a workflow"),
    timeoutMs: whole(1, 600_000).optional().describe("time of one call, milliseconds; default 10000"),
    resultBytes: whole(16, 1_048_576).optional().describe("longest result as JSON; default 65536"),
  })
  .superRefine(({ command, args, env, url, apiKeyEnv }, context) => {
    const refuse = (message: string, path: string[] = []) =>
      context.addIssue({ code: "custom", message, path });
    if ((command === undefined) === (url === undefined)) refuse("must have either command or url");
    else if (command === undefined && args !== undefined) refuse("belong to a command", ["args"]);
    else if (command === undefined && env !== undefined) refuse("belongs to a command", ["env"]);
    else if (url === undefined && apiKeyEnv !== undefined) refuse("belongs to a url", ["apiKeyEnv"]);
  });

/** A server of the Model Context Protocol as the configuration names it. */
export type McpEntry = z.output<typeof mcpServer>;

export const toolsSchema = z.union([
  moduleFile,
  z.strictObject({
    module: text("a file").optional().describe("module that exports own tools"),
    mcp: z
      .array(mcpServer, { error: "must be a list of servers" })
      .min(1, { error: "must name a server" })
      .max(MAX_SERVERS, { error: `must be at most ${MAX_SERVERS} servers` })
      .describe("servers of the Model Context Protocol whose tools workflows may call"),
  }),
]);

/** What `tools` of a configuration holds. */
export type ToolsSetting = z.output<typeof toolsSchema>;
