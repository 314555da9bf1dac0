/** @file The workflows of a server as tools of the Model Context Protocol: one each, over HTTP or over stdin and stdout. */
import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import { ConfigError, messageOf } from "../core/errors.js";
import { mcpSdk } from "../evaluate/mcp/mcp-sdk.js";
import type { Answering } from "./answering.js";
import { asApiError, badRequest } from "./api-error.js";
import type { TurnMessage } from "./asked-question.js";
import { details, type ServedAnswer } from "./served-answer.js";
import type { ServedWorkflow, ServedWorkflows } from "./served-workflows.js";

const MAX_NAME = 64;
const MAX_DESCRIPTION = 1_000;

const INPUT_SCHEMA = {
  type: "object" as const,
  properties: {
    question: { type: "string", description: "What is asked; the whole of it, since nothing is remembered." },
    context: { type: "string", description: "A text to read for the answer, where there is one." },
  },
  required: ["question"],
  additionalProperties: false,
};

type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Answers the protocol with workflows; every question goes the way of all requests, through budgets, queue and log. */
export class McpEndpoint {
  readonly #answering: Answering;
  readonly #workflows: ServedWorkflows;
  readonly #sdk: Sdk;

  private constructor(answering: Answering, workflows: ServedWorkflows, sdk: Sdk) {
    this.#answering = answering;
    this.#workflows = workflows;
    this.#sdk = sdk;
  }

  /** @throws {ConfigError} where the SDK is missing, or two workflows would be the same tool */
  static async open(answering: Answering, workflows: ServedWorkflows): Promise<McpEndpoint> {
    const names = workflows.list().map(toolName);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw new ConfigError(`two workflows would be the MCP tool ${twice}`, {
        hint: "name them with --as, in the order of the workflows: letters, digits, _ and -",
      });
    return new McpEndpoint(answering, workflows, await mcpSdk(loadSdk, "serve --mcp"));
  }

  /**
   * Answer to one POST of the streamable HTTP transport. Nothing is kept between two of them.
   * @param key - name of the key that asks
   */
  async handle(request: Request, parsedBody: unknown, key: string | undefined): Promise<Response> {
    const transport = new this.#sdk.WebStandardStreamableHTTPServerTransport();
    // Its types take no undefined where ours are exact.
    await this.#server(key, request.signal).connect(transport as Parameters<Server["connect"]>[0]);
    return await transport.handleRequest(request, { parsedBody });
  }

  /**
   * Answers on stdin and stdout of this process until its input ends.
   * @returns resolves then
   */
  async onStdio(): Promise<void> {
    await this.#server(undefined).connect(new this.#sdk.StdioServerTransport());
    await new Promise((resolve) => {
      process.stdin.once("end", resolve).once("close", resolve);
    });
  }

  #server(key: string | undefined, gone?: AbortSignal): Server {
    const { Server, ListToolsRequestSchema, CallToolRequestSchema, ErrorCode, McpError } = this.#sdk;
    const server = new Server({ name: "w4s", version: "1" }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: this.#workflows.list().map(toolOf),
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
      const workflow = this.#workflows.list().find((one) => toolName(one) === params.name);
      if (!workflow) throw new McpError(ErrorCode.InvalidParams, `there is no tool ${params.name}`);
      const ended = gone ? AbortSignal.any([signal, gone]) : signal;
      return await this.#call(workflow, params.arguments ?? {}, key, ended);
    });
    return server;
  }

  /** What goes wrong is a result too, as the protocol has it: a model reads it and may ask otherwise. */
  async #call(
    { name }: ServedWorkflow,
    input: Readonly<Record<string, unknown>>,
    key: string | undefined,
    gone: AbortSignal,
  ): Promise<CallToolResult> {
    try {
      const asked = { model: name, isStream: false, isUsageStreamed: false, seed: undefined, stops: [] };
      const { answer } = this.#answering.open({ ...asked, messages: messagesOf(input) }, key, gone);
      return resultOf(await answer);
    } catch (error) {
      const text = messageOf(asApiError(error));
      return { content: [{ type: "text", text }], isError: true };
    }
  }
}

async function loadSdk() {
  const [server, http, stdio, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/index.js"),
    import("@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"),
    import("@modelcontextprotocol/sdk/server/stdio.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  return { ...server, ...http, ...stdio, ...types };
}

/** Clients take letters, digits, _ and -. */
function toolName({ name }: ServedWorkflow): string {
  return name.replace(/[^\w-]/g, "_").slice(0, MAX_NAME);
}

function toolOf(workflow: ServedWorkflow): Tool {
  const { name, parts } = workflow;
  const about = parts?.instruction === undefined ? "" : ` It was made for this: ${parts.instruction}`;
  const description = `Answers a question with the workflow ${name}.${about}`.slice(0, MAX_DESCRIPTION);
  return { name: toolName(workflow), description, inputSchema: INPUT_SCHEMA };
}

/** @throws {ApiError} 400 */
function messagesOf(input: Readonly<Record<string, unknown>>): TurnMessage[] {
  const unknown = Object.keys(input).find((key) => !Object.hasOwn(INPUT_SCHEMA.properties, key));
  if (unknown !== undefined)
    throw badRequest(`there is no ${unknown.slice(0, 40)}; give question, and context where there is one`);
  const { question, context = "" } = input;
  if (typeof question !== "string") throw badRequest("question must be a text");
  if (typeof context !== "string") throw badRequest("context must be a text");
  const told: TurnMessage[] = context === "" ? [] : [{ role: "system", text: context }];
  return [...told, { role: "user", text: question }];
}

function resultOf(answer: ServedAnswer): CallToolResult {
  const { text, used } = answer;
  return { content: [{ type: "text", text }], _meta: { "w4s/usage": used, "w4s/details": details(answer) } };
}
