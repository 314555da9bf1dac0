/** @file What a server refuses, always in the form of OpenAI's errors: bad requests, foreign pages, missing keys. */
import { request } from "node:http";
import { beforeAll, describe, expect, it } from "vitest";
import { addKey } from "../../../src/serve/key-ring.js";
import { type Served, useServer } from "../../support/served.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const start = useServer();
const newFolder = useTemporaryFolder();
const ask = (more: object) => ({ model: "echo", messages: [{ role: "user", content: "q" }], ...more });
const say = (...messages: unknown[]) => ({ model: "echo", messages });
const CHAT = "v1/chat/completions";
const DEEP = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

/** Status, path, body, and the member that is named. */
const BAD: [status: number, path: string, body: unknown, param?: string | null][] = [
  [400, CHAT, ""],
  [400, CHAT, "{"],
  [400, CHAT, "[]"],
  [400, CHAT, "null"],
  [400, CHAT, '"text"'],
  [400, CHAT, DEEP],
  [400, CHAT, {}, "messages"],
  [400, CHAT, { model: "echo" }, "messages"],
  [400, CHAT, { model: "echo", messages: DEEP }, "messages"],
  [400, CHAT, say(), "messages"],
  [400, CHAT, say(7), "messages[0]"],
  [400, CHAT, say({ role: "user" }), "messages[0].content"],
  [400, CHAT, say({ role: "user", content: 7 }), "messages[0].content"],
  [400, CHAT, say({ role: "user", content: "  " }), "messages"],
  [400, CHAT, say({ role: "system", content: "only told" }), "messages"],
  [400, CHAT, say({ role: "wizard", content: "q" }), "messages[0].role"],
  [400, CHAT, say({ role: "tool", content: "q", tool_call_id: "1" }), "messages[0].role"],
  [
    400,
    CHAT,
    say({ role: "user", content: [{ type: "image_url", image_url: {} }] }),
    "messages[0].content[0]",
  ],
  [400, CHAT, say({ role: "user", content: [{ type: "text" }] }), "messages[0].content[0].text"],
  [400, CHAT, say({ role: "user", content: [null] }), "messages[0].content[0]"],
  [400, CHAT, ask({ n: 2 }), "n"],
  [400, CHAT, ask({ n: 1e12 }), "n"],
  [400, CHAT, ask({ n: "1" }), "n"],
  [400, CHAT, ask({ tools: [{ type: "function" }] }), "tools"],
  [400, CHAT, ask({ functions: [{}] }), "functions"],
  [400, CHAT, ask({ tool_choice: "required" }), "tool_choice"],
  [400, CHAT, ask({ response_format: { type: "json_object" } }), "response_format"],
  [400, CHAT, ask({ response_format: 7 }), "response_format"],
  [400, CHAT, ask({ logprobs: true }), "logprobs"],
  [400, CHAT, ask({ modalities: ["text", "audio"] }), "modalities"],
  [400, CHAT, ask({ audio: { voice: "x" } }), "audio"],
  [400, CHAT, ask({ max_tokens: -1 }), "max_tokens"],
  [400, CHAT, ask({ max_tokens: 1e300 }), "max_tokens"],
  [400, CHAT, ask({ max_completion_tokens: "many" }), "max_completion_tokens"],
  [400, CHAT, ask({ stream: "yes" }), "stream"],
  [400, CHAT, ask({ stream_options: 7, stream: true }), "stream_options"],
  [400, CHAT, ask({ seed: 1.5 }), "seed"],
  [400, CHAT, ask({ stop: [""] }), "stop"],
  [400, CHAT, ask({ model: 7 }), "model"],
  [404, CHAT, ask({ model: "gpt-4o" }), "model"],
  [404, CHAT, ask({ model: "__proto__" }), "model"],
  [404, CHAT, ask({ model: "../../etc/passwd" }), "model"],
  [404, "v1/completions", { prompt: "q" }],
  [404, "v1/embeddings", { input: "q" }],
  [404, "..%2f..%2fetc%2fpasswd", {}],
  [400, "v1/responses", { model: "echo" }, "input"],
  [400, "v1/responses", { model: "echo", input: "q", previous_response_id: "r" }, "previous_response_id"],
  [400, "v1/responses", { model: "echo", input: "q", tools: [{ type: "web_search" }] }, "tools"],
  [400, "v1/responses", { model: "echo", input: "q", text: { format: { type: "json_schema" } } }, "text"],
  [400, "v1/responses", { model: "echo", input: [{ type: "image" }] }, "input[0].role"],
  [413, CHAT, ask({ user: "x".repeat(70_000) })],
];

/** A request with headers that fetch() does not let through. */
function raw(base: string, path: string, headers: Record<string, string>, body = ""): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, base),
      { method: body === "" ? "GET" : "POST", headers },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

describe("refusals", () => {
  let served: Served;
  beforeAll(async () => {
    served = await start({ serve: { bodyBytes: 65_536 } });
  });

  it.each(BAD.map((row, index) => [index + 1, ...row] as const))(
    "bad request %i gets %i",
    async (_, status, path, body, param) => {
      const response = await served.post(path, body);
      const { error, ...rest } = (await response.json()) as { error: Record<string, unknown> };
      expect(rest).toEqual({});
      expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
      expect([response.status, error.param]).toEqual([status, param ?? null]);
      expect(String(error.message).length).toBeLessThan(400);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  it("asks the executor for none of them", () => {
    expect(served.fake.chats).toEqual([]);
  });

  it("takes JSON only, and no preflight", async () => {
    const { base, post } = served;
    const plain = await post(CHAT, ask({}), { headers: { "content-type": "text/plain" } });
    expect(plain.status).toBe(415);
    const preflight = await fetch(`${base}${CHAT}`, {
      method: "OPTIONS",
      headers: { origin: "http://x.test" },
    });
    expect(preflight.status).toBe(403);
  });

  it("refuses pages of other sites, by origin and by a name that points here", async () => {
    const { base } = served;
    const { host, port } = new URL(base);
    const status = (headers: Record<string, string>) => raw(base, "/v1/models", headers);
    expect(await status({ host })).toBe(200);
    expect(await status({ host, origin: base.slice(0, -1) })).toBe(200);
    expect(await status({ host: `localhost:${port}` })).toBe(200);
    expect(await status({ host: `evil.test:${port}` })).toBe(403);
    expect(await status({ host, origin: "http://evil.test" })).toBe(403);
    expect(await status({ host, origin: "null" })).toBe(403);
    expect(await raw(base, "/health", { host: "evil.test" })).toBe(403);
  });

  it("gives the page with a policy that lets nothing else in", async () => {
    const response = await fetch(served.base);
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-/,
    );
    expect(page).not.toMatch(/https?:\/\//);
  });
});

describe("keys", () => {
  it("are needed for everything but health, and known by their hash alone", async () => {
    const keys = `${newFolder()}/keys.json`;
    const [alice, bob] = [await addKey(keys, "alice"), await addKey(keys, "bob")];
    await expect(addKey(keys, "bob")).rejects.toThrow("already");
    const { base, chat, server, fake } = await start({ serve: { keys } });
    const { readFileSync, writeFileSync } = await import("node:fs");
    expect(readFileSync(keys, "utf8")).not.toContain(alice.slice(4, 16));
    const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const paths = ["", "v1/models", "v1/models/echo", "metrics", "nothing"];
    for (const headers of [
      {},
      bearer(`${alice}x`).headers,
      { authorization: alice },
      { authorization: "Basic eA==" },
    ])
      for (const path of paths) expect((await fetch(`${base}${path}`, { headers })).status, path).toBe(401);
    const refused = await chat("q");
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: "invalid_api_key" } });
    expect(fake.chats).toEqual([]);
    expect((await fetch(`${base}health`)).status).toBe(200);
    expect((await chat("q", {}, bearer(alice))).status).toBe(200);
    const basic = Buffer.from(`any:${bob}`).toString("base64");
    expect((await fetch(base, { headers: { authorization: `Basic ${basic}` } })).status).toBe(200);
    const { keys: kept, ...rest } = JSON.parse(readFileSync(keys, "utf8"));
    writeFileSync(keys, JSON.stringify({ ...rest, keys: kept.slice(1) }));
    server.reload();
    expect((await chat("q", {}, bearer(alice))).status).toBe(401);
    writeFileSync(keys, "{");
    server.reload();
    expect((await chat("q", {}, bearer(bob))).status).toBe(200);
  });

  it("must be there to listen beyond this machine", async () => {
    await expect(start({ serve: { host: "0.0.0.0" } })).rejects.toMatchObject({ name: "ConfigError" });
    await expect(start({ serve: { keys: `${newFolder()}/none.json` } })).rejects.toThrow("holds no keys");
  });
});
