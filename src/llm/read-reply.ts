/** @file Takes a model's thinking out of its reply, and says why a reply without a text has none. */
import { ModelCallError, type ModelCallErrorKind } from "../core/errors.js";
import type { ChatResult, FinishReason, Usage } from "./chat-model.js";

/** Reason why a reply cannot be used. */
export interface ReplyProblem {
  kind: ModelCallErrorKind;
  message: string;
  hint?: string | undefined;
  /** True where another draw may come to something. */
  isFleeting?: boolean | undefined;
}

/** Reply of a model; `problem` says why its text cannot be used. */
export interface ReadReply {
  /** What follows the thinking; "" with a problem. */
  text: string;
  /** What the model thought aloud before it. */
  thought?: string | undefined;
  finishReason: FinishReason;
  problem?: ReplyProblem | undefined;
}

/** Mark that ends thinking which a server has left in the text: of Qwen and DeepSeek, Seed, Mistral, Kimi, gpt-oss. */
export const THOUGHT_END =
  /<\/(?:\w+:)?think(?:ing)?>|\[\/THINK\]|◁\/think▷|<\|channel\|>final<\|message\|>/gi;
/** Mark that begins it. */
export const THOUGHT_START =
  /^[ \t]*(?:<(?:\w+:)?think(?:ing)?>|\[THINK\]|◁think▷|<\|channel\|>analysis<\|message\|>)/im;

const MOST_TOKENS = 16_384;
/** What a limit is multiplied with, or divided by. */
export const GROWTH = 4;

/**
 * Splits thinking off a reply: all up to the last closing mark, opened or not, and what follows an opening one that is never
 * closed. An empty rest is never an answer; why it is empty decides which error it becomes.
 * @param reasoning - thinking that came beside the text
 */
export function readReply(raw: string, finishReason: FinishReason, reasoning = ""): ReadReply {
  const closing = [...raw.matchAll(THOUGHT_END)].at(-1);
  let text = raw;
  let inText = "";
  if (closing !== undefined) {
    const end = closing.index + closing[0].length;
    inText = raw.slice(0, end);
    text = raw.slice(end).trimStart();
  }
  const opening = THOUGHT_START.exec(text);
  if (opening !== null) {
    inText += text.slice(opening.index);
    text = text.slice(0, opening.index).trimEnd();
  }
  const thought = `${reasoning}${inText}` || undefined;
  if (text.trim() !== "") return { text, thought, finishReason };
  return { text: "", thought, finishReason, problem: emptiness(finishReason, thought !== undefined) };
}

/** Limit of replies where thinking has once used one up: four times as large, up to 16,384 unless more was asked for. */
export function withRoom(maxTokens: number): number {
  return Math.max(maxTokens, Math.min(MOST_TOKENS, GROWTH * maxTokens));
}

/** Problem of a reply without text, or of an answer without replies. */
export const NOTHING: ReplyProblem = {
  kind: "empty",
  message: "the model answered with nothing",
  isFleeting: true,
};

function emptiness(finishReason: FinishReason, isThinking: boolean): ReplyProblem {
  if (finishReason === "length") {
    const spent = isThinking ? "thinking (reasoning) used up" : "the answer is empty within";
    return {
      kind: "length",
      message: `${spent} the reply's token limit`,
      hint: "raise maxTokens (--reply-tokens), or ask for less thinking (params: reasoning_effort, enable_thinking)",
    };
  }
  if (!isThinking) return NOTHING;
  return {
    ...NOTHING,
    message: "only reasoning came, and no answer after it (thinking)",
    hint: "ask for less thinking (params: reasoning_effort, enable_thinking), or turn the server's reasoning parser off",
  };
}

/** Thinking of each reply; undefined where none held any. */
export function thoughtsOf(replies: readonly ReadReply[]): ChatResult["thoughts"] {
  const thoughts = replies.map(({ thought }) => thought);
  return thoughts.some((thought) => thought !== undefined) ? thoughts : undefined;
}

/** The error for a reply without a usable text. */
export function problemError(
  where: string,
  { kind, message, hint }: ReplyProblem,
  usage?: Usage,
): ModelCallError {
  return new ModelCallError(kind, `${where}: ${message}`, { hint, usage });
}
