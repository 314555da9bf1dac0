/** @file Token counts as servers give them, and an estimate where they give none. */
import { Buffer } from "node:buffer";
import type { ChatMessage, ChatRequest, Usage } from "./chat-model.js";

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
 * The most tokens that a server should bill for a request: twice the estimate of its prompt, and all of its replies as long as
 * they may be.
 * @param replyTokens - limit of a reply where the request sets none
 */
export function mostUsage({ messages, n = 1, maxTokens }: ChatRequest, replyTokens = 2048): Usage {
  return {
    promptTokens: 2 * estimatePromptTokens(messages),
    completionTokens: n * (maxTokens ?? replyTokens),
  };
}

/**
 * The server's counts where they can be true, else an estimate that is marked as one.
 * Some servers (llama.cpp's) count only the first of several replies, so that for several a count of less
 * than half of what the texts can be is replaced too. Thinking that a server bills and leaves out of its completion
 * (Gemini, xAI) is what its total has more, and counts as completion.
 * @param reported - the `usage` member of a reply, of unknown shape
 */
export function usageOf(
  reported: unknown,
  messages: readonly ChatMessage[],
  texts: readonly string[],
): Usage {
  const counts = record(reported);
  const promptTokens = count(counts.prompt_tokens) || undefined;
  const answered = count(counts.completion_tokens);
  const reasoning = count(record(counts.completion_tokens_details).reasoning_tokens);
  const hidden =
    (count(counts.total_tokens) ?? 0) - (promptTokens ?? Number.POSITIVE_INFINITY) - (answered ?? 0);
  // Reasoning that is more than the whole completion can not be part of it.
  const left = Math.max(hidden, reasoning !== undefined && reasoning > (answered ?? 0) ? reasoning : 0);
  const completionTokens = left > 0 ? (answered ?? 0) + left : answered;
  const estimate = sum(texts, estimateTokens);
  const isTrue =
    completionTokens !== undefined &&
    (texts.length < 2 || completionTokens >= Math.max(texts.length, estimate / 2));
  const usage: Usage = {
    promptTokens: promptTokens ?? estimatePromptTokens(messages),
    completionTokens: isTrue ? completionTokens : estimate,
  };
  const cached =
    count(record(counts.prompt_tokens_details).cached_tokens) ?? count(counts.prompt_cache_hit_tokens);
  if (promptTokens !== undefined && cached) usage.cachedTokens = Math.min(cached, promptTokens);
  if (isTrue && (reasoning || left > 0)) usage.thinkingTokens = Math.max(reasoning ?? 0, left);
  if (promptTokens === undefined || !isTrue) usage.isEstimated = true;
  usage.dollars = chargeOf(counts);
  return usage;
}

/**
 * Dollars that a router (OpenRouter; Perplexity, as a sum of parts) says it charged; with a key of the user's own at a provider,
 * what that one charges is paid beside its fee.
 */
function chargeOf({ cost, cost_details, is_byok }: Record<string, unknown>): number | undefined {
  const charged = amount(typeof cost === "object" ? record(cost).total_cost : cost);
  if (charged === undefined || is_byok !== true) return charged;
  return charged + (amount(record(cost_details).upstream_inference_cost) ?? 0);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Sums of two; an estimate where either is one, and with a charge where both have one. */
export function addUsage(a: Usage, b: Usage): Usage {
  const total: Usage = {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
  for (const part of ["cachedTokens", "thinkingTokens"] as const) {
    const tokens = (a[part] ?? 0) + (b[part] ?? 0);
    if (tokens > 0) total[part] = tokens;
  }
  if (a.isEstimated || b.isEstimated) total.isEstimated = true;
  if (a.dollars !== undefined && b.dollars !== undefined) total.dollars = a.dollars + b.dollars;
  total.requests = (a.requests ?? 1) + (b.requests ?? 1);
  return total;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Dollars of a reply; some servers write numbers as texts. */
function amount(value: unknown): number | undefined {
  const dollars = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof dollars === "number" && dollars >= 0 && dollars < 1e6 ? dollars : undefined;
}

/** A whole number of tokens that a reply can have; everything else is undefined. */
function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 1e9
    ? value
    : undefined;
}
