/**
 * @file The messages of a call: what a workflow asked, with role, instruction and form of the reply.
 * Exported workflows carry the text of these functions (`Function.prototype.toString`), so each stands alone.
 */
import type { ChatMessage } from "../llm/chat-model.js";

/** Prompt of a call as messages, behind who answers. */
export function toMessages(prompt: string | readonly ChatMessage[], role: string | undefined): ChatMessage[] {
  const messages: ChatMessage[] =
    typeof prompt === "string"
      ? [{ role: "user", content: prompt }]
      : prompt.map((message) => ({ ...message }));
  return role === undefined ? messages : [{ role: "system", content: `You are ${role}.` }, ...messages];
}

/** A prompt that tells the instruction: in its first system message, and once where the prompt holds it already. */
export function withInstruction(messages: ChatMessage[], instruction: string | undefined): ChatMessage[] {
  const isTold = ({ role, content }: ChatMessage) => role !== "assistant" && content.includes(instruction!);
  if (instruction === undefined || messages.some(isTold)) return messages;
  const [first, ...rest] = messages;
  const [head, body] = first?.role === "system" ? [`${first.content}\n\n`, rest] : ["", messages];
  return [{ role: "system", content: `${head}${instruction}` }, ...body];
}

/**
 * Messages that ask for a JSON object with these keys. Two user messages in a row become one: some chat templates refuse
 * anything but strict alternation.
 */
export function jsonMessages(messages: readonly ChatMessage[], keys: readonly string[]): ChatMessage[] {
  const wanted = keys.map((key) => `${JSON.stringify(key)}: "..."`).join(", ");
  const content = `Reply with one JSON object and nothing else, with exactly these keys: {${wanted}}`;
  const merged: ChatMessage[] = [];
  for (const message of [...messages, { role: "user" as const, content }]) {
    const last = merged.at(-1);
    if (last?.role === message.role) last.content += `\n\n${message.content}`;
    else merged.push({ ...message });
  }
  return merged;
}

/** Messages that say what was wrong with a reply that should have been such an object. */
export function correctionMessages(
  messages: readonly ChatMessage[],
  keys: readonly string[],
  reply: string,
  problem: string,
): ChatMessage[] {
  const wanted = keys.map((key) => `${JSON.stringify(key)}: "..."`).join(", ");
  const content = `${problem}. Reply again: one JSON object with exactly these keys: {${wanted}}`;
  return [...messages, { role: "assistant", content: reply }, { role: "user", content }];
}
