/** @file Messages between a LocalModel and its child process: plain JSON, one reply per request id. */
import type { ChatMessage } from "../chat-model.js";

export type GpuChoice = "off" | "auto" | "cuda" | "vulkan" | "metal";

/** Lanes of continuous batching. */
export interface LanePlan {
  /** Replies that are written together, 1 to 64. */
  lanes: number;
  /** Tokens of all lanes that memory has room for; long requests get fewer lanes. */
  tokens: number;
}

export interface LoadOrder {
  modelPath: string;
  adapterPath?: string | undefined;
  gpu: GpuChoice;
  threads: number;
  /** Jinja source. */
  chatTemplate: string;
  maxSequences: number;
  /** Present for an executor: its requests are written side by side instead of one after another. */
  lanes?: LanePlan | undefined;
  /** Tokens per sequence; contexts grow up to it. */
  contextLimit: number;
  /** Precision of the KV cache. */
  kvCache: "f16" | "f32";
  /** Folder for saved sequence states; the parent makes and removes it. */
  stateFolder: string;
}

export interface LoadedModel {
  device: string;
  /** GPU kind in use, or "off". */
  gpu: Exclude<GpuChoice, "auto">;
  threads: number;
  version: string;
}

export interface Candidate {
  /** 31-bit integer. */
  seed: number;
  /** 0–2; 0 is greedy. */
  temperature: number;
  /** GBNF with a rule `root`. */
  grammar?: string | undefined;
}

export interface GenerateOrder {
  messages: ChatMessage[];
  candidates: Candidate[];
  maxTokens: number;
  stop: string[];
  session?: string | undefined;
  logProbs: boolean;
  isThinking?: boolean | undefined;
}

export interface GeneratedReply {
  text: string;
  /** Sampled ids, the end-of-turn token included where it was sampled. */
  tokens: number[];
  finishReason: "stop" | "length";
  /** One per token: natural logarithm under the model itself (temperature 1, no grammar, no cut). */
  logProbs?: number[] | undefined;
}

export interface Generated {
  promptTokens: number[];
  replies: GeneratedReply[];
  /** Prompt tokens whose KV cache was kept from an earlier call. */
  reusedPromptTokens: number;
  /** `sampleMs` is the part of `decodeMs` spent in sampling and grammars. */
  timings: { prefillMs: number; decodeMs: number; sampleMs: number };
}

export type ParentMessage =
  | { type: "load"; id: number; order: LoadOrder }
  /** Gives the model's memory back; a "load" for the same device and as many threads may follow. */
  | { type: "unload"; id: number }
  | { type: "generate"; id: number; order: GenerateOrder }
  | { type: "render"; id: number; messages: ChatMessage[] }
  | { type: "tokenize"; id: number; text: string; isDocument: boolean }
  | { type: "score"; id: number; tokens: number[]; isBare: boolean }
  | { type: "abort"; id: number };

/** Reasons why the child could not do it; the parent turns them into typed errors. */
export type ChildFailure =
  | "aborted"
  | "context-length"
  | "bad-grammar"
  | "bad-template"
  | "no-gpu"
  | "memory"
  | "load"
  | "timeout"
  | "failed";

export type ChildMessage =
  | { type: "ready" }
  | { type: "result"; id: number; value: unknown }
  | { type: "error"; id: number; failure: ChildFailure; message: string }
  /** Sent with every chunk and step: silence means trouble. */
  | { type: "progress"; id: number; written?: WritingProgress | undefined };

/** How far a reply is. */
export interface WritingProgress {
  promptTokens: number;
  /** Of them, those that are evaluated. */
  promptDone: number;
  /** Tokens written so far, of each candidate. */
  replyTokens: number;
}

/** A failure inside the child that the parent has a typed error for. */
export class LocalFailure extends Error {
  readonly failure: ChildFailure;
  constructor(failure: ChildFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}
