/** @file Every way a server says how long to wait. */
import { expect, test } from "vitest";
import { waitHint } from "../../../../src/llm/openai/wait-hint.js";

const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);
const DATE = "Sun, 22 Nov 2026 10:00:00 GMT";

test.each<[Record<string, string>, number | undefined]>([
  [{ "retry-after": "1" }, 1000],
  [{ "retry-after": " 2.5 " }, 2500],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "-3" }, undefined],
  [{ "retry-after": "1e3" }, undefined],
  [{ "retry-after": "0x10" }, undefined],
  [{ "retry-after": "Infinity" }, undefined],
  [{ "retry-after": "later" }, undefined],
  [{ "retry-after": "" }, undefined],
  [{ "retry-after": "99999999999999999999" }, undefined],
  [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
  [{ "retry-after-ms": "x", "retry-after": "9" }, 9000],
  [{ "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT" }, 30_000],
  [{ "retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", date: "Sun, 22 Nov 2026 12:00:00 GMT" }, 30_000],
  [{ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", date: DATE }, undefined],
  [{ "retry-after": "Someday, 99 Foo" }, undefined],
  [{ "x-ratelimit-reset": "1m30s" }, 90_000],
  [{ "x-ratelimit-reset": "20ms" }, 20],
  [{ "x-ratelimit-reset": "6m0s" }, 360_000],
  [{ "x-ratelimit-reset": "1h2m3.5s" }, 3_723_500],
  [{ "x-ratelimit-reset": "12" }, 12_000],
  [{ "x-ratelimit-reset": String(NOW / 1000 + 7) }, 7000],
  [{ "x-ratelimit-reset": String(NOW + 7000) }, 7000],
  [{ "x-ratelimit-reset": String(NOW / 1000 - 7) }, 0],
  [{ "x-ratelimit-reset": "1m30" }, undefined],
  [{ "x-ratelimit-reset": "-5s" }, undefined],
  [{ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s" }, 1000],
  [
    {
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-reset-tokens": "6m0s",
      "x-ratelimit-remaining-tokens": "0",
    },
    360_000,
  ],
  [{}, undefined],
])("%o", (headers, expected) => {
  expect(waitHint(new Headers(headers), NOW)?.waitMs).toBe(expected);
});

test("only Retry-After is a demand", () => {
  expect(waitHint(new Headers({ "retry-after": "3" }), NOW)?.isDemand).toBe(true);
  expect(waitHint(new Headers({ "x-ratelimit-reset": "3s" }), NOW)?.isDemand).toBe(false);
});

test.each<[string, number | undefined]>([
  ["Rate limit reached … Limit 3. Please try again in 1.2s.", 1200],
  ["Please try again in 6m0s.", 360_000],
  ["Please try again in 698ms.", 698],
  ["Please retry in 17.3s.", 17_300],
  ["Please retry after 20 seconds.", 20_000],
  ["Try again in 1 minute, 5 seconds.", 65_000],
  ["try again in about 2 hours", 7_200_000],
  ['{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}}', 17_000],
  ['{"retryDelay":"0.5s","message":"retry in 1.3s"}', 1300],
  ['{"retry_after": 3}', 3000],
  ['{"retry_after_ms": 250}', 250],
  ["You sent 20 seconds of audio", undefined],
  ["Try again in 3 apples", undefined],
  ["Please try again later.", undefined],
  ["", undefined],
])("a body: %s", (body, expected) => {
  expect(waitHint(new Headers(), NOW, body)?.waitMs).toBe(expected);
});

test("of a header and a body the longer wait counts; both come before a window that resets", () => {
  const body = "try again in 1.2s";
  expect(waitHint(new Headers({ "retry-after": "1" }), NOW, body)?.waitMs).toBe(1200);
  expect(waitHint(new Headers({ "retry-after-ms": "1500" }), NOW, body)?.waitMs).toBe(1500);
  expect(waitHint(new Headers({ "x-ratelimit-reset": "9s" }), NOW, body)).toEqual({
    waitMs: 1200,
    isDemand: true,
  });
});
