/** @file A scripted chat model for tests: it answers what it was told to, and refuses to make anything up. */
import { ConfigError, ModelCallError } from "../core/errors.js";
import type { ChatModel, ChatRequest, ChatResult, FinishReason } from "./chat-model.js";
import { orAborted } from "./clock.js";
import { estimatePromptTokens, estimateTokens } from "./token-usage.js";

type MockReply = string | readonly string[] | Error;
/** A function answers each request; one text then stands for all n replies, a list must hold exactly n. */
export type MockScript = readonly string[] | ((request: ChatRequest) => MockReply | Promise<MockReply>);

export interface MockChatModelOptions {
  /** Default "mock". */
  id?: string | undefined;
  isSimulated?: boolean | undefined;
}

/**
 * Scripted chat model: answers from a list (each reply takes the next text) or from a function, and records what was asked.
 * Token counts are estimates from text length and are marked as such.
 */
export class MockChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated: boolean;
  /** Every request, in order of arrival. */
  readonly requests: ChatRequest[] = [];
  readonly #script: MockScript;
  #used = 0;

  constructor(script: MockScript, options: MockChatModelOptions = {}) {
    this.#script = script;
    this.id = options.id ?? "mock";
    this.isSimulated = options.isSimulated ?? false;
  }

  /** @throws {ModelCallError} `unseen-prompt` when the script has run out; `empty` for an empty text. */
  async chat(request: ChatRequest): Promise<ChatResult> {
    const n = request.n ?? 1;
    if (!Number.isInteger(n) || n < 1 || n > 64) throw new ConfigError(`n is ${n}; it must be 1 to 64`);
    if (request.messages.length === 0) throw new ConfigError("a chat request needs at least one message");
    request.signal?.throwIfAborted();
    this.requests.push(request);
    const texts = await orAborted(this.#answer(request, n), request.signal);
    if (texts.some((text) => text.trim() === ""))
      throw new ModelCallError("empty", `${this.id}: empty reply`);
    return {
      texts,
      usage: {
        promptTokens: estimatePromptTokens(request.messages),
        completionTokens: texts.reduce((sum, text) => sum + estimateTokens(text), 0),
        isEstimated: true,
      },
      finishReasons: texts.map((): FinishReason => "stop"),
      model: this.id,
      latencyMs: 0,
    };
  }

  async close(): Promise<void> {}

  async #answer(request: ChatRequest, n: number): Promise<string[]> {
    if (typeof this.#script === "function") {
      const reply = await this.#script(request);
      if (reply instanceof Error) throw reply;
      if (typeof reply === "string") return Array.from({ length: n }, () => reply);
      if (reply.length !== n) {
        throw new ModelCallError("unseen-prompt", `${this.id}: ${reply.length} replies for n = ${n}`, {
          isFatal: true,
        });
      }
      return [...reply];
    }
    const texts = this.#script.slice(this.#used, this.#used + n);
    if (texts.length < n) {
      throw new ModelCallError(
        "unseen-prompt",
        `${this.id}: all ${this.#script.length} scripted replies are used`,
        {
          isFatal: true,
        },
      );
    }
    this.#used += n;
    return texts;
  }
}
