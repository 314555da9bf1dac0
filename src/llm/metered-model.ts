/** @file A chat model whose every reply is paid once, stored before use, counted and bounded by the budget. */
import type { Budget } from "../core/budget.js";
import { ConfigError, ModelCallError, type ModelCallErrorKind } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { type CallPosition, callKey } from "./call-key.js";
import type { CallStore } from "./call-store.js";
import type { ChatModel, ChatRequest, ChatResult, Usage } from "./chat-model.js";
import { orAborted } from "./clock.js";
import { costOf, type Price } from "./prices.js";

export interface MeteredModelOptions {
  model: ChatModel;
  /** Who asks, in the ledger: "executor", "weak", "judge". */
  role: string;
  store: CallStore;
  budget: Budget;
  /** Null or left out: unknown, so that dollars are reported as unknown. */
  price?: Price | null | undefined;
  /** Seed of the run: every call that names no seed gets one derived from it and its key. */
  seed: number;
  /** Called with each answered call. */
  onCall?: ((call: CallReport) => void) | undefined;
}

export interface CallReport {
  role: string;
  model: string;
  isCached: boolean;
  usage: Usage;
  dollars: number | null;
  latencyMs: number | undefined;
  tag: string | undefined;
}

export interface MeteredResult extends ChatResult {
  /** True when nothing was paid now. */
  isCached: boolean;
  /** Cost of this reply at its price, whether paid now or earlier; null when the price is unknown. */
  dollars: number | null;
}

export interface MeteredCall extends CallPosition {
  /** Free label for the ledger, such as the job. */
  tag?: string | undefined;
}

/** One question on its way to the model, and those who wait for its answer. */
interface Flight {
  reply: Promise<ChatResult>;
  controller: AbortController;
  waiting: number;
  /** The attempt that is on its way, and who wants to hear of attempts. */
  sentAt?: number | undefined;
  listeners: NonNullable<ChatRequest["onAttempt"]>[];
}

const CHARGED_KINDS: ReadonlySet<ModelCallErrorKind> = new Set(["refused", "empty", "length", "bad-reply"]);

export class MeteredModel {
  readonly model: ChatModel;
  readonly role: string;
  readonly price: Price | null;
  readonly #options: MeteredModelOptions;
  readonly #flights = new Map<string, Flight>();

  /** @throws {ConfigError} when the budget is in dollars and the price is unknown. */
  constructor(options: MeteredModelOptions) {
    this.model = options.model;
    this.role = options.role;
    this.price = options.price ?? null;
    this.#options = options;
    if (this.price === null && options.budget.limits.dollars !== undefined) {
      throw new ConfigError(`a budget in dollars needs the price of ${options.model.id}`, {
        hint: "give its price per million tokens, or limit tokens or calls instead",
      });
    }
  }

  get id(): string {
    return this.model.id;
  }

  get isSimulated(): boolean {
    return this.model.isSimulated;
  }

  /**
   * Answers from the store, from an equal call in flight, or from the model.
   * @throws {BudgetExceededError} before a call that would be paid after a limit was reached. Calls in
   *   flight at that moment still count, so that tokens and dollars may pass their limit by those.
   * @throws {ModelCallError} as the model throws it; errors are never stored.
   */
  async chat(request: ChatRequest, call: MeteredCall): Promise<MeteredResult> {
    request.signal?.throwIfAborted();
    const key = callKey(this.model.id, request, call);
    const stored = this.#options.store.getReply(key);
    if (stored) return this.#report(stored, true, call.tag);
    const running = this.#flights.get(key);
    const flight = running ?? this.#start(key, request, call.tag);
    if (request.onAttempt) flight.listeners.push(request.onAttempt);
    if (request.onAttempt && flight.sentAt !== undefined) request.onAttempt(flight.sentAt);
    return this.#report(await this.#join(key, flight, request.signal), running !== undefined, call.tag);
  }

  #start(key: string, request: ChatRequest, tag: string | undefined): Flight {
    const controller = new AbortController();
    const flight = { controller, waiting: 0, listeners: [] } as Omit<Flight, "reply"> as Flight;
    const onAttempt: ChatRequest["onAttempt"] = (sentAt) => {
      flight.sentAt = sentAt;
      for (const listener of flight.listeners) listener(sentAt);
    };
    flight.reply = this.#pay(key, { ...request, onAttempt }, tag, controller.signal);
    this.#flights.set(key, flight);
    const forget = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.reply.then(forget, forget);
    return flight;
  }

  async #pay(
    key: string,
    request: ChatRequest,
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<ChatResult> {
    const { model, store, budget, role, seed } = this.#options;
    budget.check();
    // Counted before it starts, so that calls in flight can not pass the limit of calls.
    budget.add({ calls: 1 });
    let reply: ChatResult;
    try {
      reply = await model.chat({
        ...request,
        seed: request.seed ?? seedFrom(seed, key),
        callKey: key,
        signal,
      });
    } catch (error) {
      // A refusal or an empty text is an answer that was charged; an outage is not.
      const isCharged = error instanceof ModelCallError && CHARGED_KINDS.has(error.kind);
      if (!isCharged) budget.add({ calls: -1 });
      throw error;
    }
    const { usage } = reply;
    const dollars = costOf(usage, this.price);
    budget.add({ tokens: usage.promptTokens + usage.completionTokens, dollars: dollars ?? 0 });
    const entry = {
      role,
      model: model.id,
      isCached: false,
      promptTokens: usage.promptTokens,
      completionTokens: usage.completionTokens,
      dollars,
      isEstimated: usage.isEstimated ?? false,
      tag,
    };
    const { messages, n, temperature, maxTokens, stop, json } = request;
    const sent = { messages, n, temperature, maxTokens, stop, json };
    return store.putReply(key, reply, entry, sent);
  }

  /** Waits for a flight; it is called off only when nobody waits any more. */
  async #join(key: string, flight: Flight, signal: AbortSignal | undefined): Promise<ChatResult> {
    flight.waiting++;
    try {
      return await orAborted(flight.reply, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) {
        // Whoever asks the same from now on must not join a call that is being called off.
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.controller.abort(signal?.reason);
      }
    }
  }

  #report(reply: ChatResult, isCached: boolean, tag: string | undefined): MeteredResult {
    const { role, model, store, onCall } = this.#options;
    const dollars = costOf(reply.usage, this.price);
    if (isCached) {
      const { promptTokens, completionTokens } = reply.usage;
      store.addLedger({ role, model: model.id, isCached, promptTokens, completionTokens, dollars });
    }
    onCall?.({
      role,
      model: model.id,
      isCached,
      usage: reply.usage,
      dollars,
      latencyMs: reply.latencyMs,
      tag,
    });
    return { ...reply, isCached, dollars };
  }
}
