/** @file 2,000 random bodies, statuses and cuts: every call settles, with a typed error or whole texts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { W4sError } from "../../../../src/core/errors.js";
import { Random } from "../../../../src/core/random.js";
import { OpenAIChatModel } from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import {
  completion,
  type Fault,
  faults,
  startFakeOpenAI,
  streamEvents,
} from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const CALLS = 2000;
const seed = Number(process.env.W4S_FUZZ_SEED ?? 20261122);
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeAll(() => {
  process.on("unhandledRejection", note);
});
afterAll(() => {
  process.off("unhandledRejection", note);
});

/** A JSON value of any shape, now and then with the members a reply has. */
function randomJson(random: Random, depth = 0): unknown {
  const scalars = [null, true, 0, -1, 1e300, "", "text", "\u0000\ud800", []];
  if (depth > 4 || random.chance(0.4)) return random.pick(scalars);
  if (random.chance(0.3))
    return Array.from({ length: random.integer(0, 3) }, () => randomJson(random, depth + 1));
  const names = [
    "choices",
    "message",
    "content",
    "finish_reason",
    "usage",
    "error",
    "model",
    "index",
    "delta",
    "__proto__",
  ];
  return Object.fromEntries(
    Array.from({ length: random.integer(0, 4) }, () => [random.pick(names), randomJson(random, depth + 1)]),
  );
}

function randomBody(random: Random): string {
  const good = JSON.stringify(completion("fake-model", ["an answer"]));
  const stream = `${streamEvents("fake-model", ["an answer"]).join("")}data: [DONE]\n\n`;
  const base = random.pick([good, good, stream, "<html>", "", JSON.stringify(randomJson(random))]);
  let body = base;
  if (random.chance(0.4)) body = body.slice(0, random.integer(0, body.length));
  for (let flips = random.integer(0, 3); flips > 0 && body.length > 0; flips--) {
    const at = random.integer(0, body.length - 1);
    body = body.slice(0, at) + String.fromCharCode(random.integer(0, 255)) + body.slice(at + 1);
  }
  return body;
}

function randomFault(random: Random): Fault {
  const kind = random.integer(0, 49);
  if (kind === 0) return faults.reset();
  if (kind === 1) return faults.cutBody(randomBody(random));
  if (kind === 2) return faults.silence();
  if (kind === 3) return faults.drip(5);
  const status = random.chance(0.5)
    ? 200
    : random.pick([
        200, 201, 204, 301, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 599,
      ]);
  const type = random.pick([
    "application/json",
    "application/json",
    "text/event-stream",
    "text/html",
    "text/plain",
    "x",
  ]);
  const headers: Record<string, string> = { "content-type": type };
  if (random.chance(0.2))
    headers["retry-after"] = random.pick(["1", "-1", "x", "99999", "Sun, 22 Nov 2026 10:00:00 GMT"]);
  if (random.chance(0.05)) headers["content-encoding"] = random.pick(["gzip", "br", "nonsense"]);
  return faults.status(status, randomBody(random), headers);
}

test(`${CALLS} faults, seed ${seed}`, async () => {
  const random = new Random(seed);
  const server = await startFakeOpenAI({
    intercept: (request) => (request.path.endsWith("/chat/completions") ? randomFault(random) : undefined),
  });
  let settled = 0;
  let answered = 0;
  let untyped: unknown;
  const lane = async (lane: number) => {
    while (server.chats.length < CALLS) {
      // A fatal error ends an endpoint's run: each begins anew.
      const model = new OpenAIChatModel({
        baseUrl: server.baseUrl,
        model: "fake-model",
        apiKey: "sk-canary-0123456789abcdef",
        timeoutMs: 500,
        idleTimeoutMs: 250,
        maxRetries: 2,
        stream: lane % 2 === 0,
        limiter: new RateLimiter({ clock: new VirtualClock(0), seed: lane }),
      });
      for (let calls = 0; calls < 5; calls++) {
        try {
          const { texts } = await model.chat({
            messages: [{ role: "user", content: "x" }],
            n: 1 + (calls % 2),
          });
          answered++;
          if (texts.some((text) => text.trim() === "")) untyped = "empty text";
        } catch (error) {
          if (!W4sError.is(error)) untyped = error;
          else if (error.message.includes("sk-canary-01")) untyped = new Error("the key was shown");
        }
        settled++;
      }
      await model.close();
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, index) => lane(index)));
  await server.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(untyped).toBeUndefined();
  expect(unhandled).toEqual([]);
  expect(settled).toBeGreaterThan(300);
  expect(answered).toBeGreaterThan(0);
});
