/** @file A chat model behind any OpenAI-compatible server: OpenAI, Azure, Ollama, vLLM, llama.cpp's server. */
import { isDeepStrictEqual } from "node:util";
import { ConfigError, ModelCallError } from "../../core/errors.js";
import { seedFrom } from "../../core/hash.js";
import type { ChatModel, ChatRequest, ChatResult, Usage } from "../chat-model.js";
import { linkedController, onAbort } from "../clock.js";
import { escapeText } from "../escape-text.js";
import { Redactor } from "../redaction.js";
import { addUsage, usageOf } from "../token-usage.js";
import { CallFailure } from "./call-failure.js";
import { callWithRetries } from "./call-with-retries.js";
import { type Choice, type Completion, problemError } from "./chat-completion.js";
import { type EndpointOptions, parseEndpoint } from "./endpoint.js";
import { OpenAIWire } from "./openai-wire.js";
import { RateLimiter } from "./rate-limiter.js";
import { RequestDialect } from "./request-dialect.js";

export interface OpenAIChatModelOptions extends EndpointOptions {
  /** The name the server knows the model by. */
  model: string;
  /** Calls in flight. Default 16. */
  maxConcurrency?: number | undefined;
  /** Default: no limit until the server answers 429. */
  requestsPerMinute?: number | undefined;
  /** Longest attempt, over the whole body, ms; all attempts of a call together get twice this. Default 600 000. */
  timeoutMs?: number | undefined;
  /** Longest silence of the server, before its first token too, ms. Default 300 000: a long prompt takes minutes on a processor. */
  idleTimeoutMs?: number | undefined;
  /** Longest wait a 429 may ask for, and longest outage that is waited out, ms. Default 120 000. */
  maxWaitMs?: number | undefined;
  /** Longest wait for a first sign of life, ms. Default 5 000. */
  startWaitMs?: number | undefined;
  /** Further tries after a failure of the server. Default 4. */
  maxRetries?: number | undefined;
  /** Send `seed` where the request has one. Default true. */
  sendSeed?: boolean | undefined;
  /** Limit of a reply where the request sets none. Default 1024. */
  maxTokens?: number | undefined;
  /** Ask for server-sent events: a silent server is noticed after the idle time. Default true, unless the server refuses. */
  stream?: boolean | undefined;
  /** Largest body that is read, bytes. Default 8 MiB. */
  maxBodyBytes?: number | undefined;
  /** Shared by models on one endpoint; maxConcurrency, requestsPerMinute and the waits are then its own. */
  limiter?: RateLimiter | undefined;
  /** Called once with each different warning: another model name in the answer, a key over plain http, an outage. */
  onWarning?: ((message: string) => void) | undefined;
}

const MAX_REPLIES = 64;
const LIST_TIMEOUT_MS = 5_000;
/** Names of models that an error message lists. */
const MAX_LISTED_MODELS = 20;

/**
 * Chat model over HTTP: OpenAI, Azure-style base URLs, Ollama, vLLM, llama-server and whatever speaks the same
 * protocol. Failures of the server are tried again within `maxRetries` and the waits; parameters that it refuses by name
 * are left out.
 */
export class OpenAIChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated = false;
  /** The address without key or query, for the user to see. */
  readonly baseUrl: string;
  readonly model: string;
  readonly #options: OpenAIChatModelOptions;
  readonly #wire: OpenAIWire;
  readonly #limiter: RateLimiter;
  readonly #dialect = new RequestDialect();
  readonly #timeoutMs: number;
  readonly #warned = new Set<string>();
  readonly #closing = new AbortController();
  #serverModels: string[] | undefined;

  /** @throws {ConfigError} for an address or key that cannot be used, and for numbers out of range. */
  constructor(options: OpenAIChatModelOptions) {
    if (options.model.trim() === "") throw new ConfigError("the model name is empty");
    for (const name of ["timeoutMs", "idleTimeoutMs", "maxBodyBytes", "maxTokens"] as const) {
      const value = options[name];
      if (value !== undefined && !(value > 0 && value <= 2 ** 31 - 1)) {
        throw new ConfigError(`${name} is ${value}; it must be above 0 and below 2^31`);
      }
    }
    this.#options = options;
    const endpoint = parseEndpoint(options);
    this.baseUrl = endpoint.baseUrl;
    this.model = options.model;
    this.id = `openai:${this.baseUrl}#${options.model}`;
    this.#timeoutMs = options.timeoutMs ?? 600_000;
    this.#limiter = options.limiter ?? new RateLimiter(options);
    this.#wire = new OpenAIWire({
      endpoint,
      redactor: new Redactor(endpoint.secrets),
      clock: this.#limiter.clock,
      where: `${escapeText(options.model, 80)} at ${this.baseUrl}`,
      idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
      stream: options.stream ?? true,
      maxBodyBytes: options.maxBodyBytes ?? 8 * 2 ** 20,
    });
    for (const warning of endpoint.warnings) this.#warn(warning);
  }

  async chat(request: ChatRequest): Promise<ChatResult> {
    const n = request.n ?? 1;
    if (!Number.isInteger(n) || n < 1 || n > MAX_REPLIES) {
      throw new ConfigError(`n is ${n}; it must be a whole number from 1 to ${MAX_REPLIES}`);
    }
    if (request.messages.length === 0) throw new ConfigError("a chat request needs at least one message");
    return this.#untilClosed(request.signal, (signal) => this.#collect(request, n, signal));
  }

  /**
   * Asks the server for its models; where it lists them without ours, since some servers answer to any name, or has a list that
   * cannot be read, asks for one token.
   * @throws {ModelCallError} when the key, the address or the model name is wrong.
   */
  preflight(signal?: AbortSignal): Promise<{ models: string[] }> {
    return this.#untilClosed(signal, async (linked) => {
      const models = await this.#list(linked);
      linked.throwIfAborted();
      this.#serverModels = models;
      if (models === undefined || (models.length > 0 && !models.includes(this.model)))
        await this.#probe(linked);
      return { models: models ?? [] };
    });
  }

  /** The server's models; undefined where the list is refused, slow or huge, which says nothing about chat. */
  #list(signal: AbortSignal): Promise<string[] | undefined> {
    const timeoutMs = Math.min(this.#timeoutMs, LIST_TIMEOUT_MS);
    return this.#wire.listModels({ timeoutMs, signal }).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closing.abort(new DOMException("the model was closed", "AbortError"));
    this.#wire.close();
  }

  /** Runs with a signal that aborts with the caller's and when this model is closed. */
  async #untilClosed<T>(
    parent: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { controller, unlink } = linkedController(parent);
    const closing = this.#closing.signal;
    const unlinkClosing = onAbort(closing, () => controller.abort(closing.reason));
    try {
      return await work(controller.signal);
    } finally {
      unlinkClosing();
      unlink();
    }
  }

  /** Exactly n texts: what the server leaves out is asked for again, one by one, with other seeds. */
  async #collect(request: ChatRequest, n: number, signal: AbortSignal): Promise<ChatResult> {
    const startedAt = performance.now();
    const first = await this.#ask(request, Math.min(n, this.#dialect.mostChoices), request.seed, signal);
    const choices = first.choices.slice(0, n);
    let usage = first.usage;
    if (choices.length > 0 && choices.length < Math.min(n, this.#dialect.mostChoices)) {
      this.#dialect.askSingly();
      this.#warn(
        `${this.baseUrl} gives ${choices.length} of ${n} replies at once; the others are asked for singly`,
      );
    }
    const missing: number[] = [];
    for (let index = 0; index < n; index++) {
      if (choices[index] === undefined || (choices[index]?.problem && n > 1)) missing.push(index);
    }
    // If nothing at all can be used, more of the same would only cost more.
    const isHopeless = choices.every((choice) => choice.problem !== undefined);
    if (missing.length > 0 && !isHopeless) {
      const settled = await Promise.allSettled(
        missing.map((index) => this.#ask(request, 1, seedFrom(request.seed ?? 0, "reply", index), signal)),
      );
      for (const [position, outcome] of settled.entries()) {
        if (outcome.status === "rejected") throw outcome.reason;
        const [choice] = outcome.value.choices;
        if (choice) choices[missing[position] as number] = choice;
        usage = addUsage(usage, outcome.value.usage);
      }
    }
    const empty: Choice["problem"] = { kind: "empty", message: "the server gave no choices" };
    const texts = Array.from({ length: n }, (_, index) => {
      const choice = choices[index];
      if (choice === undefined || choice.problem)
        throw problemError(`${this.model} at ${this.baseUrl}`, choice?.problem ?? empty);
      return choice;
    });
    return {
      texts: texts.map(({ text }) => text),
      usage,
      finishReasons: texts.map(({ finishReason }) => finishReason),
      model: first.model,
      latencyMs: performance.now() - startedAt,
    };
  }

  async #ask(
    request: ChatRequest,
    n: number,
    seed: number | undefined,
    signal: AbortSignal,
  ): Promise<{ choices: Choice[]; usage: Usage; model: string }> {
    try {
      const completion = await this.#retry(
        (timeoutMs) => this.#complete(request, { n, seed }, { timeoutMs, signal }),
        signal,
      );
      const { choices, usage } = completion;
      return {
        choices,
        usage: usageOf(
          usage,
          request.messages,
          choices.map(({ text }) => text),
        ),
        model: this.#nameOf(completion.model),
      };
    } catch (error) {
      if (error instanceof ModelCallError && error.kind === "model-not-found") {
        throw await this.#withServerModels(error);
      }
      throw error;
    }
  }

  /** One attempt; a parameter the server refuses by name is left out and the rest asked again, at no cost. */
  async #complete(
    request: ChatRequest,
    { n, seed }: { n: number; seed: number | undefined },
    bounds: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Completion> {
    const bodyNow = () =>
      this.#dialect.body(this.model, request, {
        n,
        seed: (this.#options.sendSeed ?? true) ? seed : undefined,
        maxTokens: request.maxTokens ?? this.#options.maxTokens ?? 1024,
        isStream: this.#wire.streams,
      });
    for (;;) {
      const body = bodyNow();
      try {
        return await this.#wire.complete(body, bounds);
      } catch (error) {
        if (!(error instanceof CallFailure) || error.error.kind !== "bad-request") throw error;
        // Another call's refusal may have taught it while this one was on its way.
        if (!isDeepStrictEqual(bodyNow(), body)) continue;
        const change =
          this.#dialect.adapt(error.parameter, error.error.message) ?? this.#wire.stopStreaming();
        if (change === undefined) throw error;
        this.#warn(`${this.baseUrl} does not take every parameter: w4s ${change}`);
      }
    }
  }

  /** Does the server answer to our model's name, though it does not list it? */
  async #probe(signal: AbortSignal): Promise<void> {
    try {
      await this.#ask({ messages: [{ role: "user", content: "Hi" }], maxTokens: 1 }, 1, undefined, signal);
    } catch (error) {
      if (!(error instanceof ModelCallError) || error.isFatal) throw error;
    }
  }

  async #withServerModels(error: ModelCallError): Promise<ModelCallError> {
    this.#serverModels ??= (await this.#list(this.#closing.signal)) ?? [];
    const names = this.#serverModels.slice(0, MAX_LISTED_MODELS).map((name) => escapeText(name, 80));
    const more = this.#serverModels.length - names.length;
    const list = `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    return new ModelCallError(error.kind, `${error.message}${names.length > 0 ? `; it has: ${list}` : ""}`, {
      status: error.status,
      hint: `name a model that ${this.baseUrl} serves`,
      cause: error,
    });
  }

  #retry<T>(attempt: (timeoutMs: number) => Promise<T>, signal: AbortSignal): Promise<T> {
    return callWithRetries(attempt, {
      limiter: this.#limiter,
      maxRetries: this.#options.maxRetries ?? 4,
      timeoutMs: this.#timeoutMs,
      totalTimeoutMs: 2 * this.#timeoutMs,
      signal,
      onWait: (message) => this.#options.onWarning?.(message),
    });
  }

  /** The model as it answered; servers that answer with a path of theirs are cut to the file name. */
  #nameOf(answered: string | undefined): string {
    if (answered === undefined || answered === this.model) return this.model;
    const name = escapeText(
      /^(\/|[A-Za-z]:\\)/.test(answered) ? (answered.split(/[\\/]/).at(-1) ?? "") : answered,
      120,
    );
    const isSnapshot = name.startsWith(`${this.model}-20`);
    if (!isSnapshot) this.#warn(`${this.baseUrl} answers as model "${name}" when asked for "${this.model}"`);
    return name;
  }

  #warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size > 100) return;
    this.#warned.add(message);
    this.#options.onWarning?.(message);
  }
}
