/** @file What an error of a server is taken for, in the words of many servers. */
import { describe, expect, test } from "vitest";
import { failureOfReply } from "../../../../src/llm/openai/call-failure.js";

function kindOf(status: number, body: unknown, hint?: { waitMs: number; isDemand: boolean }): string {
  const { error, rule } = failureOfReply({
    status,
    body: JSON.stringify(body),
    contentType: "application/json",
    where: "m at http://h/v1",
    redact: (text) => text,
    hint,
  });
  return rule === "never" ? error.kind : `${error.kind}, ${rule}`;
}
const says = (message: string, more: object = {}) => ({ error: { message, ...more } });

describe("a prompt that does not fit", () => {
  test.each([
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in the completion).",
    "Please reduce the length of the messages or completion.",
    "prompt is too long: 200001 tokens > 200000 maximum",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 512 `max_new_tokens`",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
    "Input is too long for requested model.",
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "Requested token count exceeds the model's maximum context length of 4096 tokens.",
    "Trying to keep the first 900 tokens when context the overflows.",
    "the request exceeds the available context size, try increasing it",
    "input length exceeds the context length",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081",
  ])("%s", (message) => {
    expect(kindOf(400, says(message))).toBe("context-length");
  });

  test("by code, by status, and where a minute's whole limit is smaller", () => {
    expect(kindOf(400, says("no", { code: "context_length_exceeded" }))).toBe("context-length");
    expect(kindOf(413, says("no"))).toBe("context-length");
    expect(kindOf(400, says("no", { n_prompt_tokens: 900, n_ctx: 512 }))).toBe("context-length");
    const large = "Rate limit reached on tokens per min (TPM): Limit 6000, Requested 8000.";
    expect(kindOf(429, says(large))).toBe("context-length");
  });

  test.each([
    "'n' : number must be at most 1",
    "System role not supported",
    "`temperature` is deprecated for this model.",
    "'response_format.type' must be 'json_schema' or 'text'",
    "max_tokens must be at least 1",
    "Unknown parameter: 'seed'",
  ])("is not what %s means", (message) => {
    expect(kindOf(400, says(message))).toBe("bad-request");
  });
});

describe("limits and accounts", () => {
  const quota = "You exceeded your current quota, please check your plan and billing details.";
  test.each([
    [429, says("slow down"), undefined, "rate-limit, rate-limit"],
    [429, says(`${quota} Please retry in 17.3s.`, { code: 429 }), undefined, "rate-limit, rate-limit"],
    [
      429,
      [{ error: { message: quota, details: [{ retryDelay: "17s" }] } }],
      undefined,
      "rate-limit, rate-limit",
    ],
    [429, says(quota), { waitMs: 1000, isDemand: true }, "rate-limit, rate-limit"],
    [
      429,
      says("TPM: Limit 30000, Used 29000, Requested 3000. Please try again in 4s."),
      undefined,
      "rate-limit, rate-limit",
    ],
    [429, says(quota), undefined, "quota"],
    [429, says(`${quota} Try again in an hour.`, { code: "insufficient_quota" }), undefined, "quota"],
    [402, says("Insufficient credits"), undefined, "quota"],
    [400, says("Your credit balance is too low to access the API."), undefined, "quota"],
    [401, says("no"), undefined, "auth"],
    [403, says("no"), undefined, "auth"],
  ])("%i %j with a wait of %j is %s", (status, body, hint, kind) => {
    expect(kindOf(status, body, hint)).toBe(kind);
  });
});

describe("prompts that are not liked", () => {
  test.each([
    [403, says("requires moderation", { metadata: { reasons: ["x"], flagged_input: "y" } })],
    [400, says("filtered", { code: "content_filter" })],
    [400, says("Input data may contain inappropriate content.", { code: "data_inspection_failed" })],
    [200, says("Your input was flagged", { code: 403 })],
  ])("%i %j", (status, body) => {
    expect(kindOf(status, body)).toBe("refused");
  });
});

describe("inside a 200", () => {
  test.each([
    [{ code: 502 }, "server, count"],
    [{ code: "503" }, "server, count"],
    [{}, "server, count"],
    [{ code: 429 }, "rate-limit, rate-limit"],
    [{ code: 400 }, "bad-request"],
    [{ code: 408 }, "server, count"],
  ])("%j", (more, kind) => {
    expect(kindOf(200, says("Provider returned error", more))).toBe(kind);
  });
});

test("a parameter is no model, whatever the words", () => {
  const message = "The model does not know this: unknown value";
  expect(kindOf(400, says(message, { param: "seed" }))).toBe("bad-request");
  expect(kindOf(400, says(message, { param: "model" }))).toBe("model-not-found");
});
