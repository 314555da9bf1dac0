/** @file The request body, less what this model's server has turned out not to take. */
import type { ChatMessage, ChatRequest } from "../chat-model.js";
import { mergeSystemRole } from "../merge-system-role.js";
import { GROWTH, withRoom } from "../read-reply.js";
import type { CompletionBody } from "./openai-wire.js";

const LEAST_TOKENS = 64;

/** Any object, or one of exactly these members, all of them texts. */
function jsonSchema(keys: readonly string[] | undefined): object {
  const properties = keys && Object.fromEntries(keys.map((key) => [key, { type: "string" }]));
  const schema = { type: "object", properties, required: keys, additionalProperties: keys && false };
  return { type: "json_schema", json_schema: { name: "reply", strict: keys && true, schema } };
}

export interface BodyOptions {
  n: number;
  seed: number | undefined;
  maxTokens: number;
  isStream: boolean;
  /** Members that are sent as they are, whatever the server thinks of them. */
  params: Readonly<Record<string, unknown>>;
}

type Body = Record<string, unknown> & { messages: readonly ChatMessage[] };

/**
 * Servers differ: reasoning models take `max_completion_tokens` and one temperature only, small ones know no seed. What makes a
 * request pass is a *change*, a text such as "seed" (left out), "n=4" (at most), "temperature=0.7" (left out where it is that),
 * "room" (a larger limit of replies). Learned ones hold for all further requests.
 */
export class RequestDialect {
  readonly #learned = new Set<string>();
  readonly #accepted = new Set<string>();
  readonly #doubtful = new Set<string>();
  /** Complaints that no change helped against: the next call does not search again. */
  readonly hopeless = new Set<string>();
  readonly #onLearned: (change: string) => void;
  #save: (all: readonly string[]) => void = () => {};

  /** @param onLearned - called once for each change */
  constructor(onLearned: (change: string) => void = () => {}) {
    this.#onLearned = onLearned;
  }

  /** Takes over changes of an earlier session; `save` gets all that are known whenever there is one more. */
  recall(known: readonly string[], save: (all: readonly string[]) => void): void {
    for (const change of known) this.#learned.add(change);
    this.#save = save;
  }

  /** @param changes - further changes, tried for this request only */
  body(
    model: string,
    request: ChatRequest,
    options: BodyOptions,
    changes: readonly string[] = [],
  ): CompletionBody {
    const body = { model, ...this.#plain(request, options, changes), ...options.params };
    return body as unknown as CompletionBody;
  }

  /** Changes that a request leaves open, in the order in which they are tried. */
  openChanges(
    request: ChatRequest,
    options: BodyOptions,
    changes: readonly string[],
    said: string,
  ): string[] {
    const body = this.#plain(request, options, changes);
    return changesOf(body, said, this.#learned.has("room")).filter(
      (change) => !Object.hasOwn(options.params, parameterOf(change)),
    );
  }

  #plain(request: ChatRequest, options: BodyOptions, changes: readonly string[]): Body {
    const { messages, temperature = 0, stop = [], json } = request;
    const { n, seed, maxTokens, isStream } = options;
    const body: Body = {
      messages: messages.map(({ role, content }) => ({ role, content })),
      temperature,
      max_tokens: this.limit(maxTokens),
    };
    if (n > 1) body.n = n;
    if (seed !== undefined) body.seed = seed;
    if (stop.length > 0) body.stop = [...stop];
    if (json) body.response_format = { type: "json_object" };
    if (isStream) Object.assign(body, { stream: true, stream_options: { include_usage: true } });
    return [...this.#learned, ...changes].reduce((sent, change) => applied(sent, change, request), body);
  }

  /** Replies one request may ask for: llama-server allows as many as it has slots. */
  get mostChoices(): number {
    if (this.#learned.has("n")) return 1;
    return Math.min(Number.POSITIVE_INFINITY, ...this.#values("n"));
  }

  /** Tokens that a reply gets where the request gives it so many. */
  limit(maxTokens: number): number {
    const limit = this.#learned.has("room") ? withRoom(maxTokens) : maxTokens;
    return Math.min(limit, ...this.#values("max_tokens"));
  }

  /** After a reply that used up its tokens with little or no text. @returns whether there is more room now than it had */
  grow(maxTokens: number, had: number): boolean {
    if (withRoom(maxTokens) > maxTokens) this.learn("room");
    return this.limit(maxTokens) > had;
  }

  learn(change: string): void {
    if (this.#learned.has(change)) return;
    this.#learned.add(change);
    this.#onLearned(change);
    this.#save([...this.#learned]);
  }

  /** A change after which a server that had failed (500) answered: luck the first time. */
  suspect(change: string): void {
    if (this.#doubtful.has(change)) this.learn(change);
    this.#doubtful.add(change);
  }

  /** Notes what the server has taken: later failures are not put down to it. */
  accept(open: readonly string[]): void {
    for (const change of open) this.#accepted.add(change);
  }

  hasAccepted(change: string): boolean {
    return this.#accepted.has(change);
  }

  #values(name: string): number[] {
    return [...this.#learned].filter((change) => change.startsWith(`${name}=`)).map(numberOf);
  }
}

/** What w4s does from now on, for the user. */
export function describeChange(change: string): string {
  const [name = "", value] = change.split("=");
  switch (name) {
    case "room":
      return `gives replies ${GROWTH} times as many tokens, since thinking used them up`;
    case "n":
      return value === undefined
        ? "asks for one reply at a time"
        : `asks for at most ${value} replies at once`;
    case "system":
      return "puts the system message into the user's turn";
    case "response_format":
      return value === undefined ? "leaves out response_format" : `asks for ${value} instead of json_object`;
    case "max_tokens":
      return value === undefined ? `sends ${name}` : `asks for at most ${value} tokens a reply`;
    case "max_completion_tokens":
      return `sends ${name} instead of max_tokens`;
    case "most_temperature":
      return `sends a temperature of at most ${value}`;
    default:
      return `leaves out ${name}${value === undefined ? "" : ` ${value}`}`;
  }
}

/** The parameter that a change is about: "most_temperature=1" → "temperature". */
export function parameterOf(change: string): string {
  return change.replace(/^most_|=.*$/g, "");
}

/**
 * @param said - by the server; a limit of replies that it names is made smaller
 * @param isGrown - that limit is larger than what was asked for, and may be why
 */
function changesOf(body: Body, said: string, isGrown: boolean): string[] {
  const { n, messages, response_format: format, temperature } = body;
  const limitName = "max_tokens" in body ? "max_tokens" : "max_completion_tokens";
  const limit = body[limitName] as number;
  const numbers = (said.match(/\d+/g) ?? []).map(Number);
  const changes: (string | false)[] = [
    (isGrown || numbers.includes(limit)) &&
      limit >= GROWTH * LEAST_TOKENS &&
      `max_tokens=${Math.floor(limit / GROWTH)}`,
  ];
  if (typeof n === "number") {
    const most = Math.max(...numbers.filter((number) => number > 1 && number < n));
    changes.push(/['"`]n['"`]/.test(said) && most > 1 && `n=${most}`, "n");
  }
  changes.push(
    (format as { type?: string } | undefined)?.type === "json_object" && "response_format=json_schema",
    format !== undefined && "response_format",
    messages.some(({ role }) => role === "system") && "system",
    body.stop !== undefined && "stop",
    body.seed !== undefined && "seed",
    typeof temperature === "number" && temperature > 1 && "most_temperature=1",
    temperature !== undefined && `temperature=${temperature}`,
    limitName === "max_tokens" ? "max_completion_tokens" : "max_tokens",
    body.stream_options !== undefined && "stream_options",
    body.stream !== undefined && "stream",
  );
  return changes.filter((change) => change !== false);
}

function applied(body: Body, change: string, { jsonKeys }: Pick<ChatRequest, "jsonKeys">): Body {
  const [name = "", value] = change.split("=");
  const { [name]: given, ...rest } = body as Record<string, unknown>;
  const without = rest as Body;
  const limitName = "max_tokens" in body ? "max_tokens" : "max_completion_tokens";
  switch (name) {
    case "n":
      if (value === undefined) return without;
      return { ...body, n: lower(given, numberOf(change)) };
    case "response_format":
      if (value === undefined || given === undefined) return without;
      return { ...body, response_format: jsonSchema(jsonKeys) };
    case "system":
      return { ...body, messages: mergeSystemRole(body.messages) };
    case "most_temperature":
      return { ...body, temperature: lower(body.temperature, numberOf(change)) };
    case "temperature":
      return String(given) === value ? without : body;
    case "max_tokens":
    case "max_completion_tokens": {
      const { [limitName]: limit, ...others } = body as Record<string, unknown>;
      if (value === undefined) return { ...others, [name]: limit } as Body;
      return { ...body, [limitName]: lower(limit, numberOf(change)) };
    }
    case "stream": {
      const { stream_options: _, ...plain } = without as Record<string, unknown>;
      return plain as Body;
    }
    case "room":
      return body;
    default:
      return without;
  }
}

function lower(value: unknown, most: number): unknown {
  return typeof value === "number" ? Math.min(value, most) : value;
}

function numberOf(change: string): number {
  return Number(change.split("=")[1]);
}
