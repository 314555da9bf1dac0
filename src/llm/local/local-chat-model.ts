/** @file A local model behind the ChatModel contract, for executors named `local:` and for agent.weak. */
import { ConfigError, ModelCallError } from "../../core/errors.js";
import { seedFrom } from "../../core/hash.js";
import type { ChatModel, ChatRequest, ChatResult } from "../chat-model.js";
import type { LocalModel } from "./local-model.js";

const DEFAULT_MAX_TOKENS = 512;
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

  constructor(model: LocalModel) {
    this.#model = model;
    this.id = model.info.id;
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
      maxTokens,
      stop,
      signal,
    });
    const texts = result.replies.map((reply) => reply.text);
    if (texts.some((text) => text.trim() === "")) {
      throw new ModelCallError("empty", `${this.id} gave an empty reply`);
    }
    return {
      texts,
      usage: {
        promptTokens: result.promptTokens.length,
        completionTokens: result.replies.reduce((sum, reply) => sum + reply.tokens.length, 0),
      },
      finishReasons: result.replies.map((reply) => reply.finishReason),
      model: this.id,
      // Its turn in the queue of the engine is not its time.
      latencyMs: result.timings.prefillMs + result.timings.decodeMs,
    };
  }

  /** The LocalModel may be shared (a policy and agent.weak are often one file): its owner closes it. */
  async close(): Promise<void> {}
}
