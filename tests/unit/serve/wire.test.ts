/** @file Requests that no client library sends, byte by byte: each is answered in the form of OpenAI's errors, or as it stands. */
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { answerBrokenRequests } from "../../../src/serve/broken-requests.js";
import { type Served, useServer } from "../../support/served.js";

const start = useServer();

/** Sends bytes and collects what comes until the server ends the connection. */
function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.once("close", () => resolve(text));
    socket.once("error", (error) => (text === "" ? reject(error) : resolve(text)));
    socket.write(bytes);
  });
}

const CHAT = "/v1/chat/completions";
const HOST = "host: 127.0.0.1\r\n";
const JSON_TYPE = "content-type: application/json\r\n";
const ask = (content: string) => `{"model": "echo", "messages": [{"role": "user", "content": "${content}"}]}`;
/** A POST with a body, the last of its connection unless other headers say otherwise. */
const post = (body: string | Buffer, more = `${JSON_TYPE}connection: close\r\n`, path = CHAT) =>
  Buffer.concat([
    Buffer.from(`POST ${path} HTTP/1.1\r\n${HOST}content-length: ${Buffer.byteLength(body)}\r\n${more}\r\n`),
    Buffer.from(body),
  ]);
const line = (first: string, headers = HOST) => `${first}\r\n${headers}connection: close\r\n\r\n`;
const typed = (type: string) => post(ask("q"), `content-type: ${type}\r\nconnection: close\r\n`);
const DEEP = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

const BAD: [name: string, status: number, code: string, bytes: string | Buffer][] = [
  ["no content type", 415, "unsupported_media_type", post(ask("q"), "connection: close\r\n")],
  ["a form", 415, "unsupported_media_type", typed("application/x-www-form-urlencoded")],
  ["a multipart form", 415, "unsupported_media_type", typed("multipart/form-data; boundary=x")],
  ["a type that only begins like JSON", 415, "unsupported_media_type", typed("application/jsonp")],
  [
    "a packed body",
    415,
    "unsupported_media_type",
    post("x", `${JSON_TYPE}content-encoding: gzip\r\nconnection: close\r\n`),
  ],
  ["half a character", 400, "invalid_json", post(Buffer.from(ask("\xff"), "latin1"))],
  ["UTF-16", 400, "invalid_json", post(Buffer.from(ask("q"), "utf16le"))],
  ["a zero byte in a text", 400, "invalid_json", post(ask("\0"))],
  ["half a document", 400, "invalid_json", post(ask("q").slice(0, -1))],
  ["two documents", 400, "invalid_json", post(ask("q") + ask("q"))],
  ["numbers that JSON has not", 400, "invalid_json", post('{"seed": NaN}')],
  ["a deep body", 400, "invalid_json", post(DEEP)],
  ["deep content", 400, "unsupported_parameter", post(ask("q").replace('"q"', DEEP))],
  [
    "a name twice: the last one counts",
    404,
    "model_not_found",
    post(ask("q").replace("}]", '}], "model": "x"')),
  ],
  [
    "a message in the prototype",
    400,
    "invalid_value",
    post('{"messages": [{"__proto__": {"role": "user", "content": "q"}}]}'),
  ],
  ["messages in the prototype", 400, "invalid_value", post(`{"__proto__": ${ask("q")}}`)],
  ["a model called constructor", 404, "model_not_found", post(ask("q").replace("echo", "constructor"))],
  [
    "huge headers",
    431,
    "headers_too_large",
    line(`GET /health HTTP/1.1`, `${HOST}x: ${"x".repeat(70_000)}\r\n`),
  ],
  ["a huge address", 431, "headers_too_large", line(`GET /${"x".repeat(70_000)} HTTP/1.1`)],
  [
    "a length beyond the limit, without the bytes",
    413,
    "request_too_large",
    `POST ${CHAT} HTTP/1.1\r\n${HOST}${JSON_TYPE}content-length: 99999999999\r\nconnection: close\r\n\r\n`,
  ],
  [
    "chunks beyond the limit, without an end",
    413,
    "request_too_large",
    `POST ${CHAT} HTTP/1.1\r\n${HOST}${JSON_TYPE}transfer-encoding: chunked\r\nconnection: close\r\n\r\n${`1000\r\n${"x".repeat(4096)}\r\n`.repeat(20)}`,
  ],
  [
    "length and chunks",
    400,
    "invalid_request",
    `POST ${CHAT} HTTP/1.1\r\n${HOST}${JSON_TYPE}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n`,
  ],
  [
    "two lengths",
    400,
    "invalid_request",
    line(`POST ${CHAT} HTTP/1.1`, `${HOST}content-length: 1\r\ncontent-length: 2\r\n`),
  ],
  [
    "a length that is none",
    400,
    "invalid_request",
    line(`POST ${CHAT} HTTP/1.1`, `${HOST}content-length: -1\r\n`),
  ],
  [
    "a chunk that is none",
    400,
    "invalid_request",
    `${line(`POST ${CHAT} HTTP/1.1`, `${HOST}${JSON_TYPE}transfer-encoding: chunked\r\n`)}zz\r\n`,
  ],
  ["a header without a name", 400, "invalid_request", line("GET /health HTTP/1.1", `${HOST}: x\r\n`)],
  ["no HTTP", 400, "invalid_request", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ["an unknown method", 400, "invalid_request", line("BREW /v1/models HTTP/1.1")],
  ["no host", 400, "invalid_request", line("GET /v1/models HTTP/1.1", "")],
  ["a host with a path", 400, "invalid_request", line("GET /v1/models HTTP/1.1", "host: 127.0.0.1/x y\r\n")],
  ["a host with a user", 400, "invalid_request", line("GET /v1/models HTTP/1.1", "host: x@127.0.0.1\r\n")],
  [
    "the address of another site",
    403,
    "foreign_host",
    line("GET http://evil.test/v1/models HTTP/1.1", "host: evil.test\r\n"),
  ],
  ["an expectation", 417, "unknown_expectation", line("GET /v1/models HTTP/1.1", `${HOST}expect: tea\r\n`)],
  ["OPTIONS", 404, "unknown_url", line("OPTIONS /v1/models HTTP/1.1")],
  ["TRACE", 404, "unknown_url", line("TRACE /v1/models HTTP/1.1")],
  ["DELETE", 404, "unknown_url", line("DELETE /v1/models/echo HTTP/1.1")],
  ["GET of what is posted", 404, "unknown_url", line(`GET ${CHAT} HTTP/1.1`)],
  [
    "an upgrade to what is not there",
    404,
    "unknown_url",
    line("GET /socket HTTP/1.1", `${HOST}upgrade: websocket\r\n`),
  ],
  ["two slashes", 404, "unknown_url", line("GET //v1/models HTTP/1.1")],
  ["a way out", 404, "unknown_url", line("GET /../../../etc/passwd HTTP/1.1")],
  [
    "a way out, written in percent",
    404,
    "model_not_found",
    line("GET /v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1"),
  ],
  ["backslashes", 400, "invalid_request", line("GET /v1\\..\\..\\etc HTTP/1.1")],
  ["a zero byte in percent", 404, "model_not_found", line("GET /v1/models/echo%00 HTTP/1.1")],
  ["percent alone", 404, "model_not_found", line("GET /v1/models/% HTTP/1.1")],
];

describe("odd bytes", () => {
  let served: Served;
  let port: number;
  beforeAll(async () => {
    served = await start({ serve: { bodyBytes: 65_536 } });
    port = Number(new URL(served.base).port);
  });

  it.each(BAD)("%s: %i %s", async (_, status, code, bytes) => {
    const text = await exchange(port, bytes);
    const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/json/im);
    expect(head).not.toMatch(/access-control/i);
    const { error } = JSON.parse(body) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(error.code).toBe(code);
    expect(String(error.message).length).toBeLessThan(400);
  });

  it("ask the executor nothing, and leave the server as it was", async () => {
    expect(served.fake.chats).toEqual([]);
    expect(served.warnings).toEqual([]);
    expect((await served.chat("q")).status).toBe(200);
  });

  it("are answered in their order where several requests come at once, the second one quicker", async () => {
    served.fake.queue(async ({ response }) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"choices": [{"index": 0, "message": {"content": "slow"}, "finish_reason": "stop"}]}');
    });
    const bytes = [post(ask("one"), JSON_TYPE), post(ask("two"), JSON_TYPE), line("GET /health HTTP/1.1")];
    const text = await exchange(port, Buffer.concat(bytes.map((one) => Buffer.from(one))));
    const order = ["slow", "reply to: two", '"status":"ok"'].map((answer) => text.indexOf(answer));
    expect(order.every((at) => at > 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("are no HEAD: that has the headers alone", async () => {
    const text = await exchange(port, line("HEAD /v1/models HTTP/1.1"));
    expect(text).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n$/);
  });

  it("of an odd name or half a surrogate pair in a text do no harm", async () => {
    const body = ask("\\ud800").replace(
      "{",
      '{"__proto__": {"n": 2}, "constructor": 1, "hasOwnProperty": 2, ',
    );
    const response = await served.post(CHAT.slice(1), body);
    expect(response.status).toBe(200);
    expect(served.warnings).toEqual([]);
    expect((await served.chat("q")).status).toBe(200);
  });
});

describe("requests that never end", () => {
  it("are told so when their time is up", async () => {
    const server = createServer(
      { requestTimeout: 100, headersTimeout: 50, connectionsCheckingInterval: 20 },
      (incoming) => incoming.resume(),
    );
    answerBrokenRequests(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const chunked = `POST / HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`;
    for (const bytes of [chunked, "GET / HTTP/1.1\r\nx: "]) {
      const text = await exchange(port, bytes);
      expect(text).toMatch(/^HTTP\/1.1 408 /);
      expect(text).toContain('"code":"request_timeout"');
    }
    await new Promise((resolve) => server.close(resolve));
  });
});
