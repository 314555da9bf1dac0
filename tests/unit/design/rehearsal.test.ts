/** @file A local model before its first turn: too small a context is refused, and its speed is taken from a short prompt. */
import { describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.js";
import { rehearse } from "../../../src/design/rehearsal.js";
import type { GenerateRequest } from "../../../src/llm/local/local-model.js";

/** A model that gives each word a token, takes 2 ms for one of a prompt and 50 ms for one of a reply. */
function model(contextLength: number) {
  const asked: GenerateRequest[] = [];
  const tokensOf = (messages: GenerateRequest["messages"]) =>
    messages.flatMap(({ content }) => content.split(" ")).map((_, at) => at);
  return {
    asked,
    info: { modelPath: "small.gguf", contextLength } as never,
    renderPrompt: async (messages: GenerateRequest["messages"]) => ({ text: "", tokens: tokensOf(messages) }),
    generate: async (request: GenerateRequest) => {
      asked.push(request);
      const promptTokens = tokensOf(request.messages);
      return {
        promptTokens,
        replies: request.candidates.map(() => ({
          text: "",
          tokens: [1, 2, 3, 4],
          finishReason: "length" as const,
        })),
        reusedPromptTokens: 20,
        timings: { prefillMs: (promptTokens.length - 20) * 2, decodeMs: 200, sampleMs: 40 },
      };
    },
  };
}

const PROMPT = [{ role: "user" as const, content: "word ".repeat(1000).trim() }];
const ORDER = { style: "compact" as const, maxTokens: 600, candidates: 4, grammar: "root ::= x" };

describe("rehearse", () => {
  it("takes the speed from the beginning of the prompt and a few tokens, all candidates beside each other", async () => {
    const small = model(4096);
    const pace = await rehearse(small, PROMPT, ORDER);
    expect(pace.perPromptToken).toBeCloseTo(0.002, 6);
    expect(pace.perReplyToken).toBeCloseTo(0.04, 6);
    // 1000 tokens of the prompt and 80 of a failure, then 330 of a candidate.
    expect(pace.perTurn).toBeCloseTo(1080 * 0.002 + 330 * 0.05, 6);
    expect(small.asked).toHaveLength(1);
    const [{ messages, candidates, maxTokens }] = small.asked as [GenerateRequest];
    expect(messages[0]?.content).toHaveLength(600);
    expect(candidates.map(({ grammar }) => grammar)).toEqual(Array(4).fill("root ::= x"));
    expect(maxTokens).toBe(8);
  });

  it("refuses a context that prompt and reply do not fit, and says what to do", async () => {
    const small = model(1679);
    const refusal = rehearse(small, PROMPT, ORDER);
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(
      "small.gguf has a context of 1679 tokens; the first prompt takes about 1080, a reply up to 600",
    );
    await expect(refusal).rejects.toMatchObject({ hint: expect.stringContaining("longer context") });
    expect(small.asked).toEqual([]);
    await expect(rehearse(model(1680), PROMPT, ORDER)).resolves.toBeDefined();
    await expect(rehearse(model(1000), PROMPT, { ...ORDER, style: "full" })).rejects.toMatchObject({
      hint: expect.stringContaining("--prompt-style compact"),
    });
  });
});
