/** @file One reply while it is written: its sampler, its tokens, and where it ends. */
import type { Bindings, BoundContext, BoundSampler, LogitsIndex } from "./local-bindings.js";
import type { Candidate, GeneratedReply, GenerateOrder } from "./local-protocol.js";

/** Ends of a reply, beside the model's own. */
export type ReplyLimits = Pick<GenerateOrder, "maxTokens" | "stop">;

/** Reply that grows by one token a step. Dispose it: samplers are native memory. */
export class ReplyLane {
  readonly tokens: number[] = [];
  /** Set when the reply has ended. */
  reply: GeneratedReply | undefined;
  readonly #bindings: Bindings;
  readonly #limits: ReplyLimits;
  readonly #sampler: BoundSampler;
  readonly #scorer: BoundSampler | undefined;
  readonly #logProbs: number[] = [];

  private constructor(bindings: Bindings, limits: ReplyLimits, sampler: BoundSampler, withScorer: boolean) {
    this.#bindings = bindings;
    this.#limits = limits;
    this.#sampler = sampler;
    this.#scorer = withScorer ? bindings.createScorer() : undefined;
  }

  /** @throws {LocalFailure} "bad-grammar" */
  static async create(bindings: Bindings, candidate: Candidate, order: GenerateOrder): Promise<ReplyLane> {
    return new ReplyLane(bindings, order, await bindings.createSampler(candidate), order.logProbs);
  }

  /** One after another, so that candidates of one grammar compile it once; all or none. */
  static async createAll(
    bindings: Bindings,
    candidates: readonly Candidate[],
    order: GenerateOrder,
  ): Promise<ReplyLane[]> {
    const made: ReplyLane[] = [];
    try {
      for (const candidate of candidates) made.push(await ReplyLane.create(bindings, candidate, order));
      return made;
    } catch (error) {
      for (const lane of made) lane.dispose();
      throw error;
    }
  }

  /** Draws the next token from the logits at `index`; sets `reply` where it is the last one. */
  async sample(context: BoundContext, index: LogitsIndex): Promise<void> {
    const token = await context.sample(index, this.#sampler);
    if (this.#scorer) this.#logProbs.push(await context.logProb(index, token, this.#scorer));
    this.tokens.push(token);
    const isEnd = this.#bindings.isEndOfGeneration(token);
    const cut = isEnd ? undefined : this.#stopAt();
    if (!isEnd && cut === undefined && this.tokens.length < this.#limits.maxTokens) return;
    this.reply = {
      text: cut ?? this.#bindings.detokenize(isEnd ? this.tokens.slice(0, -1) : this.tokens),
      tokens: this.tokens,
      finishReason: isEnd || cut !== undefined ? "stop" : "length",
      logProbs: this.#scorer && this.#logProbs,
    };
  }

  dispose(): void {
    this.#sampler.dispose();
    this.#scorer?.dispose();
  }

  /** The text before the first stop string, or undefined when there is none. */
  #stopAt(): string | undefined {
    const { stop } = this.#limits;
    if (stop.length === 0) return undefined;
    // A stop string ends in the newest token, so the last tokens are enough to look through (each has a byte or more).
    const window = Math.max(...stop.map((text) => Buffer.byteLength(text))) + 1;
    const tail = this.#bindings.detokenize(this.tokens.slice(-window));
    if (!stop.some((text) => tail.includes(text))) return undefined;
    const text = this.#bindings.detokenize(this.tokens);
    const found = stop.map((part) => text.indexOf(part)).filter((at) => at >= 0);
    return found.length > 0 ? text.slice(0, Math.min(...found)) : undefined;
  }
}
