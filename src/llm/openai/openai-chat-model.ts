/** @file A chat model behind any OpenAI-compatible server: OpenAI, Azure, Ollama, vLLM, llama.cpp's server. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, ModelCallError } from "../../core/errors.js";
import { hashJson, seedFrom } from "../../core/hash.js";
import type { ChatModel, ChatRequest, ChatResult, Usage } from "../chat-model.js";
import { linkedController, onAbort } from "../clock.js";
import { escapeText } from "../escape-text.js";
import { NOTHING, problemError, type ReadReply, thoughtsOf } from "../read-reply.js";
import { Redactor } from "../redaction.js";
import { timedAttempt } from "../timed-attempt.js";
import { addUsage, estimateTokens, usageOf } from "../token-usage.js";
import type { WaveGate } from "../wave-gate.js";
import { BatchQueue } from "./batch/batch-queue.js";
import { BatchService } from "./batch/batch-service.js";
import type { BatchSettings } from "./batch/batch-settings.js";
import { CallFailure } from "./call-failure.js";
import { callAgain, callWithRetries } from "./call-with-retries.js";
import type { Completion } from "./chat-completion.js";
import { type EndpointOptions, parseEndpoint } from "./endpoint.js";
import { type CompletionBody, OpenAIWire } from "./openai-wire.js";
import { ParameterSearch } from "./parameter-search.js";
import { RateLimiter } from "./rate-limiter.js";
import { describeChange, RequestDialect } from "./request-dialect.js";
import { type RequestParams, splitParams } from "./request-params.js";

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
  /** Limit of a reply where the request sets none. Default 2048. */
  maxTokens?: number | undefined;
  /** Ask for server-sent events: a silent server is noticed after the idle time. Default: from the second answer on, unless the server refuses. */
  stream?: boolean | undefined;
  /** Members of the request body, and headers, that are sent as they are. */
  params?: RequestParams | undefined;
  /** Largest body that is read, bytes. Default 8 MiB. */
  maxBodyBytes?: number | undefined;
  /** Shared by models on one endpoint; maxConcurrency, requestsPerMinute and the waits are then its own. */
  limiter?: RateLimiter | undefined;
  /** Called once with each different warning: another model name in the answer, a key over plain http, an outage. */
  onWarning?: ((message: string) => void) | undefined;
}

const MAX_REPLIES = 64;
const DEFAULT_REPLY_TOKENS = 2048;
/** A cut text of less than this part of its limit is what thinking left over. */
const LITTLE_TEXT = 8;
const LIST_TIMEOUT_MS = 5_000;
/** Names of models that an error message lists. */
const MAX_LISTED_MODELS = 20;

/** Choices of one answer, with the limit each had and how many were asked for. */
interface Answer {
  choices: ReadReply[];
  limit: number;
  /** Of one reply, on average. */
  tokens: number;
  asked: number;
  model: string;
}

/**
 * Chat model over HTTP: OpenAI, Azure-style base URLs, Ollama, vLLM, llama-server and whatever speaks the same
 * protocol. Failures of the server are tried again within `maxRetries` and the waits; parameters that it refuses are found
 * and left out, and replies that thinking uses up get more room once. Errors carry what was billed for them.
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
  readonly #dialect = new RequestDialect((change) =>
    this.#warn(`${this.baseUrl} does not take every request as it is: w4s ${describeChange(change)}`),
  );
  readonly #params: Readonly<Record<string, unknown>>;
  readonly #timeoutMs: number;
  readonly #warned = new Set<string>();
  readonly #closing = new AbortController();
  readonly #redactor: Redactor;
  /** Set where requests go in batches: calls then wait for others at this gate. */
  gate: WaveGate | undefined;
  #batches: BatchQueue | undefined;
  #serverModels: string[] | undefined;
  #hasAnswered = false;

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
    const { headers, body } = splitParams(options.params);
    this.#params = body;
    const endpoint = parseEndpoint({ ...options, headers: { ...options.headers, ...headers } });
    this.baseUrl = endpoint.baseUrl;
    this.model = options.model;
    // Other parameters give other replies: stored ones are found by this name. Headers do not count.
    const query = Object.keys(body).length === 0 ? "" : `?params=${hashJson(body).slice(0, 12)}`;
    this.id = `openai:${this.baseUrl}${query}#${options.model}`;
    this.#timeoutMs = options.timeoutMs ?? 600_000;
    this.#limiter = options.limiter ?? new RateLimiter(options);
    this.#redactor = new Redactor(endpoint.secrets);
    this.#wire = new OpenAIWire({
      endpoint,
      redactor: this.#redactor,
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

  async sampleBill(signal?: AbortSignal): Promise<Usage | undefined> {
    const usage = await this.#untilClosed(signal, (linked) => this.#probe(linked));
    return usage?.dollars === undefined ? undefined : usage;
  }

  /**
   * Begins with what an earlier session learned of this endpoint.
   * @param save - called with all that is known by then when more is learned
   */
  keepHabits(known: readonly string[], save: (all: readonly string[]) => void): void {
    this.#dialect.recall(known, save);
  }

  /**
   * Sends requests in batches from now on.
   * @internal
   */
  useBatches(settings: BatchSettings): BatchQueue {
    this.#batches = new BatchQueue({
      ...settings,
      service: new BatchService({
        wire: this.#wire,
        limiter: this.#limiter,
        timeoutMs: this.#timeoutMs,
        maxRetries: this.#maxRetries,
        signal: this.#closing.signal,
        onWarning: settings.onWarning,
      }),
      model: this.id,
      signal: this.#closing.signal,
      redact: (text) => this.#redactor.redact(text),
    });
    this.gate = settings.gate;
    return this.#batches;
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

  /** Exactly n texts: what the server leaves out, or spoils, is asked for once again. */
  async #collect(request: ChatRequest, n: number, signal: AbortSignal): Promise<ChatResult> {
    const bill: { usage?: Usage } = {};
    const ask = (n: number, seed: number | undefined) =>
      this.#ask(request, { n, seed }, signal, (paid) => {
        bill.usage = bill.usage === undefined ? paid : addUsage(bill.usage, paid);
      });
    const otherSeed = (index: number) => seedFrom(request.seed ?? 0, "reply", index);
    try {
      let reply = await ask(Math.min(n, this.#dialect.mostChoices), request.seed);
      let { latencyMs } = reply;
      if (reply.choices.every((choice) => this.#isWorthAnother(choice, request, reply))) {
        reply = await ask(Math.min(n, this.#dialect.mostChoices), otherSeed(n));
        latencyMs += reply.latencyMs;
      }
      const { model, asked } = reply;
      const choices = reply.choices.slice(0, n);
      if (choices.length > 0 && choices.length < asked) this.#dialect.learn("n");
      const missing = Array.from({ length: n }, (_, index) => index).filter((index) => {
        const choice = choices[index];
        if (choice === undefined) return true;
        return n > 1 && (choice.problem !== undefined || this.#isWorthAnother(choice, request, reply));
      });
      // If nothing at all can be used, more of the same would only cost more.
      if (choices.some(({ problem }) => problem === undefined)) {
        const settled = await Promise.allSettled(missing.map((index) => ask(1, otherSeed(index))));
        const firstMs = latencyMs;
        for (const [position, outcome] of settled.entries()) {
          if (outcome.status === "rejected") throw outcome.reason;
          const [choice] = outcome.value.choices;
          if (choice) choices[missing[position] as number] = choice;
          latencyMs = Math.max(latencyMs, firstMs + outcome.value.latencyMs);
        }
      }
      const where = `${this.model} at ${this.baseUrl}`;
      const replies = Array.from({ length: n }, (_, index) => {
        const choice = choices[index];
        if (choice === undefined || choice.problem) throw problemError(where, choice?.problem ?? NOTHING);
        return choice;
      });
      return {
        texts: replies.map(({ text }) => text),
        thoughts: thoughtsOf(replies),
        usage: bill.usage as Usage,
        finishReasons: replies.map(({ finishReason }) => finishReason),
        model,
        latencyMs,
      };
    } catch (error) {
      if (signal.aborted && bill.usage) request.onAbandoned?.(bill.usage);
      throw error instanceof ModelCallError && bill.usage ? billed(error, bill.usage) : error;
    }
  }

  /** Another draw may give an answer, or one with more room does, where thinking left little or none for the text. */
  #isWorthAnother(choice: ReadReply, request: ChatRequest, { limit, tokens }: Answer): boolean {
    const { problem, finishReason, text, thought } = choice;
    if (problem?.isFleeting) return true;
    const isThinking = text === "" || thought !== undefined || 2 * tokens > limit;
    const isStarved = finishReason === "length" && isThinking && LITTLE_TEXT * estimateTokens(text) < limit;
    return isStarved && this.#dialect.grow(this.#limitOf(request), limit);
  }

  #limitOf({ maxTokens }: ChatRequest): number {
    return maxTokens ?? this.#options.maxTokens ?? DEFAULT_REPLY_TOKENS;
  }

  /** @param onUsage - told what each answer cost, also one that cannot be used */
  async #ask(
    request: ChatRequest,
    { n, seed }: { n: number; seed: number | undefined },
    signal: AbortSignal,
    onUsage: (usage: Usage) => void,
  ): Promise<Answer & { latencyMs: number }> {
    const search = new ParameterSearch(this.#dialect);
    try {
      if (this.#batches) {
        const bounds = { timeoutMs: this.#timeoutMs, signal };
        const attempt = () => this.#complete(request, { n, seed }, search, onUsage, bounds);
        // Time in a batch is nobody's: no limit of a workflow counts it.
        return { ...(await callAgain(attempt, this.#maxRetries)), latencyMs: 0 };
      }
      return await this.#retry(
        (timeoutMs) =>
          timedAttempt(request, () =>
            this.#complete(request, { n, seed }, search, onUsage, { timeoutMs, signal }),
          ),
        signal,
      );
    } catch (error) {
      if (error instanceof ModelCallError && error.kind === "model-not-found") {
        throw await this.#withServerModels(error);
      }
      throw error;
    }
  }

  /** One attempt; after a refusal the rest is asked again without one parameter after the other, at no cost. */
  async #complete(
    request: ChatRequest,
    { n, seed }: { n: number; seed: number | undefined },
    search: ParameterSearch,
    onUsage: (usage: Usage) => void,
    bounds: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Answer> {
    const pay = ({ usage, choices }: Completion): number => {
      const texts = choices.map(({ text, thought }) => `${thought ?? ""}${text}`);
      // An answer without counts and without a text says nothing of what it cost.
      if (usage === undefined && texts.every((text) => text === "")) return 0;
      const counted = usageOf(usage, request.messages, texts);
      onUsage(counted);
      return counted.completionTokens / Math.max(1, choices.length);
    };
    for (;;) {
      const options = {
        n: Math.min(n, this.#dialect.mostChoices),
        seed: (this.#options.sendSeed ?? true) ? seed : undefined,
        maxTokens: this.#limitOf(request),
        // The first answer is asked for whole: it shows most plainly what a server is and what it refuses.
        isStream:
          this.#wire.streams && !this.#batches && (this.#hasAnswered || this.#options.stream === true),
        params: this.#params,
      };
      const bodyNow = () => this.#dialect.body(this.model, request, options, search.changes);
      const openChanges = (changes: readonly string[], said = "") =>
        this.#dialect.openChanges(request, options, changes, said);
      const body = bodyNow();
      const limit = this.#dialect.limit(options.maxTokens);
      try {
        const completion = await this.#send(body, request, seed, bounds);
        const tokens = pay(completion);
        const { choices } = completion;
        this.#hasAnswered = true;
        search.succeeded();
        this.#dialect.accept(openChanges(search.changes));
        const [first] = choices;
        if (first?.problem?.kind === "server" && choices.every(({ problem }) => problem?.kind === "server"))
          throw new CallFailure("count", problemError(`${this.model} at ${this.baseUrl}`, first.problem));
        return { choices, limit, tokens, asked: body.n ?? 1, model: this.#nameOf(completion.model) };
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        if (error.partial) pay(error.partial);
        else if (error.error.kind === "timeout") onUsage(usageOf(undefined, request.messages, []));
        const { kind, status } = error.error;
        if (kind === "auth" && status === 403 && this.#hasAnswered) throw refusedInput(error);
        // Another call's refusal may have taught it while this one was on its way.
        if (kind === "bad-request" && !isDeepStrictEqual(bodyNow(), body)) continue;
        const isChanged = search.next(error, (changes) => openChanges(changes, error.said));
        if (!isChanged && kind === "bad-request" && body.stream && this.#wire.stopStreaming()) continue;
        // A server that failed is given a pause before it is asked again.
        if (!isChanged || kind === "server") throw error;
      }
    }
  }

  async #send(
    body: CompletionBody,
    request: ChatRequest,
    seed: number | undefined,
    bounds: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Completion> {
    if (this.#batches) {
      const { callKey = randomUUID() } = request;
      const id = seed === request.seed ? callKey : hashJson([callKey, seed]);
      const { status, body: answer } = await this.#batches.ask(id, body, bounds.signal);
      return await this.#wire.completionOf(status, answer);
    }
    // What a server bills for a request that is called off is not known: its prompt at least.
    const abandon = () => request.onAbandoned?.(usageOf(undefined, request.messages, []));
    const unlink = onAbort(bounds.signal, abandon);
    return await this.#wire.complete(body, bounds).finally(unlink);
  }

  /** Does the server answer to our model's name, though it does not list it? @returns what the answer cost, where it says so */
  async #probe(signal: AbortSignal): Promise<Usage | undefined> {
    let usage: Usage | undefined;
    try {
      const request = { messages: [{ role: "user" as const, content: "Hi" }], maxTokens: 1 };
      await this.#ask(request, { n: 1, seed: undefined }, signal, (paid) => {
        usage = paid;
      });
    } catch (error) {
      if (!(error instanceof ModelCallError) || error.isFatal) throw error;
    }
    return usage;
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

  get #maxRetries(): number {
    return this.#options.maxRetries ?? 4;
  }

  #retry<T>(attempt: (timeoutMs: number) => Promise<T>, signal: AbortSignal): Promise<T> {
    return callWithRetries(attempt, {
      limiter: this.#limiter,
      maxRetries: this.#maxRetries,
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

/** Copy of an error that says what was billed all the same. */
function billed(error: ModelCallError, usage: Usage): ModelCallError {
  const { kind, message, status, hint, isRetryable, isFatal, cause } = error;
  return new ModelCallError(kind, message, { status, hint, isRetryable, isFatal, cause, usage });
}

/** A key that was good until now is not what a 403 is about. */
function refusedInput({ error }: CallFailure): CallFailure {
  const { message, status } = error;
  return new CallFailure("never", new ModelCallError("refused", message, { status, cause: error }));
}
