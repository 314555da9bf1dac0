/** @file KV state of prompts: kept in the first sequence from call to call, and saved per session when displaced. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BoundContext, LogitsIndex } from "./local-bindings.js";

/**
 * Prompts are evaluated in chunks that end at multiples of this many tokens, and only whole chunks are reused.
 * The numbers in a chunk's state depend on which tokens were evaluated together; with fixed borders a reused
 * state equals a fresh one bit for bit, so results do not depend on what ran before (or on a resume).
 */
export const CHUNK_TOKENS = 128;
/** Conversations of several episodes are open at once: one of 6,000 tokens takes 220 MB with a model of 3 B (36 KiB a token). */
const MAX_SAVED_BYTES = 1024 * 1024 * 1024;
const MAX_SAVED_SESSIONS = 16;

interface SavedState {
  path: string;
  tokens: number[];
  bytes: number;
}

export interface PromptCacheOptions {
  canTrim: boolean;
  folder: string;
  saved?: Map<string, SavedState> | undefined;
}

export class PromptCache {
  /** Saved states by session, least recently used first. */
  readonly saved: Map<string, SavedState>;
  readonly #context: BoundContext;
  readonly #options: PromptCacheOptions;
  #tokens: number[] = [];
  #session: string | undefined;

  constructor(context: BoundContext, options: PromptCacheOptions) {
    this.#context = context;
    this.#options = options;
    this.saved = options.saved ?? new Map();
  }

  /**
   * Brings the first sequence to the end of `prompt`, evaluating only what is new.
   * @param onChunk - called before each chunk with the tokens that are evaluated; may throw to stop.
   */
  async prefill(
    prompt: readonly number[],
    session: string | undefined,
    onChunk: (done: number) => void,
  ): Promise<{ logits: LogitsIndex; reusedTokens: number }> {
    if (session !== this.#session) await this.#switchSession(prompt, session);
    const reusedTokens = this.#trimTo(reusableTokens(this.#tokens, prompt));
    let logits = -1;
    for (let at = reusedTokens; at < prompt.length; at += CHUNK_TOKENS) {
      onChunk(at);
      const tokens = prompt.slice(at, at + CHUNK_TOKENS);
      const wantsLogits = at + CHUNK_TOKENS >= prompt.length;
      try {
        [logits = -1] = await this.#context.decode([{ sequence: 0, position: at, tokens, wantsLogits }]);
      } catch (error) {
        // What a failed decode left behind is unknown.
        this.#trimTo(0);
        throw error;
      }
      this.#tokens.push(...tokens);
    }
    return { logits, reusedTokens };
  }

  /** Forgets what a candidate wrote behind the prompt, or everything where the model cannot cut its state back. */
  keepPromptOnly(promptLength: number): void {
    this.#trimTo(Math.min(promptLength, this.#tokens.length));
  }

  #trimTo(length: number): number {
    if (length > 0 && this.#options.canTrim && this.#context.trimSequence(0, length)) {
      this.#tokens.length = length;
      return length;
    }
    this.#context.clearSequence(0);
    this.#tokens = [];
    return 0;
  }

  async #switchSession(prompt: readonly number[], session: string | undefined): Promise<void> {
    if (this.#session !== undefined && this.#tokens.length >= CHUNK_TOKENS) await this.#save(this.#session);
    this.#session = session;
    const state = session === undefined ? undefined : this.saved.get(session);
    if (!state || reusableTokens(state.tokens, prompt) <= reusableTokens(this.#tokens, prompt)) return;
    if (state.tokens.length > this.#context.contextSize) return;
    this.#context.clearSequence(0);
    this.#tokens = [];
    await this.#context.loadSequence(0, state.path);
    this.#tokens = [...state.tokens];
  }

  async #save(session: string): Promise<void> {
    const known = this.saved.get(session);
    this.saved.delete(session);
    const path = known?.path ?? join(this.#options.folder, `${nextFile++}.state`);
    const tokens = [...this.#tokens];
    try {
      await this.#context.saveSequence(0, path, tokens);
      this.saved.set(session, { path, tokens, bytes: statSync(path).size });
    } catch {
      // No room for the file: the session is evaluated again, which costs time only.
      rmSync(path, { force: true });
    }
    this.#evict();
  }

  #evict(): void {
    let bytes = [...this.saved.values()].reduce((sum, state) => sum + state.bytes, 0);
    for (const [session, state] of this.saved) {
      if (bytes <= MAX_SAVED_BYTES && this.saved.size <= MAX_SAVED_SESSIONS) return;
      this.saved.delete(session);
      rmSync(state.path, { force: true });
      bytes -= state.bytes;
    }
  }
}

let nextFile = 0;

/** Whole chunks that both share; the last token is always evaluated again, since its logits are needed. */
function reusableTokens(known: readonly number[], prompt: readonly number[]): number {
  const limit = Math.min(known.length, prompt.length - 1);
  let shared = 0;
  while (shared < limit && known[shared] === prompt[shared]) shared++;
  return Math.floor(shared / CHUNK_TOKENS) * CHUNK_TOKENS;
}
