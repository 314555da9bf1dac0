/** @file Addresses that are no usable MCP server: each says why, and none is waited for longer than its limit. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { McpServer } from "../../../../src/evaluate/mcp/mcp-server.js";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
});

async function urlOf(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

describe("an address", () => {
  it.each<[string, RequestListener, string, RegExp]>([
    [
      "that asks for a key",
      (_, response) => response.writeHead(401).end(),
      "auth",
      /refuses the key, or asks for one/,
    ],
    ["without such a page", (_, response) => response.writeHead(404).end("none"), "unreachable", /404|none/],
    ["that never answers", () => {}, "timeout", /no answer within 300 ms/],
    [
      "that answers a page",
      (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
      "unreachable",
      /content type/i,
    ],
    ["that hangs up", (request) => request.socket.destroy(), "unreachable", /fetch failed/],
    [
      "that floods",
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const chunk = "x".repeat(1_000_000);
        const more = () => {
          while (!response.destroyed && response.write(chunk));
          response.once("drain", more);
        };
        more();
      },
      "unreachable",
      /more than \d+ bytes in one answer/,
    ],
  ])("%s", async (_name, listener, kind, message) => {
    const url = await urlOf(listener);
    const opening = McpServer.open({ url }, { startMs: kind === "timeout" ? 300 : undefined });
    await expect(opening).rejects.toMatchObject({
      kind,
      isFatal: true,
      message: expect.stringMatching(message),
    });
  });

  it("gets the key that its entry names, and no other header of ours", async () => {
    process.env.MCP_TEST_KEY = "k-1";
    let seen: string | undefined;
    const url = await urlOf((request, response) => {
      seen = request.headers.authorization;
      response.writeHead(403).end();
    });
    await expect(McpServer.open({ url, apiKeyEnv: "MCP_TEST_KEY" })).rejects.toMatchObject({ kind: "auth" });
    expect(seen).toBe("Bearer k-1");
  });
});
