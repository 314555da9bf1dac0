/** @file Token counts as servers report them, and what they bill beside their completion. */
import { describe, expect, test } from "vitest";
import { addUsage, mostUsage, usageOf } from "../../../src/llm/token-usage.js";

const messages = [{ role: "user" as const, content: "What is 9 + 9?" }];

describe("usageOf", () => {
  test.each([
    // Gemini: the completion leaves thinking out, the total does not.
    [
      { prompt_tokens: 12, completion_tokens: 198, total_tokens: 615 },
      { promptTokens: 12, completionTokens: 603, thinkingTokens: 405 },
    ],
    // xAI: the same, and said.
    [
      {
        prompt_tokens: 32,
        completion_tokens: 9,
        total_tokens: 135,
        completion_tokens_details: { reasoning_tokens: 94 },
      },
      { promptTokens: 32, completionTokens: 103, thinkingTokens: 94 },
    ],
    // Without a total, reasoning that is more than the completion is not in it.
    [
      { prompt_tokens: 32, completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 94 } },
      { promptTokens: 32, completionTokens: 103, thinkingTokens: 94 },
    ],
    // OpenAI: thinking is part of the completion.
    [
      {
        prompt_tokens: 2006,
        completion_tokens: 300,
        total_tokens: 2306,
        prompt_tokens_details: { cached_tokens: 1920 },
        completion_tokens_details: { reasoning_tokens: 256 },
      },
      { promptTokens: 2006, completionTokens: 300, cachedTokens: 1920, thinkingTokens: 256 },
    ],
    // DeepSeek names its cache in another way.
    [
      { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105, prompt_cache_hit_tokens: 64 },
      { promptTokens: 100, completionTokens: 5, cachedTokens: 64 },
    ],
    // A total that is less, or no number, says nothing.
    [
      { prompt_tokens: 100, completion_tokens: 5, total_tokens: 50 },
      { promptTokens: 100, completionTokens: 5 },
    ],
    [
      { prompt_tokens: 100, completion_tokens: 5, total_tokens: -1 },
      { promptTokens: 100, completionTokens: 5 },
    ],
    [
      { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: null, completion_tokens_details: 7 },
      { promptTokens: 100, completionTokens: 5 },
    ],
    // Only the total: all but the prompt is completion.
    [
      { prompt_tokens: 20, total_tokens: 26 },
      { promptTokens: 20, completionTokens: 6, thinkingTokens: 6 },
    ],
    [
      { prompt_tokens: 20, completion_tokens: 0, total_tokens: 20 },
      { promptTokens: 20, completionTokens: 0 },
    ],
  ])("%j", (reported, usage) => {
    expect(usageOf(reported, messages, ["18"])).toEqual(usage);
  });

  test.each<[object, number | undefined]>([
    [{ cost: 0.0021 }, 0.0021],
    [{ cost: 0 }, 0],
    [{ cost: "0.5" }, 0.5],
    // Perplexity's parts.
    [{ cost: { input_tokens_cost: 0.1, output_tokens_cost: 0.2, total_cost: 0.35 } }, 0.35],
    // What the provider costs the router is no matter of ours, unless the provider's key is.
    [{ cost: 0.02, is_byok: false, cost_details: { upstream_inference_cost: 0.019 } }, 0.02],
    [{ cost: 0.001, is_byok: true, cost_details: { upstream_inference_cost: 0.019 } }, 0.02],
    [{ cost: 0.001, is_byok: true, cost_details: null }, 0.001],
    ...[-1, null, "", " ", "free", Number.NaN, 1e9, {}, [], true].map((cost): [object, undefined] => [
      { cost },
      undefined,
    ]),
  ])("charge of %j", (cost, dollars) => {
    const usage = usageOf({ prompt_tokens: 10, completion_tokens: 2, ...cost }, messages, ["18"]);
    expect(usage.dollars === undefined ? undefined : Number(usage.dollars.toFixed(9))).toBe(dollars);
  });

  test("what is not reported is estimated and marked", () => {
    for (const reported of [undefined, null, "many", {}, { prompt_tokens: 1.5, completion_tokens: -2 }])
      expect(usageOf(reported, messages, ["eighteen"])).toEqual({
        promptTokens: 8,
        completionTokens: 2,
        isEstimated: true,
      });
    // llama.cpp's count of the first of three.
    expect(
      usageOf({ prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 }, messages, [
        "a b c",
        "d e f",
        "g h i",
      ]),
    ).toEqual({ promptTokens: 20, completionTokens: 6, isEstimated: true });
  });
});

test("sums keep what is cached, thought and estimated", () => {
  const a = { promptTokens: 1, completionTokens: 2, cachedTokens: 1 };
  const b = { promptTokens: 10, completionTokens: 20, thinkingTokens: 5, isEstimated: true };
  const sum = {
    promptTokens: 11,
    completionTokens: 22,
    cachedTokens: 1,
    thinkingTokens: 5,
    isEstimated: true,
    requests: 2,
  };
  expect(addUsage(a, b)).toEqual(sum);
  expect(addUsage(b, a)).toEqual(sum);
  expect(addUsage(a, a)).toEqual({ promptTokens: 2, completionTokens: 4, cachedTokens: 2, requests: 2 });
  const charged = { ...a, dollars: 0.5 };
  expect(addUsage(addUsage(charged, charged), charged)).toMatchObject({ dollars: 1.5, requests: 3 });
  // Half a charge would be too little: the price of all tokens says more.
  expect(addUsage(charged, b).dollars).toBeUndefined();
});

test("the most a request can be billed counts every reply at its limit", () => {
  expect(mostUsage({ messages, n: 16, maxTokens: 100 })).toEqual({
    promptTokens: 16,
    completionTokens: 1600,
  });
});
