/** @file Answers from recorded calls only, so that a run can be repeated without its model. */
import { ConfigError, ModelCallError } from "../core/errors.js";
import { callKey } from "./call-key.js";
import type { CallStore } from "./call-store.js";
import type { ChatModel, ChatRequest, ChatResult } from "./chat-model.js";
import { escapeText } from "./escape-text.js";

export interface ReplayChatModelOptions {
  store: CallStore;
  /** Id of the model that was recorded: recorded calls are found by it. */
  id: string;
  /** Carries the label of the recorded model. Default false. */
  isSimulated?: boolean | undefined;
}

/**
 * Behind a MeteredModel calls are found by their `callKey`. Alone, equal requests get the recorded replies
 * of a run in their order (epoch 0).
 */
export class ReplayChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated: boolean;
  readonly #store: CallStore;
  readonly #occurrences = new Map<string, number>();

  constructor(options: ReplayChatModelOptions) {
    this.id = options.id;
    this.isSimulated = options.isSimulated ?? false;
    this.#store = options.store;
  }

  /** @throws {ModelCallError} `unseen-prompt`, fatal: what was never recorded must not count as a bad workflow. */
  async chat(request: ChatRequest): Promise<ChatResult> {
    const n = request.n ?? 1;
    if (!Number.isInteger(n) || n < 1 || n > 64) throw new ConfigError(`n is ${n}; it must be 1 to 64`);
    request.signal?.throwIfAborted();
    const reply = this.#store.getReply(request.callKey ?? this.#nextKey(request));
    if (reply === undefined) {
      const prompt = escapeText(request.messages.at(-1)?.content ?? "", 80);
      throw new ModelCallError("unseen-prompt", `${this.id}: this call was not recorded: "${prompt}"`, {
        isFatal: true,
        hint: "replay needs the same task, seed and settings as the recorded run",
      });
    }
    // Nothing is charged for what was recorded.
    const { dollars, ...usage } = reply.usage;
    return { ...reply, usage };
  }

  /** The recordings belong to whoever opened the store. */
  async close(): Promise<void> {}

  #nextKey(request: ChatRequest): string {
    const first = callKey(this.id, request, { occurrence: 0 });
    const occurrence = this.#occurrences.get(first) ?? 0;
    this.#occurrences.set(first, occurrence + 1);
    return occurrence === 0 ? first : callKey(this.id, request, { occurrence });
  }
}
