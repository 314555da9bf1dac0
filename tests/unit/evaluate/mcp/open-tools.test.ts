/** @file Tools of MCP servers as own tools: schemas, results, limits, what decides the hash, and how workflows call them. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it } from "vitest";
import type { McpEntry, ToolsSetting } from "../../../../src/config/tools-schema.js";
import { ConfigError } from "../../../../src/core/errors.js";
import { openTools } from "../../../../src/evaluate/mcp/open-tools.js";
import { ToolBox } from "../../../../src/evaluate/tool-box.js";
import { CallStore } from "../../../../src/llm/call-store.js";
import { toolCard } from "../../../../src/workflow/tool.js";
import { toolLookups } from "../../../../src/workflow/tool-lookups.js";
import { schemaText } from "../../../../src/workflow/tool-schema.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const folder = useTemporaryFolder();
const TEXT = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
const ECHO = { name: "echo", description: "Echoes a text.", inputSchema: TEXT };

interface Offered {
  tools?: object[];
  version?: string;
  /** What a call gives. Default: its input as text. */
  answer?: (input: unknown, signal: AbortSignal) => object | Promise<object>;
}

/** Opens tools with servers inside this process; each entry's command names one of them. */
function open(servers: Record<string, Offered>, setting: ToolsSetting) {
  return openTools(setting, {
    transport: async ({ command = "" }: McpEntry) => {
      const { tools = [ECHO], version = "1", answer } = servers[command] ?? {};
      const server = new Server({ name: command, version }, { capabilities: { tools: {} } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }) as never);
      server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
        const text = JSON.stringify(params.arguments);
        return ((await answer?.(params.arguments, signal)) ?? { content: [{ type: "text", text }] }) as never;
      });
      const [ours, theirs] = InMemoryTransport.createLinkedPair();
      await server.connect(theirs);
      return ours;
    },
  });
}

async function callOf(offered: Offered, input: unknown = { text: "a" }, entry: Partial<McpEntry> = {}) {
  const opened = await open({ one: offered }, { mcp: [{ command: "one", ...entry }] });
  const box = new ToolBox(opened, CallStore.open(":memory:"));
  const { name } = box.cards[0]!;
  const signal = new AbortController().signal;
  const result = await box.call(box.tool(name), input, { occurrence: 0, epoch: 0 }, signal);
  await opened.close();
  return result;
}

describe("the tools of servers", () => {
  it("stand beside those of a module, with a prefix where one is given, and end with close()", async () => {
    const path = join(folder(), "tools.mjs");
    writeFileSync(
      path,
      'export default ({ z }) => [{ name: "own", description: "Own.", input: z.string(), run: (x) => x }];',
    );
    const setting = { module: path, mcp: [{ command: "a" }, { command: "b", prefix: "b." }] };
    const opened = await open({ a: {}, b: {} }, setting);
    expect(opened.tools.map(({ name }) => name)).toEqual(["own", "echo", "b.echo"]);
    expect(opened.fromServers).toEqual(["echo", "b.echo"]);
    await opened.close();
    await expect(open({ a: {}, b: {} }, { mcp: [{ command: "a" }, { command: "b" }] })).rejects.toThrow(
      /two tools are called echo/,
    );
  });

  it("are named to designers, and called under the grammar, like other own tools", async () => {
    const { tools, close } = await open(
      { one: { tools: [{ ...ECHO, description: "Echoes\na text." }] } },
      { mcp: [{ command: "one" }] },
    );
    const cards = tools.map(toolCard);
    expect(cards[0]).toMatchObject({ name: "echo", description: "Echoes a text." });
    expect(schemaText(cards[0]!.input)).toBe("{ text: string }");
    const [direct] = toolLookups({ answer: "number", tools: cards }).map((pieces) =>
      pieces.map(([text]) => text).join(""),
    );
    expect(direct).toContain('agent.tool("echo", { text: task.question })');
    await close();
  });

  it("schemas that zod cannot read are shown, and left to the server to check", async () => {
    const odd = { ...TEXT, if: { required: ["text"] }, else: { required: ["more"] } };
    const { tools, close } = await open(
      { one: { tools: [{ ...ECHO, inputSchema: odd }] } },
      { mcp: [{ command: "one" }] },
    );
    expect(schemaText(toolCard(tools[0]!).input)).toBe("{ text: string }");
    await close();
    expect(await callOf({ tools: [{ ...ECHO, inputSchema: odd }] }, { more: 1 })).toMatchObject({
      value: '{"more":1}',
    });
  });

  it.each<[string, object, unknown]>([
    [
      "texts",
      {
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      "a\nb",
    ],
    [
      "structured content",
      { content: [{ type: "text", text: "{}" }], structuredContent: { n: 1 } },
      { n: 1 },
    ],
    ["nothing", { content: [] }, ""],
    [
      "what is no text",
      {
        content: [
          { type: "image", data: "QUJD", mimeType: "image/png" },
          { type: "resource_link", uri: "file:///a", name: "a" },
          { type: "resource", resource: { uri: "file:///b", text: "bee" } },
          { type: "resource", resource: { uri: "file:///c", blob: "QUJD", mimeType: "image/gif" } },
        ],
      },
      "(image, image/png)\nfile:///a\nbee\n(file:///c, image/gif)",
    ],
  ])("give %s", async (_name, answer, value) => {
    expect(await callOf({ answer: () => answer })).toMatchObject({ value });
  });

  it.each<[string, Offered, unknown, Partial<McpEntry>, RegExp]>([
    [
      "the server's own error",
      { answer: () => ({ content: [{ type: "text", text: "no such row" }], isError: true }) },
      undefined,
      {},
      /^tool echo failed: no such row$/,
    ],
    [
      "an error without words",
      { answer: () => ({ content: [], isError: true }) },
      undefined,
      {},
      /says no more/,
    ],
    [
      "an error of the protocol",
      {
        answer: () => {
          throw new Error("bad state");
        },
      },
      undefined,
      {},
      /bad state/,
    ],
    [
      "an input that the schema refuses",
      {},
      { text: 1 },
      {},
      /the input of tool echo is wrong: text: .*it takes \{ text: string \}/,
    ],
    [
      "a result that is too long",
      { answer: () => ({ content: [{ type: "text", text: "x".repeat(100) }] }) },
      undefined,
      { resultBytes: 50 },
      /longer than 50 bytes/,
    ],
    [
      "a call that takes too long",
      {
        answer: (_, signal) =>
          new Promise((resolve) => signal.addEventListener("abort", () => resolve({ content: [] }))),
      },
      undefined,
      { timeoutMs: 20 },
      /no result within 20 ms/,
    ],
    [
      "output that its own schema refuses",
      {
        tools: [{ ...ECHO, outputSchema: TEXT }],
        answer: () => ({ content: [], structuredContent: { text: 1 } }),
      },
      undefined,
      {},
      /does not match/,
    ],
  ])("%s is an error the workflow reads", async (_name, offered, input, entry, message) => {
    const { use } = await callOf(offered, input ?? { text: "a" }, entry);
    expect(use.error).toMatch(message);
  });

  it.each<[string, Offered, Partial<McpEntry>, RegExp]>([
    ["no tools", { tools: [] }, {}, /has no tools/],
    ["tools that are not there", {}, { only: ["say"] }, /no tool "say"/],
    [
      "tools that run as tasks only",
      { tools: [{ ...ECHO, execution: { taskSupport: "required" } }] },
      {},
      /has no tools/,
    ],
    ["names that cannot be called", { tools: [{ ...ECHO, name: "a/b" }] }, {}, /the name "a\/b"/],
    ["a name twice", { tools: [ECHO, ECHO] }, {}, /two tools are called echo/],
    [
      "too many",
      { tools: Array.from({ length: 33 }, (_, i) => ({ ...ECHO, name: `t${i}` })) },
      {},
      /more than 32 tools/,
    ],
  ])("%s are a mistake of the configuration", async (_name, offered, entry, message) => {
    const opening = open({ one: offered }, { mcp: [{ command: "one", ...entry }] });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(message);
  });

  it("decide results by what they are called, say and take, and by who serves them", async () => {
    const hashOf = async (offered: Offered, entry: Partial<McpEntry> = {}) => {
      const { hash, close } = await open({ one: offered }, { mcp: [{ command: "one", ...entry }] });
      await close();
      return hash;
    };
    const [same, again, ...others] = await Promise.all([
      hashOf({}),
      hashOf({}),
      hashOf({ tools: [{ ...ECHO, name: "say" }] }),
      hashOf({ tools: [{ ...ECHO, description: "Says." }] }),
      hashOf({ tools: [{ ...ECHO, inputSchema: { type: "object" } }] }),
      hashOf({ tools: [ECHO, { ...ECHO, name: "more" }] }),
      hashOf({ version: "2" }),
      hashOf({}, { args: ["x"] }),
    ]);
    expect(again).toBe(same);
    expect(new Set([same, ...others]).size).toBe(7);
    // What is not taken decides nothing.
    const two = { tools: [ECHO, { ...ECHO, name: "more" }] };
    expect(await hashOf(two, { only: ["echo"] })).toBe(await hashOf({}, { only: ["echo"] }));
  });

  it("a server that is lost in a call ends the run, and nothing is stored for the call", async () => {
    let isLost = false;
    const opened = await openTools(
      { mcp: [{ command: "one" }] },
      {
        transport: async () => {
          if (isLost) throw new Error("nobody is there");
          const server = new Server({ name: "one", version: "1" }, { capabilities: { tools: {} } });
          server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [ECHO] }) as never);
          server.setRequestHandler(CallToolRequestSchema, async () => {
            isLost = true;
            await server.close();
            return { content: [] };
          });
          const [ours, theirs] = InMemoryTransport.createLinkedPair();
          await server.connect(theirs);
          return ours;
        },
      },
    );
    const store = CallStore.open(":memory:");
    const box = new ToolBox(opened, store);
    const position = { occurrence: 0, epoch: 0 };
    const call = box.call(box.tool("echo"), { text: "a" }, position, new AbortController().signal);
    await expect(call).rejects.toMatchObject({
      isFatal: true,
      message: expect.stringContaining("nobody is there"),
    });
    expect(store.toolTotals()).toEqual([]);
    await opened.close();
  });
});
