/** @file A local model behind the ChatModel contract, for executors named `local:` and for agent.weak. */
import { ConfigError } from "../../core/errors.js";
import { seedFrom } from "../../core/hash.js";
import type { ChatModel, ChatRequest, ChatResult } from "../chat-model.js";
import { problemError, readReply, thoughtsOf, withRoom } from "../read-reply.js";
import { addUsage } from "../token-usage.js";
import type { LocalModel } from "./local-model.js";

const DEFAULT_MAX_TOKENS = 768;
const MAX_REPLIES = 64;

/** One JSON object, nested values allowed, white space bounded so that it cannot be padded for ever. */
export const JSON_OBJECT_GRAMMAR = `root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws ( pair ( "," ws pair )* )? "}" ws
pair   ::= string ":" ws value ws
array  ::= "[" ws ( value ws ( "," ws value ws )* )? "]"
string ::= "\\"" char* "\\""
char   ::= [^"\\\\\\x00-\\x1f] | "\\\\" ( ["\\\\/bfnrt] | "u" [0-9a-fA-F]{4} )
number ::= "-"? ( "0" | [1-9] [0-9]{0,14} ) ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,3} )?
ws     ::= [ \\t\\n]{0,8}
`;

/** Chat model over a LocalModel: for executors named `local:` and for `agent.weak`. */
export class LocalChatModel implements ChatModel {
  readonly id: string;
  readonly isSimulated = false;
  readonly #model: LocalModel;
  readonly #isThinking: boolean | undefined;
  /** Thinking has once used up a whole reply. */
  #hasRoom = false;

  /** @param isThinking - as `enable_thinking` for chat templates that know it; default false */
  constructor(model: LocalModel, isThinking?: boolean) {
    this.#model = model;
    this.#isThinking = isThinking;
    this.id = isThinking ? `${model.info.id}+thinking` : model.info.id;
  }

  /** The n replies share one prefill. `seed` absent counts as 0: the same request gives the same replies. */
  async chat(request: ChatRequest): Promise<ChatResult> {
    const {
      messages,
      n = 1,
      temperature = 0,
      maxTokens = DEFAULT_MAX_TOKENS,
      stop,
      seed = 0,
      json,
      signal,
    } = request;
    if (!Number.isInteger(n) || n < 1 || n > MAX_REPLIES) {
      throw new ConfigError(`n is ${n}; it must be 1 to ${MAX_REPLIES}`);
    }
    const result = await this.#model.generate({
      messages,
      candidates: Array.from({ length: n }, (_, index) => ({
        seed: seedFrom(seed, index),
        temperature,
        grammar: json ? JSON_OBJECT_GRAMMAR : undefined,
      })),
      maxTokens: this.#hasRoom ? withRoom(maxTokens) : maxTokens,
      stop,
      isThinking: this.#isThinking,
      signal,
    });
    const usage = {
      promptTokens: result.promptTokens.length,
      completionTokens: result.replies.reduce((sum, reply) => sum + reply.tokens.length, 0),
    };
    const replies = result.replies.map(({ text, finishReason }) => readReply(text, finishReason));
    const isCutThinking = replies.some(
      ({ problem, thought }) => problem?.kind === "length" && thought !== undefined,
    );
    if (isCutThinking && !this.#hasRoom) {
      this.#hasRoom = true;
      const again = await this.chat(request);
      return { ...again, usage: addUsage(usage, again.usage) };
    }
    for (const { problem } of replies) if (problem) throw problemError(this.id, problem, usage);
    return {
      texts: replies.map(({ text }) => text),
      thoughts: thoughtsOf(replies),
      usage,
      finishReasons: replies.map(({ finishReason }) => finishReason),
      model: this.id,
      // Its turn in the queue of the engine is not its time.
      latencyMs: result.timings.prefillMs + result.timings.decodeMs,
    };
  }

  /** The LocalModel may be shared (a policy and agent.weak are often one file): its owner closes it. */
  async close(): Promise<void> {}
}
