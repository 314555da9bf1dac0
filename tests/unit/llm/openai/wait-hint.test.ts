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
