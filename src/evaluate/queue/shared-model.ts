/** @file A chat model of a worker: each of its calls is paid once among all workers of a run. */
import { ModelCallError } from "../../core/errors.js";
import type { ChatModel, ChatRequest, ChatResult, Usage } from "../../llm/chat-model.js";
import { billedFor } from "../../llm/metered-model.js";
import { costOf, type Price } from "../../llm/prices.js";
import { addUsage, mostUsage } from "../../llm/token-usage.js";
import type { Payment, SharedCalls } from "./shared-calls.js";

/** Stands between a metered model, which names the call, and the model that is asked. */
export class SharedModel implements ChatModel {
  readonly id: string;
  readonly isSimulated: boolean;
  readonly #model: ChatModel;
  readonly #calls: Pick<SharedCalls, "once">;
  readonly #role: string;
  readonly #price: Price | null;

  /** @param role - in the ledger */
  constructor(model: ChatModel, calls: Pick<SharedCalls, "once">, role: string, price: Price | null) {
    this.id = model.id;
    this.isSimulated = model.isSimulated;
    this.#model = model;
    this.#calls = calls;
    this.#role = role;
    this.#price = price;
  }

  /** @throws {TypeError} on a request without the name of its call; all that the model throws */
  async chat(request: ChatRequest): Promise<ChatResult> {
    const { callKey: key, signal, messages, n, temperature, maxTokens, stop, json } = request;
    if (key === undefined) throw new TypeError("a shared call needs its name");
    const sent: Payment["request"] = {
      ...{ messages: [...messages], n, temperature, maxTokens, json },
      stop: stop && [...stop],
    };
    const bound = mostUsage(request);
    const tokens = bound.promptTokens + bound.completionTokens;
    const most = this.#role === "weak" ? undefined : { tokens, dollars: costOf(bound, this.#price) ?? 0 };
    const { reply, isShared } = await this.#calls.once(key, most, signal, async () => {
      let abandoned: Usage | undefined;
      try {
        const own = await this.#model.chat({
          ...request,
          onAbandoned: (usage) => {
            abandoned = abandoned ? addUsage(abandoned, usage) : usage;
          },
        });
        return { payment: { reply: own, entry: this.#entry(own.usage), request: sent } };
      } catch (error) {
        const usage = error instanceof ModelCallError ? billedFor(error) : abandoned;
        return { error, payment: { entry: usage && this.#entry(usage), request: sent } };
      }
    });
    return isShared ? { ...reply, isShared } : reply;
  }

  #entry(usage: Usage): Payment["entry"] {
    const { promptTokens, completionTokens, isEstimated, requests } = usage;
    const dollars = costOf(usage, this.#price);
    return {
      ...{ role: this.#role, model: this.id, isCached: false, promptTokens, completionTokens },
      dollars,
      requests,
      isEstimated,
    };
  }

  async preflight(signal?: AbortSignal): Promise<{ models: string[] }> {
    return (await this.#model.preflight?.(signal)) ?? { models: [] };
  }

  /** Whoever made the model closes it. */
  async close(): Promise<void> {}
}
