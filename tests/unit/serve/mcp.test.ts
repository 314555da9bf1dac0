/** @file Served workflows as MCP tools at /mcp: the official client, keys, budgets, and what goes wrong. */

import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { afterAll, describe, expect, it } from "vitest";
import { addKey } from "../../../src/serve/key-ring.js";
import { ECHO, type Served, useServer } from "../../support/served.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const start = useServer();
const folder = useTemporaryFolder();
const clients: Client[] = [];
afterAll(async () => {
  for (const client of clients) await client.close();
});

async function connect({ base }: Served, key?: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${base}mcp`), { requestInit: { headers } }) as Transport,
  );
  clients.push(client);
  return client;
}
const call = (client: Client, name: string, input: Record<string, unknown>) =>
  client.callTool({ name, arguments: input });

describe("serve --mcp", () => {
  it("lists each workflow as a tool and answers with it; the usage stands beside the answer", async () => {
    const TOLD =
      "export default async (agent, task) => (await agent.text(`${task.context}: ${task.question}`))[0];";
    const served = await start({ workflows: { "runs:echo": ECHO, told: TOLD }, serve: { mcp: "http" } });
    const client = await connect(served);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["runs_echo", "told"]);
    expect(tools[0]).toMatchObject({
      description: "Answers a question with the workflow runs:echo.",
      inputSchema: { required: ["question"] },
    });
    expect(await call(client, "runs_echo", { question: "hi" })).toMatchObject({
      content: [{ type: "text", text: "reply to: hi" }],
      _meta: { "w4s/usage": { calls: 1, promptTokens: 10 }, "w4s/details": { calls: { text: 1 } } },
    });
    expect(await call(client, "told", { question: "q", context: "c" })).toMatchObject({
      content: [{ text: "reply to: c: q" }],
    });
    // The other routes are there as before.
    expect((await served.chat("x", { model: "told" })).status).toBe(200);
  });

  it("what goes wrong is a result that a model can read", async () => {
    const FAILS = "export default async () => { throw new Error('no way') }";
    const served = await start({ workflows: { fails: FAILS }, serve: { mcp: "http" } });
    const client = await connect(served);
    const wrong = async (input: Record<string, unknown>) => {
      const { isError, content } = await call(client, "fails", input);
      expect(isError).toBe(true);
      return (content as { text: string }[])[0]!.text;
    };
    expect(await wrong({ question: "q" })).toContain("the workflow ended as threw: Error: no way");
    expect(await wrong({})).toBe("question must be a text");
    expect(await wrong({ question: " " })).toBe("the question is empty");
    expect(await wrong({ question: "q", context: 3 })).toBe("context must be a text");
    expect(await wrong({ question: "q", path: "/etc/passwd" })).toContain("there is no path");
    await expect(call(client, "other", { question: "q" })).rejects.toThrow(/there is no tool other/);
  });

  it("keys, budgets and sizes hold as on the other routes", async () => {
    const keys = join(folder(), "keys.json");
    const key = await addKey(keys, "ada");
    const served = await start({ serve: { mcp: "http", keys, keyCalls: 1, bodyBytes: 2_000 } });
    await expect(connect(served)).rejects.toThrow(/401|valid API key/);
    const client = await connect(served, key);
    expect(await call(client, "echo", { question: "1" })).toMatchObject({
      content: [{ text: "reply to: 1" }],
    });
    expect(await call(client, "echo", { question: "2" })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining("the key's limit of 1 calls a day is reached") }],
    });
    await expect(call(client, "echo", { question: "x".repeat(3_000) })).rejects.toThrow(
      /413|larger than 2000 bytes/,
    );
    expect(served.fake.chats.length).toBe(1);
  });

  it("only POST of JSON is answered, and nothing where it is not asked for", async () => {
    const served = await start({ serve: { mcp: "http" } });
    const get = await fetch(`${served.base}mcp`, { headers: { accept: "text/event-stream" } });
    expect(get.status).toBe(405);
    expect((await served.post("mcp", "[]")).status).toBe(400);
    expect((await served.post("mcp", "x")).status).toBe(400);
    const foreign = await served.post("mcp", {}, { headers: { origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
    const odd = await served.post(
      "mcp",
      { jsonrpc: "2.0", id: 1, method: "no/such" },
      { headers: { accept: "application/json, text/event-stream" } },
    );
    expect(await odd.text()).toContain("Method not found");
    const plain = await start();
    expect((await plain.post("mcp", {})).status).toBe(404);
  });

  it("a client that goes away ends its run", async () => {
    const served = await start({ serve: { mcp: "http" } });
    const closed = new Promise<void>((resolve) =>
      served.fake.queue(({ response }) => {
        gone.abort();
        response.once("close", resolve);
      }),
    );
    const gone = new AbortController();
    const params = { name: "echo", arguments: { question: "gone" } };
    const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    const headers = { accept: "application/json, text/event-stream" };
    const lost = served
      .post("mcp", request, { signal: gone.signal, headers })
      .then((response) => response.text());
    await expect(lost).rejects.toThrow();
    await closed;
  });

  it("two workflows that would be one tool are refused", async () => {
    await expect(start({ workflows: { "a:b": ECHO, "a.b": ECHO }, serve: { mcp: "http" } })).rejects.toThrow(
      /two workflows would be the MCP tool a_b/,
    );
  });
});
