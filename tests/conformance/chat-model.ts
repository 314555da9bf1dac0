/** @file What every chat model must do; run on each implementation. */
import { afterEach, describe, expect, test } from "vitest";
import { W4sError } from "../../src/core/errors.js";
import type { ChatModel, ChatRequest } from "../../src/llm/chat-model.js";

/** The requests of the suite, so that a replay can be recorded beforehand. */
export const conformanceRequests = {
  plain: { messages: [{ role: "user", content: "Say hello." }], maxTokens: 32 },
  several: {
    messages: [
      { role: "system", content: "You are brief." },
      { role: "user", content: "Name a colour." },
      { role: "assistant", content: "red" },
      { role: "user", content: 'Another one — größer, 日本語, \u{1f600}, "quoted"\n\tand `code`.' },
    ],
    n: 3,
    temperature: 0.8,
    seed: 12,
    maxTokens: 16,
  },
} as const satisfies Record<string, ChatRequest>;

/**
 * @param name - shown in the test report
 * @param makeModel - a fresh model that can answer `conformanceRequests` at least ten times each; closed by the suite
 */
export function chatModelConformance(name: string, makeModel: () => Promise<ChatModel> | ChatModel): void {
  const open: ChatModel[] = [];
  const make = async () => {
    const model = await makeModel();
    open.push(model);
    return model;
  };
  afterEach(async () => {
    for (const model of open.splice(0)) await model.close();
  });

  describe(`chat model: ${name}`, () => {
    test("has a stable id without secrets or line breaks", async () => {
      const model = await make();
      expect(model.id).toMatch(/^[^\s]+( [^\s]+)*$/);
      expect((await make()).id).toBe(model.id);
      expect(typeof model.isSimulated).toBe("boolean");
    });

    test("one reply by default: a text, a finish reason, counts, a name", async () => {
      const result = await (await make()).chat(conformanceRequests.plain);
      expect(result.texts).toHaveLength(1);
      expect(result.texts[0]?.trim()).not.toBe("");
      expect(result.finishReasons).toHaveLength(1);
      expect(["stop", "length", "unknown"]).toContain(result.finishReasons[0]);
      for (const count of [result.usage.promptTokens, result.usage.completionTokens]) {
        expect(Number.isInteger(count)).toBe(true);
        expect(count).toBeGreaterThan(0);
      }
      expect(result.model).not.toBe("");
    });

    test("exactly n non-empty replies", async () => {
      const result = await (await make()).chat(conformanceRequests.several);
      expect(result.texts).toHaveLength(3);
      expect(result.finishReasons).toHaveLength(3);
      for (const text of result.texts) expect(text.trim()).not.toBe("");
    });

    test("the result is plain JSON: it can be stored and read back", async () => {
      const result = await (await make()).chat(conformanceRequests.plain);
      expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    });

    test("does not change the request", async () => {
      const request = structuredClone(conformanceRequests.several);
      await (await make()).chat(request);
      expect(request).toEqual(conformanceRequests.several);
    });

    test("several calls at once", async () => {
      const model = await make();
      const results = await Promise.all(
        Array.from({ length: 4 }, () => model.chat(conformanceRequests.plain)),
      );
      for (const { texts } of results) expect(texts).toHaveLength(1);
    });

    test("an aborted signal rejects with its reason, and the model goes on", async () => {
      const model = await make();
      const reason = new Error("not any more");
      const signal = AbortSignal.abort(reason);
      await expect(model.chat({ ...conformanceRequests.plain, signal })).rejects.toBe(reason);
      expect((await model.chat(conformanceRequests.plain)).texts).toHaveLength(1);
    });

    test("aborting during a call settles it", async () => {
      const model = await make();
      const controller = new AbortController();
      const call = model.chat({ ...conformanceRequests.plain, signal: controller.signal });
      const reason = new Error("changed my mind");
      controller.abort(reason);
      const outcome = await call.then(
        (result) => result.texts.length,
        (error: unknown) => error,
      );
      // A model that was done already may answer.
      expect([1, reason]).toContain(outcome);
    });

    test.each([0, -1, 1.5, 65, Number.NaN])("n = %d is refused with a typed error", async (n) => {
      const model = await make();
      const error = await model.chat({ ...conformanceRequests.plain, n }).catch((reason: unknown) => reason);
      expect(W4sError.is(error)).toBe(true);
    });

    test("preflight, where there is one, lists models", async () => {
      const model = await make();
      if (model.preflight) expect(Array.isArray((await model.preflight()).models)).toBe(true);
    });

    test("closing twice is harmless", async () => {
      const model = await make();
      await model.close();
      await model.close();
    });
  });
}
