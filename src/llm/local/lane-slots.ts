/** @file The sequences of a context, and which tokens each one's KV state stands for. */
import type { BoundContext, LogitsIndex } from "./local-bindings.js";
import { CHUNK_TOKENS } from "./prompt-cache.js";

/** A state is kept from being overwritten where it holds so many tokens that the new prompt does not share. */
const WORTH_KEEPING = 64;

/** Sequences of one context with their tokens. States of ended replies stay until their place is needed. */
export class LaneSlots {
  readonly #context: BoundContext;
  /** False for recurrent and hybrid models: a state is of use only where it is a start of the prompt as it stands. */
  readonly #canTrim: boolean;
  readonly #tokens: number[][];
  /** Larger is later. */
  readonly #usedAt: number[];
  #clock = 0;

  constructor(context: BoundContext, canTrim: boolean) {
    this.#context = context;
    this.#canTrim = canTrim;
    this.#tokens = Array.from({ length: context.sequences }, () => []);
    this.#usedAt = this.#tokens.map(() => 0);
  }

  get count(): number {
    return this.#tokens.length;
  }

  /** Tokens that a sequence's state stands for. */
  lengthOf(sequence: number): number {
    return (this.#tokens[sequence] as number[]).length;
  }

  /**
   * Brings a free sequence to the longest start of a prompt that any sequence holds; the last token is never kept, since
   * its logits are needed.
   * @param multiple - only a multiple of so many tokens is kept
   * @param isFree - whether nothing is being written in a sequence
   * @returns tokens that need no evaluation
   */
  async place(
    sequence: number,
    prompt: readonly number[],
    multiple: number,
    isFree: (sequence: number) => boolean,
  ): Promise<number> {
    const shares = this.#tokens.map((known) => this.#shared(known, prompt, multiple));
    const best = shares.reduce(
      (found, share, at) => (share > (shares[found] as number) ? at : found),
      sequence,
    );
    if (best !== sequence) {
      await this.#rescue(sequence, shares[sequence] as number, (at) => at !== best && isFree(at));
      await this.copy(best, sequence);
    } else {
      await this.#rescue(sequence, shares[sequence] as number, isFree);
    }
    this.#usedAt[sequence] = ++this.#clock;
    return this.#trim(sequence, shares[best] as number);
  }

  /** Evaluates the rest of a prompt in chunks that end at multiples of CHUNK_TOKENS, as the serial engine does. */
  async prefill(sequence: number, prompt: readonly number[], onChunk: () => void): Promise<LogitsIndex> {
    const known = this.#tokens[sequence] as number[];
    let logits = -1;
    while (known.length < prompt.length) {
      onChunk();
      const position = known.length;
      const end = Math.floor(position / CHUNK_TOKENS) * CHUNK_TOKENS + CHUNK_TOKENS;
      const tokens = prompt.slice(position, end);
      [logits = -1] = await this.#context.decode([
        { sequence, position, tokens, wantsLogits: end >= prompt.length },
      ]);
      known.push(...tokens);
    }
    return logits;
  }

  async copy(from: number, to: number): Promise<void> {
    await this.#context.copySequence(from, to);
    this.#tokens[to] = [...(this.#tokens[from] as number[])];
    this.#usedAt[to] = ++this.#clock;
  }

  /** Evaluates one token in each of the sequences 0, 1, 2 … and gives the logits behind them. */
  async step(tokens: readonly number[]): Promise<LogitsIndex[]> {
    const entries = tokens.map((token, sequence) => ({
      sequence,
      position: this.lengthOf(sequence),
      tokens: [token],
      wantsLogits: true,
    }));
    const logits = await this.#context.decode(entries);
    for (const [sequence, token] of tokens.entries()) (this.#tokens[sequence] as number[]).push(token);
    return logits;
  }

  /** Forgets everything: what a failed evaluation left behind is unknown. */
  clear(): void {
    for (let sequence = 0; sequence < this.count; sequence++) this.#trim(sequence, 0);
  }

  #shared(known: readonly number[], prompt: readonly number[], multiple: number): number {
    const limit = Math.min(known.length, prompt.length - 1);
    let shared = 0;
    while (shared < limit && known[shared] === prompt[shared]) shared++;
    if (!this.#canTrim) return shared === known.length ? shared : 0;
    return Math.floor(shared / multiple) * multiple;
  }

  /** Moves a state that would be lost to the free sequence that was used longest ago. */
  async #rescue(sequence: number, shared: number, isFree: (sequence: number) => boolean): Promise<void> {
    if (this.lengthOf(sequence) - shared < WORTH_KEEPING) return;
    const usedAt = (at: number) => this.#usedAt[at] as number;
    const others = this.#usedAt.flatMap((_, at) => (at !== sequence && isFree(at) ? [at] : []));
    const [oldest] = others.sort((a, b) => usedAt(a) - usedAt(b));
    if (oldest === undefined || usedAt(oldest) > usedAt(sequence)) return;
    const wasUsedAt = usedAt(sequence);
    await this.copy(sequence, oldest);
    this.#usedAt[oldest] = wasUsedAt;
  }

  #trim(sequence: number, length: number): number {
    const known = this.#tokens[sequence] as number[];
    if (known.length === length) return length;
    if (length > 0 && this.#canTrim && this.#context.trimSequence(sequence, length)) {
      known.length = length;
      return length;
    }
    this.#context.clearSequence(sequence);
    this.#tokens[sequence] = [];
    return 0;
  }
}
