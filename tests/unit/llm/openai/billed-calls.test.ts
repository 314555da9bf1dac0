/** @file What a call cost is the sum over all answers it got, usable or not, and an error carries it too. */
import { afterEach, expect, test } from "vitest";
import type { ChatRequest } from "../../../../src/llm/chat-model.js";
import { OpenAIChatModel } from "../../../../src/llm/openai/openai-chat-model.js";
import { RateLimiter } from "../../../../src/llm/openai/rate-limiter.js";
import { completion, type Fault, faults, startFakeOpenAI } from "../../../support/fake-openai-server.js";
import { VirtualClock } from "../../../support/virtual-clock.js";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

const usage = (prompt_tokens: number, completion_tokens: number) => ({
  usage: { prompt_tokens, completion_tokens },
});
const texts = (given: string[], more: object) => faults.status(200, completion("m", given, more));
const chunk = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const piece = (content: string, finish_reason: string | null = null) =>
  chunk({ choices: [{ index: 0, delta: { content }, finish_reason }] });

/** The outcome of one call to a server that gives these answers, then always the last. */
async function outcome(answers: Fault[], request: Partial<ChatRequest> = {}) {
  let count = 0;
  const server = await startFakeOpenAI({
    models: null,
    intercept: () => answers[Math.min(count++, answers.length - 1)],
  });
  const model = new OpenAIChatModel({
    baseUrl: server.baseUrl,
    model: "m",
    maxRetries: 1,
    limiter: new RateLimiter({ clock: new VirtualClock() }),
  });
  cleanup.push(
    () => model.close(),
    () => server.close(),
  );
  return await model.chat({ messages: [{ role: "user", content: "hi" }], ...request }).then(
    (result) => ({ kind: "answered", usage: result.usage }),
    (error: { kind: string; usage: unknown }) => ({ kind: error.kind, usage: error.usage }),
  );
}

test.each<[string, Fault[], Partial<ChatRequest>, string, number, number]>([
  [
    "the good ones of n, and the one asked for again",
    [texts(["one", "", "three"], usage(10, 30)), texts([""], usage(10, 4))],
    { n: 3 },
    "empty",
    20,
    34,
  ],
  [
    "an empty reply before the answer",
    [texts([""], usage(10, 4)), texts(["18"], usage(10, 5))],
    {},
    "answered",
    20,
    9,
  ],
  [
    "a refusal",
    [faults.status(200, { choices: [{ message: { refusal: "no" } }], ...usage(7, 3) })],
    {},
    "refused",
    7,
    3,
  ],
  [
    "an error inside a 200 that was billed",
    [
      faults.status(200, { error: { message: "gone", code: 502 }, ...usage(5, 1) }),
      texts(["18"], usage(5, 2)),
    ],
    {},
    "answered",
    10,
    3,
  ],
  [
    "half a stream, then a whole one",
    [
      faults.stream([piece("ha"), chunk({ choices: [], ...usage(9, 1) })]),
      faults.stream([piece("whole", "stop"), chunk({ choices: [], ...usage(9, 2) }), "data: [DONE]\n\n"]),
    ],
    {},
    "answered",
    18,
    3,
  ],
  [
    "a reply that is no completion",
    [faults.status(200, { choices: "x", ...usage(6, 2) })],
    {},
    "bad-reply",
    12,
    4,
  ],
  [
    "errors in choices, to the last try",
    [
      faults.status(200, {
        choices: [{ message: { content: "ha" }, finish_reason: "error" }],
        ...usage(8, 2),
      }),
    ],
    {},
    "server",
    16,
    4,
  ],
])("%s", async (_name, answers, request, kind, promptTokens, completionTokens) => {
  const requests = answers.length > 1 || kind === "bad-reply" || kind === "server" ? 2 : undefined;
  expect(await outcome(answers, request)).toEqual({
    kind,
    usage: { promptTokens, completionTokens, requests },
  });
});

test("a server that ignores n was asked once for each reply", async () => {
  const charged = { usage: { prompt_tokens: 7, completion_tokens: 2, cost: 0.25 } };
  expect(await outcome([texts(["18"], charged)], { n: 3 })).toEqual({
    kind: "answered",
    usage: { promptTokens: 21, completionTokens: 6, requests: 3, dollars: 0.75 },
  });
});

test("half a stream without counts is estimated from what came, and marked", async () => {
  const half = faults.stream([piece("half of what the model wrote")]);
  const { kind, usage } = await outcome([half]);
  expect(kind).toBe("server");
  expect(usage).toMatchObject({ isEstimated: true });
});

test("nothing is billed where nothing came", async () => {
  expect(await outcome([faults.status(500)])).toEqual({ kind: "server", usage: undefined });
});
