/** @file Thinking of local models: taken out of replies, and given room once where it uses them up. */
import { expect, test } from "vitest";
import { LocalChatModel } from "../../../src/llm/local/local-chat-model.js";
import type { GenerateRequest, LocalModel } from "../../../src/llm/local/local-model.js";

/** A model that thinks for 1,000 tokens before it answers. */
function thinker(): { model: LocalModel; asked: GenerateRequest[] } {
  const asked: GenerateRequest[] = [];
  const generate = async (request: GenerateRequest) => {
    asked.push(request);
    const isCut = request.maxTokens < 1000;
    const text = isCut ? "<think>maybe 81" : "<think>maybe 81</think>\n\n18";
    const tokens = Array.from({ length: Math.min(1000, request.maxTokens) }, () => 0);
    return {
      promptTokens: [1, 2],
      timings: { prefillMs: 1, decodeMs: 2 },
      replies: [{ text, tokens, finishReason: isCut ? "length" : "stop" }],
    };
  };
  return { model: { info: { id: "local:x" }, generate } as unknown as LocalModel, asked };
}

const ask = (maxTokens?: number) => ({ messages: [{ role: "user" as const, content: "9 + 9?" }], maxTokens });

test("room is given once and stays; both replies are counted", async () => {
  const { model, asked } = thinker();
  const chat = new LocalChatModel(model);
  expect(await chat.chat(ask())).toMatchObject({
    texts: ["18"],
    thoughts: ["<think>maybe 81</think>"],
    usage: { promptTokens: 4, completionTokens: 1768 },
  });
  await expect(chat.chat(ask(20))).rejects.toMatchObject({
    kind: "length",
    usage: { promptTokens: 2, completionTokens: 80 },
  });
  expect(asked.map(({ maxTokens }) => maxTokens)).toEqual([768, 3072, 80]);
});

test("thinking is asked for only where it is wanted, under a name of its own", async () => {
  const { model, asked } = thinker();
  for (const isThinking of [undefined, false, true])
    await new LocalChatModel(model, isThinking).chat(ask(2000));
  expect(asked.map(({ isThinking }) => isThinking ?? false)).toEqual([false, false, true]);
  expect(new LocalChatModel(model).id).toBe("local:x");
  expect(new LocalChatModel(model, true).id).not.toBe("local:x");
});
