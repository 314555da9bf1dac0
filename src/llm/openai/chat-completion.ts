/** @file Reads what an OpenAI-compatible server answered: one JSON object, or a stream of chunks with a strict end. */
import { ModelCallError, type ModelCallErrorKind } from "../../core/errors.js";
import type { FinishReason } from "../chat-model.js";

/** One reply of the server; `problem` says why its text cannot be used. */
export interface Choice {
  text: string;
  finishReason: FinishReason;
  problem?: { kind: ModelCallErrorKind; message: string; hint?: string | undefined } | undefined;
}

export interface Completion {
  choices: Choice[];
  /** The `usage` member as it came. */
  usage: unknown;
  /** The model name in the answer, or undefined. */
  model: string | undefined;
}

/** The answer is JSON, but no chat completion. */
export class MalformedReplyError extends Error {}

/**
 * @param body - a parsed JSON value without an `error` member
 * @throws {MalformedReplyError} when the members have other types than documented.
 */
export function parseCompletion(body: unknown): Completion {
  const reply = record(body);
  if (reply === undefined) throw new MalformedReplyError("the answer is no JSON object");
  const { choices, usage, model } = reply;
  if (choices === undefined) throw new MalformedReplyError("the answer has no choices");
  if (choices !== null && !Array.isArray(choices)) throw new MalformedReplyError("choices is no list");
  const parsed = (choices ?? []).map((choice: unknown, index: number) => ({
    order: integerOr(record(choice)?.index, index),
    choice: parseChoice(choice),
  }));
  parsed.sort((a, b) => a.order - b.order);
  return {
    choices: parsed.map(({ choice }) => choice),
    usage,
    model: typeof model === "string" && model !== "" ? model : undefined,
  };
}

function parseChoice(choice: unknown): Choice {
  const outer = record(choice);
  const message = record(outer?.message);
  if (outer === undefined || message === undefined) throw new MalformedReplyError("a choice has no message");
  return judge({
    text: textOf(message.content),
    finish: outer.finish_reason,
    refusal: message.refusal,
    reasoning: message.reasoning_content ?? message.reasoning,
  });
}

/** Text as a string, null, or a list of parts of which the texts count. */
function textOf(content: unknown): string {
  if (content === null || content === undefined) return "";
  if (typeof content === "string") return content;
  if (Array.isArray(content)) {
    return content.map((part) => (typeof record(part)?.text === "string" ? record(part)?.text : "")).join("");
  }
  throw new MalformedReplyError("the content of a message is no text");
}

interface RawChoice {
  text: string;
  finish: unknown;
  refusal: unknown;
  reasoning: unknown;
}

/** An empty text is never an answer: the reason for it decides which error it becomes. */
function judge({ text, finish, refusal, reasoning }: RawChoice): Choice {
  const finishReason: FinishReason = finish === "stop" || finish === "length" ? finish : "unknown";
  if (finish === "content_filter" || (typeof refusal === "string" && refusal !== "")) {
    const message = typeof refusal === "string" && refusal ? `: ${refusal.slice(0, 200)}` : "";
    return {
      text: "",
      finishReason,
      problem: { kind: "refused", message: `the model refused to answer${message}` },
    };
  }
  if (text.trim() !== "") return { text, finishReason };
  if (finish === "length") {
    const spent =
      typeof reasoning === "string" && reasoning !== "" ? "reasoning used up" : "the answer is empty within";
    return {
      text: "",
      finishReason,
      problem: { kind: "length", message: `${spent} maxTokens`, hint: "raise maxTokens" },
    };
  }
  return { text: "", finishReason, problem: { kind: "empty", message: "the model answered with nothing" } };
}

/** Collects the chunks of a stream into a completion. */
export class StreamCollector {
  readonly #choices = new Map<number, RawChoice>();
  #usage: unknown;
  #model: string | undefined;

  /** @throws {MalformedReplyError} when a chunk is none. */
  add(chunk: unknown): void {
    const event = record(chunk);
    if (event === undefined) throw new MalformedReplyError("a chunk of the stream is no JSON object");
    if (typeof event.model === "string" && event.model !== "") this.#model ??= event.model;
    if (record(event.usage)) this.#usage = event.usage;
    // Azure's first chunk and the last one with the usage have no choices.
    if (event.choices === undefined || event.choices === null) return;
    if (!Array.isArray(event.choices)) throw new MalformedReplyError("choices is no list");
    for (const [position, item] of event.choices.entries()) {
      const part = record(item);
      if (part === undefined) throw new MalformedReplyError("a choice of the stream is no object");
      const index = integerOr(part.index, position);
      const choice = this.#choices.get(index) ?? { text: "", finish: null, refusal: "", reasoning: "" };
      const delta = record(part.delta) ?? {};
      choice.text += textOf(delta.content);
      if (typeof delta.refusal === "string") choice.refusal = `${choice.refusal}${delta.refusal}`;
      const reasoning = delta.reasoning_content ?? delta.reasoning;
      if (typeof reasoning === "string") choice.reasoning = `${choice.reasoning}${reasoning}`;
      if (part.finish_reason !== undefined && part.finish_reason !== null) choice.finish = part.finish_reason;
      this.#choices.set(index, choice);
    }
  }

  /** False while a choice has no finish reason: its text may be half of what the model wrote. */
  get isComplete(): boolean {
    return this.#choices.size > 0 && [...this.#choices.values()].every(({ finish }) => finish !== null);
  }

  completion(): Completion {
    const ordered = [...this.#choices.entries()].sort(([a], [b]) => a - b);
    return { choices: ordered.map(([, choice]) => judge(choice)), usage: this.#usage, model: this.#model };
  }
}

/** The error for a choice without a usable text. */
export function problemError(where: string, problem: NonNullable<Choice["problem"]>): ModelCallError {
  return new ModelCallError(problem.kind, `${where}: ${problem.message}`, { hint: problem.hint });
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function integerOr(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isInteger(value) ? value : fallback;
}
