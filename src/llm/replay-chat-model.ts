/** @file Answers from recorded calls only, so that a run can be repeated without its model. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, InputError, ModelCallError } from "../core/errors.js";
import { callKey } from "./call-key.js";
import { CallStore } from "./call-store.js";
import type { ChatModel, ChatRequest, ChatResult } from "./chat-model.js";
import { escapeText } from "./escape-text.js";

export interface ReplayChatModelOptions {
  store: CallStore;
  /** Id of the model that was recorded: recorded calls are found by it. */
  id: string;
  /** Carries the label of the recorded model. Default false. */
  isSimulated?: boolean;
}

/**
 * Chat model that answers from recorded calls only. Behind a MeteredModel calls are found by their `callKey`. Alone, equal requests get the recorded replies
 * of a run in their order (epoch 0).
 */
export class ReplayChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated: boolean;
  readonly #store: CallStore;
  readonly #occurrences = new Map<string, number>();

  /**
   * The executor of a recorded run, by the id it was recorded under.
   * @param directory - a run directory, with run.json and calls.db
   * @throws {InputError} when it is none
   */
  static open(directory: string): ReplayChatModel {
    const manifest = join(directory, "run.json");
    const calls = join(directory, "calls.db");
    if (!existsSync(manifest) || !existsSync(calls)) {
      throw new InputError(`${directory} is not a run: run.json or calls.db is missing`, {
        hint: "name a directory that w4s optimize, collect or eval has written",
      });
    }
    const { executor, isSimulated = false } = JSON.parse(readFileSync(manifest, "utf8")) as {
      executor?: string;
      isSimulated?: boolean;
    };
    if (!executor) throw new InputError(`${manifest} names no executor`);
    return new ReplayChatModel({ store: CallStore.open(calls), id: executor, isSimulated });
  }

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
    return reply;
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
