/** @file A chat model whose every reply is paid once, stored before use, counted and bounded by the budget. */
import type { Budget, Spending } from "../core/budget.js";
import { ConfigError, ModelCallError, type ModelCallErrorKind } from "../core/errors.js";
import { seedFrom } from "../core/hash.js";
import { type CallPosition, callKey } from "./call-key.js";
import type { CallStore, LedgerEntry } from "./call-store.js";
import type { ChatModel, ChatRequest, ChatResult, Usage } from "./chat-model.js";
import { orAborted } from "./clock.js";
import { inModelSpan } from "./model-span.js";
import { costOf, type Price } from "./prices.js";
import { addUsage, mostUsage } from "./token-usage.js";

export interface MeteredModelOptions {
  model: ChatModel;
  /** Who asks, in the ledger: "executor", "weak", "judge". */
  role: string;
  store: Pick<CallStore, "getReply" | "putReply" | "addLedger">;
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
  /** Called once with what is paid for this call, also where it fails or nobody waits for it any more. */
  onPaid?: ((spent: Spending) => void) | undefined;
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

/** Failures that are answers: they count as calls also where nothing is known of their tokens. */
const ANSWERED_KINDS: ReadonlySet<ModelCallErrorKind> = new Set(["refused", "empty", "length", "bad-reply"]);
/** With this, no more than 1 of 1,000 generated runs passes its limit by more than a call where servers bill at random. */
const DOUBT_OF_ONE_BILL = 8;
const UNKNOWN_USAGE: Usage = { promptTokens: 0, completionTokens: 0, isEstimated: true };

export class MeteredModel {
  readonly model: ChatModel;
  readonly role: string;
  readonly price: Price | null;
  readonly #options: MeteredModelOptions;
  readonly #flights = new Map<string, Flight>();
  /**
   * Number of bills so far; how many times `mostUsage`, and the price of their tokens, the dearest of them were, at least once;
   * and the requests beyond the first, by reply.
   */
  readonly #bills = { count: 0, prompt: 1, completion: 1, dollars: 1, further: 0 };

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
   * Answers from the store, from an equal call in flight, or from the model. The most that a call can cost is reserved
   * before it is sent, so that tokens and dollars pass their limit by one call at most; a call that must wait for that waits.
   * Until the bill of a first call is known, limits of tokens and dollars let one call go at a time, and few at first; a batch
   * has no first call, so that its estimates must do.
   * @throws {BudgetExceededError} before a call that would be paid after a limit was reached
   * @throws {ModelCallError} as the model throws it; errors are never stored, but what was billed for them is counted.
   */
  async chat(request: ChatRequest, call: MeteredCall): Promise<MeteredResult> {
    request.signal?.throwIfAborted();
    const key = callKey(this.model.id, request, call);
    const stored = this.#options.store.getReply(key);
    if (stored) return this.#report(stored, true, call.tag);
    const running = this.#flights.get(key);
    const flight = running ?? this.#start(key, request, call);
    if (request.onAttempt) flight.listeners.push(request.onAttempt);
    if (request.onAttempt && flight.sentAt !== undefined) request.onAttempt(flight.sentAt);
    const join = () => this.#join(key, flight, request.signal);
    const reply = await (this.model.gate?.wait(join) ?? join());
    return this.#report(reply, running !== undefined || reply.isShared === true, call.tag);
  }

  #start(key: string, request: ChatRequest, call: MeteredCall): Flight {
    const controller = new AbortController();
    const flight = { controller, waiting: 0, listeners: [] } as Omit<Flight, "reply"> as Flight;
    const onAttempt: ChatRequest["onAttempt"] = (sentAt) => {
      flight.sentAt = sentAt;
      for (const listener of flight.listeners) listener(sentAt);
    };
    flight.reply = this.#pay(key, { ...request, onAttempt }, call, controller.signal);
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
    { tag, onPaid }: MeteredCall,
    signal: AbortSignal,
  ): Promise<ChatResult> {
    const { model, store, budget, seed } = this.#options;
    const release = await budget.reserve(() => this.#mostOf(request), signal);
    const settle = (spent: Spending) => {
      release(spent);
      onPaid?.(spent);
    };
    let abandoned: Usage | undefined;
    let reply: ChatResult;
    try {
      const asked: ChatRequest = {
        ...request,
        seed: request.seed ?? seedFrom(seed, key),
        callKey: key,
        signal,
        onAbandoned: (usage) => {
          abandoned = abandoned ? addUsage(abandoned, usage) : usage;
        },
      };
      reply = await inModelSpan(
        model.id,
        this.role,
        asked,
        () => model.chat(asked),
        (result) => result,
      );
    } catch (error) {
      const usage = error instanceof ModelCallError ? billedFor(error) : abandoned;
      if (usage) this.#learn(request, usage);
      settle(usage ? this.#spending(usage) : {});
      if (usage) store.addLedger(this.#entry(usage, tag));
      throw error;
    }
    const { usage } = reply;
    this.#learn(request, usage);
    settle(this.#spending(usage));
    const { messages, n, temperature, maxTokens, stop, json } = request;
    const sent = { messages, n, temperature, maxTokens, stop, json };
    return store.putReply(key, reply, this.#entry(usage, tag), sent);
  }

  /**
   * Upper bound of what a call costs. A server that billed more than `mostUsage` (a long template, thinking beside the
   * limit, several attempts) may do so again; the fewer bills there are, the further the next may go past them.
   */
  #mostOf(request: ChatRequest): Spending {
    const { count, prompt, completion, dollars, further } = this.#bills;
    const isBatched = this.model.gate !== undefined;
    const unknown = Number.POSITIVE_INFINITY;
    if (count === 0 && !isBatched) return { calls: 1, tokens: unknown, dollars: unknown };
    const { promptTokens, completionTokens } = mostUsage(request);
    const doubt = isBatched ? 1 : 1 + DOUBT_OF_ONE_BILL / count;
    const most = this.#spending({
      promptTokens: promptTokens * prompt * doubt,
      completionTokens: completionTokens * completion * doubt,
    });
    const calls = 1 + Math.round(further * (request.n ?? 1));
    return { calls, tokens: most.tokens, dollars: most.dollars * dollars };
  }

  #learn(request: ChatRequest, usage: Usage): void {
    const most = mostUsage(request);
    const bills = this.#bills;
    bills.count++;
    bills.prompt = Math.max(bills.prompt, usage.promptTokens / most.promptTokens);
    bills.completion = Math.max(bills.completion, usage.completionTokens / most.completionTokens);
    bills.further = Math.max(bills.further, ((usage.requests ?? 1) - 1) / (request.n ?? 1));
    const { dollars, ...tokens } = usage;
    const expected = costOf(tokens, this.price);
    if (dollars && expected) bills.dollars = Math.max(bills.dollars, dollars / expected);
  }

  #spending(usage: Usage): Required<Spending> {
    return {
      calls: usage.requests ?? 1,
      tokens: usage.promptTokens + usage.completionTokens,
      dollars: costOf(usage, this.price) ?? 0,
    };
  }

  #entry(usage: Usage, tag?: string | undefined, isCached = false): LedgerEntry {
    const { promptTokens, completionTokens, isEstimated, requests } = usage;
    const dollars = costOf(usage, this.price);
    return {
      role: this.role,
      model: this.id,
      isCached,
      promptTokens,
      completionTokens,
      dollars,
      requests,
      isEstimated,
      tag,
    };
  }

  /** Waits for a flight; it is called off only when nobody waits any more. */
  async #join(key: string, flight: Flight, signal: AbortSignal | undefined): Promise<ChatResult> {
    flight.waiting++;
    try {
      return await orAborted(flight.reply, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0 && this.#flights.get(key) === flight) {
        // Whoever asks the same from now on must not join a call that is being called off.
        this.#flights.delete(key);
        flight.controller.abort(signal?.reason);
      }
    }
  }

  #report(reply: ChatResult, isCached: boolean, tag: string | undefined): MeteredResult {
    const { store, onCall } = this.#options;
    const dollars = costOf(reply.usage, this.price);
    if (isCached) store.addLedger(this.#entry(reply.usage, tag, isCached));
    onCall?.({
      role: this.role,
      model: this.id,
      isCached,
      usage: reply.usage,
      dollars,
      latencyMs: reply.latencyMs,
      tag,
    });
    return { ...reply, isCached, dollars };
  }
}

/** Undefined where a failed call has cost nothing that is known of. */
export function billedFor({ kind, usage }: ModelCallError): Usage | undefined {
  return usage ?? (ANSWERED_KINDS.has(kind) ? UNKNOWN_USAGE : undefined);
}
