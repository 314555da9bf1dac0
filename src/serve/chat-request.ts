/** @file Reads bodies of POST /v1/chat/completions: what workflows can answer, and which wishes they cannot meet. */
import { badRequest, unsupported } from "./api-error.js";
import { type AskedQuestion, count, oneOfStops, type TurnMessage, truth } from "./asked-question.js";

/** Wishes that would change what the client gets, each with what it may be all the same, and why not. */
const REFUSED: Readonly<Record<string, [isHarmless: (value: unknown) => boolean, why: string]>> = {
  n: [(value) => value === 1, "a workflow gives one answer; only n = 1 is supported"],
  tools: [isEmpty, "tools of the client are not supported; a workflow calls its own"],
  functions: [isEmpty, "functions of the client are not supported; a workflow calls its own"],
  tool_choice: [(value) => value === "none" || value === "auto", "tools are not supported"],
  function_call: [(value) => value === "none" || value === "auto", "functions are not supported"],
  logprobs: [(value) => value === false, "log-probabilities are not supported"],
  top_logprobs: [(value) => value === 0, "log-probabilities are not supported"],
  response_format: [
    (value) => (value as { type?: unknown }).type === "text",
    'only the format {"type": "text"} is supported',
  ],
  modalities: [(value) => Array.isArray(value) && value.every((one) => one === "text"), "only text is given"],
  audio: [() => false, "audio is not supported"],
  prediction: [() => false, "predicted outputs are not supported"],
  web_search_options: [() => false, "web search is not supported"],
};

const ROLES: ReadonlySet<unknown> = new Set(["system", "developer", "user", "assistant"]);
const MAX_MESSAGES = 2_048;
const MAX_TOKENS = 1_000_000;

/**
 * Members that steer a single call of a model (temperature, max_tokens, top_p …) are checked where they are numbers, and
 * then left to the workflow; unknown members are ignored, since front ends send their own.
 * @throws {ApiError} 400 naming the member
 */
export function readChatRequest(body: Readonly<Record<string, unknown>>): AskedQuestion {
  refuseWishes(body, REFUSED);
  for (const name of ["max_tokens", "max_completion_tokens"]) count(body, name, 1, MAX_TOKENS);
  const isStream = truth(body, "stream");
  const options = body.stream_options ?? {};
  if (typeof options !== "object") throw badRequest("stream_options must be an object", "stream_options");
  return {
    model: readModel(body),
    messages: readMessages(body.messages, "messages"),
    isStream,
    isUsageStreamed: truth(options as Record<string, unknown>, "include_usage"),
    seed: count(body, "seed", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    stops: oneOfStops(body.stop),
  };
}

/** @throws {ApiError} 400 on the first of the wishes that is there */
export function refuseWishes(body: Readonly<Record<string, unknown>>, refused: typeof REFUSED): void {
  for (const [name, [isHarmless, why]] of Object.entries(refused)) {
    const value = body[name];
    if (value !== undefined && value !== null && !isHarmless(value)) throw unsupported(name, why);
  }
}

/** @returns undefined where none is named */
export function readModel({ model }: Readonly<Record<string, unknown>>): string | undefined {
  if (model === undefined || model === null) return undefined;
  if (typeof model === "string" && model !== "") return model;
  throw badRequest("model must be the name of a model", "model");
}

export function readMessages(list: unknown, place: string): TurnMessage[] {
  if (!Array.isArray(list) || list.length === 0)
    throw badRequest(`${place} must be a list of messages`, place);
  if (list.length > MAX_MESSAGES)
    throw badRequest(`${place} holds more than ${MAX_MESSAGES} messages`, place);
  return list.map((message, index) => {
    const at = `${place}[${index}]`;
    if (typeof message !== "object" || message === null) throw badRequest(`${at} must be an object`, at);
    const { role, content, tool_calls } = message as Record<string, unknown>;
    if (!isEmpty(tool_calls ?? [])) throw unsupported(`${at}.tool_calls`, "tools are not supported");
    if (role === "tool" || role === "function") throw unsupported(`${at}.role`, "tools are not supported");
    if (!ROLES.has(role))
      throw badRequest(`${at}.role must be system, developer, user or assistant`, `${at}.role`);
    const text = readContent(content, `${at}.content`);
    return { role: role === "developer" ? "system" : (role as TurnMessage["role"]), text };
  });
}

const TEXT_PARTS: ReadonlySet<unknown> = new Set(["text", "input_text", "output_text"]);

/** A text, or the texts of a list of parts in a row. */
function readContent(content: unknown, place: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw badRequest(`${place} must be a text or a list of text parts`, place);
  return content
    .map((part: unknown, index) => {
      const { type, text } = (part ?? {}) as Record<string, unknown>;
      const at = `${place}[${index}]`;
      if (!TEXT_PARTS.has(type))
        throw unsupported(
          at,
          `parts of type ${JSON.stringify(type)?.slice(0, 40)} are not supported, only text`,
        );
      if (typeof text !== "string") throw badRequest(`${at}.text must be a text`, `${at}.text`);
      return text;
    })
    .join("\n");
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
