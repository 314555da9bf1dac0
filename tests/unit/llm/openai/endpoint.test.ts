/** @file Base URLs and keys that are accepted, refused or warned about (D18, V8). */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../../src/core/errors.js";
import { parseEndpoint } from "../../../../src/llm/openai/endpoint.js";
import { OpenAIChatModel } from "../../../../src/llm/openai/openai-chat-model.js";

const KEY = "sk-canary-0123456789abcdef";

describe("refused", () => {
  test.each([
    "",
    "127.0.0.1:8080/v1",
    "localhost:8080",
    "file:///etc/passwd",
    "ftp://host/v1",
    "javascript:alert(1)",
    "https://user:pass@host/v1",
    "https://user@host/v1",
    "https://host/v1?key=abc",
    "https://host/v1#part",
    "http://",
  ])("base URL %s", (baseUrl) => {
    expect(() => parseEndpoint({ baseUrl, apiKey: KEY })).toThrow(ConfigError);
  });

  test("a password in the address is not shown", () => {
    expect(() => parseEndpoint({ baseUrl: "https://user:hunter2hunter2@host/v1" })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });

  test.each(["a b\nc", "schlüssel-123456", "line\r\nx-evil: 1"])("key %j", (apiKey) => {
    expect(() => parseEndpoint({ baseUrl: "https://host/v1", apiKey })).toThrow(ConfigError);
  });

  test.each([{ "x y": "1" }, { "x-a": "1\r\nx-b: 2" }, { "": "1" }])("header %o", (headers) => {
    expect(() => parseEndpoint({ baseUrl: "https://host/v1", headers })).toThrow(ConfigError);
  });

  test.each([
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { maxTokens: -1 },
    { maxConcurrency: 0 },
    { model: " " },
  ])("option %o", (options) => {
    expect(() => new OpenAIChatModel({ baseUrl: "http://127.0.0.1:1/v1", model: "m", ...options })).toThrow(
      ConfigError,
    );
  });
});

describe("accepted", () => {
  test("the printed form has no slash at the end, no query and no key", () => {
    const endpoint = parseEndpoint({
      baseUrl: " https://Host.example/v1/?api-version=2024-10-21 ",
      apiKey: ` ${KEY}\n`,
    });
    expect(endpoint).toMatchObject({
      baseUrl: "https://host.example/v1",
      host: "host.example:443",
      query: { "api-version": "2024-10-21" },
      headers: { "api-key": KEY },
      secrets: [KEY],
      warnings: [],
    });
  });

  test.each([
    ["http://example.com/v1", KEY, 1],
    ["http://example.com/v1", undefined, 0],
    ["http://127.0.0.1:8080/v1", KEY, 0],
    ["http://127.9.9.9:8080/v1", KEY, 0],
    ["http://localhost/v1", KEY, 0],
    ["http://[::1]:80/v1", KEY, 0],
    ["http://127.0.0.1.example.com/v1", KEY, 1],
    ["https://example.com/v1", KEY, 0],
  ])("%s with key %s warns %i times", (baseUrl, apiKey, count) => {
    expect(parseEndpoint({ baseUrl, ...(apiKey ? { apiKey } : {}) }).warnings).toHaveLength(count);
  });

  test("the model prints no key", async () => {
    const model = new OpenAIChatModel({ baseUrl: "https://host/v1", model: "m", apiKey: KEY });
    const { inspect } = await import("node:util");
    expect(`${inspect(model, { depth: 9, showHidden: true })}${JSON.stringify(model)}`).not.toContain(
      KEY.slice(0, 12),
    );
    expect(model.id).toBe("openai:https://host/v1#m");
  });
});
