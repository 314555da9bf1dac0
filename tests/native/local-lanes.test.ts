/** @file Lanes of a local executor beside the serial engine, over real llama.cpp with a tiny random model. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { makeTinyGguf } from "../../src/formats/gguf/make-tiny-gguf.js";
import type { GenerateRequest } from "../../src/llm/local/local-model.js";
import { LocalModel } from "../../src/llm/local/local-model.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const modelPath = makeTinyGguf(join(useTemporaryFolder()(), "tiny.gguf"), { seed: 8 });
const QUIET = { modelPath, gpu: "off", threads: 1, kvCache: "f32" } as const;
/** Logits of the same model differ by at most about 1e-5 with the company; a tie is far wider. */
const TIE = 1e-2;

let serial: LocalModel;
let lanes: LocalModel;
beforeAll(async () => {
  serial = await LocalModel.load(QUIET);
  lanes = await LocalModel.load({ ...QUIET, lanes: 8 });
});
afterAll(async () => {
  await Promise.all([serial?.close(), lanes?.close()]);
});

const HEAD = "The plan of the day is made of many small steps that follow one another. ".repeat(6);
const random = new Random(4);
const requests = Array.from(
  { length: 24 },
  (_, at): GenerateRequest => ({
    messages: [
      { role: "user", content: `${at % 3 === 0 ? "" : HEAD}Question ${at}: ${random.integer(0, 1e9)}` },
    ],
    candidates: [{ seed: 1, temperature: 0 }],
    maxTokens: 12 + (at % 5),
  }),
);

test("one at a time, greedy replies are the serial engine's, token for token", async () => {
  for (const request of requests.slice(0, 12)) {
    const [expected, found] = [await serial.generate(request), await lanes.generate(request)];
    expect(found.promptTokens).toEqual(expected.promptTokens);
    expect(found.replies).toEqual(expected.replies);
  }
});

test("side by side they differ at ties only", async () => {
  const found = await Promise.all(requests.map((request) => lanes.generate(request)));
  for (const [at, { replies, promptTokens }] of found.entries()) {
    const [expected] = (await serial.generate(requests[at]!)).replies;
    const [reply] = replies;
    const first = reply!.tokens.findIndex((token, i) => token !== expected!.tokens[i]);
    if (first < 0) continue;
    const before = [...promptTokens, ...reply!.tokens.slice(0, first)];
    const logProb = async (token: number) => (await serial.scoreTokens([...before, token])).at(-1) as number;
    expect(
      Math.abs((await logProb(reply!.tokens[first]!)) - (await logProb(expected!.tokens[first]!))),
    ).toBeLessThan(TIE);
  }
});

test("some are given up: the others are answered, and what they share is evaluated once", async () => {
  const settled = await Promise.allSettled(
    requests.map((request, at) => {
      const giveUp = new AbortController();
      if (at % 4 === 1) queueMicrotask(() => giveUp.abort(new Error(`given up ${at}`)));
      return lanes.generate({ ...request, signal: giveUp.signal });
    }),
  );
  for (const [at, one] of settled.entries()) expect(one.status).toBe(at % 4 === 1 ? "rejected" : "fulfilled");
  const { reusedPromptTokens } = await lanes.generate(requests[2]!);
  expect(reusedPromptTokens).toBeGreaterThanOrEqual(128);
});
