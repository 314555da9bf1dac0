/** @file What the engine needs from llama.cpp, so that only one file knows the native package. */
import type { Candidate } from "./local-protocol.js";

/** A row set of one decode step. */
export interface DecodeEntry {
  sequence: number;
  /** Position of the first token. */
  position: number;
  tokens: readonly number[];
  /** Whether the last token's logits are wanted. */
  wantsLogits: boolean;
}

/** Place of an entry's logits until the next decode. */
export type LogitsIndex = number;

export interface BoundSampler {
  dispose(): void;
}

export interface BoundContext {
  readonly sequences: number;
  /** Tokens per sequence. */
  readonly contextSize: number;
  /** One llama.cpp decode of all entries together; -1 for those without logits. */
  decode(entries: readonly DecodeEntry[]): Promise<LogitsIndex[]>;
  /** Evaluates consecutive tokens of sequence 0 and gives the logits of every one. */
  decodeAll(tokens: readonly number[], position: number): Promise<LogitsIndex[]>;
  sample(index: LogitsIndex, sampler: BoundSampler): Promise<number>;
  /** Log-probability of a token under the full distribution. */
  logProb(index: LogitsIndex, token: number, scorer: BoundSampler): Promise<number>;
  copySequence(from: number, to: number): Promise<void>;
  /** Forgets everything from `position` on; false where the architecture cannot. */
  trimSequence(sequence: number, position: number): boolean;
  clearSequence(sequence: number): void;
  saveSequence(sequence: number, path: string, tokens: readonly number[]): Promise<void>;
  loadSequence(sequence: number, path: string): Promise<void>;
  dispose(): Promise<void>;
}

export interface Bindings {
  readonly device: string;
  readonly gpu: "off" | "cuda" | "vulkan" | "metal";
  /** llama.cpp release inside the native package. */
  readonly version: string;
  /** False for recurrent and hybrid models, whose state cannot be cut back. */
  readonly canTrim: boolean;
  /** Texts that the tokenizer reads as control tokens. */
  readonly controlTexts: readonly string[];
  readonly bosToken: number | undefined;
  readonly bosText: string;
  readonly eosText: string;
  readonly addsBos: boolean;
  tokenize(text: string, parsesSpecials: boolean): number[];
  detokenize(tokens: readonly number[]): string;
  isEndOfGeneration(token: number): boolean;
  /** @param isBare - without the adapter that the model was loaded with. Default false */
  createContext(sequences: number, contextSize: number, isBare?: boolean): Promise<BoundContext>;
  createSampler(candidate: Candidate): Promise<BoundSampler>;
  /** A sampler for logProb() only. */
  createScorer(): BoundSampler;
  /** Frees the model and its contexts. */
  dispose(): Promise<void>;
}
