/** @file Reads what an OpenAI-compatible server answered: one JSON object, or a stream of chunks with a strict end. */
import type { FinishReason } from "../chat-model.js";
import { escapeText } from "../escape-text.js";
import { type ReadReply, type ReplyProblem, readReply } from "../read-reply.js";

export interface Completion {
  /** Replies in their order; a problem of kind `server` may pass when they are asked for again. */
  choices: ReadReply[];
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

function parseChoice(choice: unknown): ReadReply {
  const outer = record(choice);
  const message = record(outer?.message);
  if (outer === undefined || message === undefined) throw new MalformedReplyError("a choice has no message");
  const raw: RawChoice = { ...NO_CHOICE, finish: outer.finish_reason, error: outer.error };
  collect(raw, message);
  return judge(raw);
}

interface RawChoice {
  text: string;
  reasoning: string;
  refusal: string;
  finish: unknown;
  error: unknown;
}

const NO_CHOICE: RawChoice = { text: "", reasoning: "", refusal: "", finish: null, error: undefined };

/** Adds a message, or a piece of one: content as a text, null, or a list of parts, with the thinking that stands beside it. */
function collect(choice: RawChoice, message: Record<string, unknown>): void {
  const { content, refusal } = message;
  const reasoning = message.reasoning_content ?? message.reasoning ?? message.thinking;
  if (typeof reasoning === "string") choice.reasoning += reasoning;
  if (typeof refusal === "string") choice.refusal += refusal;
  if (typeof content === "string") choice.text += content;
  else if (Array.isArray(content)) {
    for (const part of content) {
      const {
        type = "text",
        text,
        refusal: refused,
      }: Record<string, unknown> = record(part) ?? { text: part };
      if (typeof refused === "string") choice.refusal += refused;
      else if (/^(output_)?text$/.test(String(type))) choice.text += typeof text === "string" ? text : "";
      else choice.reasoning += JSON.stringify(part);
    }
  } else if (content !== null && content !== undefined) {
    throw new MalformedReplyError("the content of a message is no text");
  }
}

/** Reasons to end under the names of OpenAI, Anthropic, Google, Mistral, Zhipu, DeepSeek, vLLM and SGLang. */
const FINISHES = {
  length: /length|max.*tokens|context/,
  filter: /filter|safety|recitation|prohibited|blocklist|refusal|sensitive/,
  failure: /error|fail|abort|cancel|insufficient/,
};

function judge({ text, finish, refusal, reasoning, error }: RawChoice): ReadReply {
  const finished = String(finish ?? "").toLowerCase();
  let finishReason: FinishReason = finished === "stop" ? "stop" : "unknown";
  if (FINISHES.length.test(finished)) finishReason = "length";
  const unusable = (problem: ReplyProblem): ReadReply => ({
    text: "",
    thought: `${reasoning}${text}` || undefined,
    finishReason,
    problem,
  });
  if (error || FINISHES.failure.test(finished)) {
    const said = record(error)?.message ?? error ?? `finish reason ${finished}`;
    const shown = typeof said === "string" ? said : JSON.stringify(said);
    return unusable({
      kind: "server",
      message: `the reply broke off with an error: ${escapeText(shown, 200)}`,
    });
  }
  if (refusal !== "") {
    return unusable({ kind: "refused", message: `the model refused to answer: ${escapeText(refusal, 200)}` });
  }
  if (FINISHES.filter.test(finished)) {
    return unusable({ kind: "refused", message: "a content filter cut the reply", isFleeting: true });
  }
  return readReply(text, finishReason, reasoning);
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
      const choice = this.#choices.get(index) ?? { ...NO_CHOICE };
      collect(choice, record(part.delta) ?? {});
      choice.error ??= part.error;
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

/**
 * Texts and usage of an answer that is no whole completion, as far as they can be read: what was billed for it.
 * @param body - JSON, or the chunks of a stream
 */
export function partialCompletion(body: string): Completion {
  const collector = new StreamCollector();
  const chunks = [...body.matchAll(/^data:\s*(\{.*)$/gm)].map(([, chunk = ""]) => chunk);
  for (const chunk of chunks.length > 0 ? chunks : [body]) {
    try {
      collector.add(JSON.parse(chunk));
    } catch {
      // The last one may be torn.
    }
  }
  return collector.completion();
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function integerOr(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isInteger(value) ? value : fallback;
}
