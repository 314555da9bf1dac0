/** @file Token counts as servers give them, and an estimate where they give none. */
import { Buffer } from "node:buffer";
import type { ChatMessage, Usage } from "./chat-model.js";

/** UTF-8 bytes per token of common tokenizers on English text and code; scripts with longer characters agree. */
const BYTES_PER_TOKEN = 4;
/** Tokens that a chat template adds around one message. */
const TOKENS_PER_MESSAGE = 4;

/** A rough count from text length, for servers that report none and for forecasts. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

export function estimatePromptTokens(messages: readonly ChatMessage[]): number {
  return sum(messages, ({ content }) => TOKENS_PER_MESSAGE + estimateTokens(content));
}

/**
 * The server's counts where they can be true, else an estimate that is marked as one.
 * Some servers (llama.cpp's) count only the first of several replies, so that for several a count of less
 * than half of what the texts can be is replaced too.
 * @param reported - the `usage` member of a reply, of unknown shape
 */
export function usageOf(
  reported: unknown,
  messages: readonly ChatMessage[],
  texts: readonly string[],
): Usage {
  const counts = (typeof reported === "object" && reported !== null ? reported : {}) as Record<
    string,
    unknown
  >;
  const promptTokens = count(counts.prompt_tokens) || undefined;
  const completionTokens = count(counts.completion_tokens);
  const estimate = sum(texts, estimateTokens);
  const isTrue =
    completionTokens !== undefined &&
    (texts.length < 2 || completionTokens >= Math.max(texts.length, estimate / 2));
  if (promptTokens !== undefined && isTrue) return { promptTokens, completionTokens };
  return {
    promptTokens: promptTokens ?? estimatePromptTokens(messages),
    completionTokens: isTrue ? completionTokens : estimate,
    isEstimated: true,
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

export function addUsage(a: Usage, b: Usage): Usage {
  const total: Usage = {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
  if (a.isEstimated || b.isEstimated) total.isEstimated = true;
  return total;
}

/** A whole number of tokens that a reply can have; everything else is undefined. */
function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 1e9
    ? value
    : undefined;
}
