/** @file Puts the system message in front of the first user message, for models and servers that refuse its role. */
import type { ChatMessage } from "./chat-model.js";

/** Conversation without the system role; every text of it stays, in its order. */
export function mergeSystemRole(messages: readonly ChatMessage[]): ChatMessage[] {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => content);
  const rest = messages.filter(({ role }) => role !== "system");
  if (system.length === 0) return rest;
  const first = rest[0]?.role === "user" ? (rest.shift()?.content ?? "") : undefined;
  const content = [...system, ...(first === undefined ? [] : [first])].join("\n\n");
  return [{ role: "user", content }, ...rest];
}
