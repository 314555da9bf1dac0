/** @file The one contract every model behind a workflow or a policy fulfils. */

import type { ReplyUsage } from "../core/errors.js";
import type { WaveGate } from "./wave-gate.js";

export type Role = "system" | "user" | "assistant";

export interface ChatMessage {
  role: Role;
  content: string;
}

/** Request for n replies to one conversation. */
export interface ChatRequest {
  /** Conversation, oldest message first; at least one. */
  messages: readonly ChatMessage[];
  /** Number of independent replies, 1–64. Default 1. */
  n?: number | undefined;
  /** 0–2. Default 0 (greedy). */
  temperature?: number | undefined;
  /** Limit of each reply in tokens. Default: the implementation's. */
  maxTokens?: number | undefined;
  /** Texts that end a reply and are no part of it. */
  stop?: readonly string[] | undefined;
  /** 31-bit integer; the same request with the same seed asks for the same replies. */
  seed?: number | undefined;
  /** Ask for a JSON object (response_format, or a grammar). */
  json?: boolean | undefined;
  /** Keys of that object, all of them strings and required, for models that take a schema; no part of the call's name. */
  jsonKeys?: readonly string[] | undefined;
  /** Name of this call in a store: set by MeteredModel, read by replay, ignored by all others. */
  callKey?: string | undefined;
  /** Told when an attempt leaves for the server (ms of `performance.now()`; not while it waits for a lane or a pause), and with undefined when it has ended. */
  onAttempt?: ((sentAt: number | undefined) => void) | undefined;
  signal?: AbortSignal | undefined;
  /**
   * Called by the model for each request that was sent and is given up before its answer, because `signal` aborts: an estimate
   * of what the server bills for it, which the abort's reason has no room for. Set by MeteredModel.
   */
  onAbandoned?: ((usage: Usage) => void) | undefined;
}

export type FinishReason = "stop" | "length" | "unknown";

/** Tokens of one request: of the prompt once, and of all replies. */
export type Usage = ReplyUsage;

/** Replies to a request, with what they cost. */
export interface ChatResult {
  /** Exactly n non-empty texts, without what the model thought aloud before them. */
  texts: string[];
  /** Thinking that stood before each text, in their order; absent where no reply held any. Kept in the store, never shown to workflows, judges or scorers. */
  thoughts?: (string | undefined)[] | undefined;
  /** Tokens of the prompt once, and of all replies. */
  usage: Usage;
  /** Why each reply ended, in the order of `texts`. */
  finishReasons: FinishReason[];
  /** Name of the model as it answered. */
  model: string;
  /** Answered from what another process had paid; absent elsewhere, and never stored. */
  isShared?: true | undefined;
  /** Milliseconds of the attempts that answered, without lanes, pauses and failed ones; made up where the model is simulated. */
  latencyMs?: number | undefined;
}

/**
 * Chat model behind a workflow or a policy. Empty replies, refusals and outages are thrown as ModelCallError, never returned as "".
 * Aborting rejects with the signal's reason.
 */
export interface ChatModel {
  /** Name that is printed and hashed: "openai:http://…/v1#model", "local:<sha256>", "simulated". */
  readonly id: string;
  /** True for invented replies: every table and file that holds their numbers is marked. */
  readonly isSimulated: boolean;
  /** Where its calls are sent in waves: whoever waits for one waits at this gate. */
  readonly gate?: WaveGate | undefined;
  /**
   * Exactly n replies to a request.
   * @throws {ModelCallError} where there is no usable reply; `isFatal` says whether a run has to stop
   */
  chat(request: ChatRequest): Promise<ChatResult>;
  /** Checks key, endpoint and model name once before anything is paid; absent where nothing can fail. */
  preflight?(signal?: AbortSignal): Promise<{ models: string[] }>;
  /** Asks for one token: what it cost, where the server's answers say what they are charged with. */
  sampleBill?(signal?: AbortSignal): Promise<Usage | undefined>;
  /** Gives up calls in flight and frees what the model holds; whoever made the model calls it. */
  close(): Promise<void>;
}
