/** @file A workflow behind `w4s serve` as a model of Vercel's AI SDK: only the base URL is another. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

/** @param baseURL - what `w4s serve` printed, such as http://127.0.0.1:8484/v1 */
export function servedWorkflows(baseURL: string, apiKey = "none") {
  return createOpenAICompatible({ name: "w4s", baseURL, apiKey, includeUsage: true });
}

/** One answer of a served workflow, with its tokens. @param model - name under which it is served */
export async function ask(baseURL: string, model: string, prompt: string) {
  const { text, usage } = await generateText({ model: servedWorkflows(baseURL)(model), prompt });
  return { text, tokens: usage.totalTokens };
}

/** The same as a stream of text. */
export function askStreaming(baseURL: string, model: string, prompt: string): AsyncIterable<string> {
  return streamText({ model: servedWorkflows(baseURL)(model), prompt }).textStream;
}
