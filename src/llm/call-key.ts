/** @file The name of one model call: equal names give the same stored reply. */
import { hashJson } from "../core/hash.js";
import type { ChatRequest } from "./chat-model.js";

export interface CallPosition {
  /** Running number of this same request within one workflow run on one sample, from 0. */
  occurrence: number;
  /** Repetition of the whole evaluation, from 0. Default 0. */
  epoch?: number | undefined;
}

/**
 * SHA-256 over model id (with base URL), messages, parameters, occurrence and epoch. Left-out parameters
 * count as their defaults. A seed counts only where the caller asks for one; derived seeds follow from the key.
 */
export function callKey(modelId: string, request: ChatRequest, position: CallPosition): string {
  return hashJson({
    model: modelId,
    messages: request.messages.map(({ role, content }) => [role, content]),
    n: request.n ?? 1,
    temperature: request.temperature ?? 0,
    maxTokens: request.maxTokens ?? null,
    stop: request.stop ?? [],
    json: request.json ?? false,
    seed: request.seed ?? null,
    occurrence: position.occurrence,
    epoch: position.epoch ?? 0,
  });
}
