/** @file Generation over llama.cpp: one prefill for all candidates, one batch per step, KV kept between calls. */
import type { ChatMessage } from "../chat-model.js";
import type { Bindings, BoundContext, LogitsIndex } from "./local-bindings.js";
import {
  type Generated,
  type GeneratedReply,
  type GenerateOrder,
  type LoadedModel,
  type LoadOrder,
  LocalFailure,
  type WritingProgress,
} from "./local-protocol.js";
import { CHUNK_TOKENS, PromptCache } from "./prompt-cache.js";
import { ContentGuard, renderChatTemplate } from "./render-chat-template.js";
import { ReplyLane } from "./reply-lane.js";

/** Contexts grow in these steps, so that slowly growing prompts do not rebuild them each time. */
const CONTEXT_STEP = 512;

type OnWritten = (written?: WritingProgress) => void;

export class LocalEngine {
  readonly #bindings: Bindings;
  readonly #order: LoadOrder;
  #context: BoundContext | undefined;
  #prompts: PromptCache | undefined;
  /** Calls that the parent gave up. */
  readonly #aborted = new Set<number>();
  /** Contexts are not shared: one call at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(bindings: Bindings, order: LoadOrder) {
    this.#bindings = bindings;
    this.#order = order;
  }

  describe(): LoadedModel {
    const { device, gpu, version } = this.#bindings;
    return { device, gpu, version, threads: this.#order.threads };
  }

  /** Plain text; a document gets the begin token where the model asks for one. */
  tokenize(text: string, isDocument: boolean): number[] {
    const { bosToken, addsBos } = this.#bindings;
    const tokens = this.#bindings.tokenize(text, false);
    if (isDocument && addsBos && bosToken !== undefined && tokens[0] !== bosToken) tokens.unshift(bosToken);
    return tokens;
  }

  /** log p(tokens[t+1] | tokens[0..t]) for t = 0 … n − 2, in a context of its own. */
  score(
    id: number,
    order: { tokens: readonly number[]; isBare: boolean },
    onProgress: () => void,
  ): Promise<number[]> {
    return this.#inTurn(id, () => this.#score(id, order, onProgress));
  }

  async #inTurn<T>(id: number, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#aborted.delete(id);
    }
  }

  async #score(
    id: number,
    { tokens, isBare }: { tokens: readonly number[]; isBare: boolean },
    onProgress: () => void,
  ): Promise<number[]> {
    const limit = this.#order.contextLimit;
    if (tokens.length > limit)
      throw new LocalFailure("context-length", `the text has ${tokens.length} tokens, the context ${limit}`);
    const scorer = this.#bindings.createScorer();
    const context = await this.#bindings.createContext(1, tokens.length, isBare);
    const logProbs: number[] = [];
    try {
      for (let from = 0; from + 1 < tokens.length; from += CHUNK_TOKENS) {
        if (this.#aborted.has(id)) throw new LocalFailure("aborted", "aborted");
        onProgress();
        const chunk = tokens.slice(from, Math.min(from + CHUNK_TOKENS, tokens.length - 1));
        const indexes = await context.decodeAll(chunk, from);
        for (const [i, index] of indexes.entries())
          logProbs.push(await context.logProb(index, tokens[from + i + 1] as number, scorer));
      }
    } finally {
      scorer.dispose();
      await context.dispose();
    }
    return logProbs;
  }

  /** Text and tokens of a prompt. Control tokens come from the template only, never from contents. */
  renderPrompt(messages: readonly ChatMessage[], isThinking = false): { text: string; tokens: number[] } {
    const { controlTexts, bosText, eosText, bosToken, addsBos } = this.#bindings;
    const guard = new ContentGuard(controlTexts, messages);
    const marked = renderChatTemplate(this.#order.chatTemplate, guard.protect(messages), {
      bosText,
      eosText,
      isThinking,
    });
    const pieces = guard.split(marked);
    const tokens = pieces.flatMap((piece) => (piece === "" ? [] : this.#bindings.tokenize(piece, true)));
    if (addsBos && bosToken !== undefined && tokens[0] !== bosToken) tokens.unshift(bosToken);
    return { text: pieces.join(""), tokens };
  }

  /** Tokens to go on from. @throws {LocalFailure} "bad-template" where there are none */
  promptOf({ messages, isThinking }: GenerateOrder): number[] {
    const { tokens } = this.renderPrompt(messages, isThinking);
    if (tokens.length === 0) throw new LocalFailure("bad-template", "gives an empty prompt");
    return tokens;
  }

  abort(id: number): void {
    this.#aborted.add(id);
  }

  generate(id: number, order: GenerateOrder, onProgress: OnWritten): Promise<Generated> {
    return this.#inTurn(id, () => this.#generate(id, order, onProgress));
  }

  async #generate(id: number, order: GenerateOrder, onProgress: OnWritten): Promise<Generated> {
    const checkAborted = () => {
      if (this.#aborted.has(id)) throw new LocalFailure("aborted", "aborted");
    };
    checkAborted();
    const prompt = this.promptOf(order);
    const tick = (promptDone: number, replyTokens: number) => {
      checkAborted();
      onProgress({ promptTokens: prompt.length, promptDone, replyTokens });
    };
    const width = Math.min(order.candidates.length, this.#order.maxSequences);
    const context = await this.#contextFor(width, prompt.length + order.maxTokens);
    const prompts = this.#prompts as PromptCache;
    const timings = { prefillMs: 0, decodeMs: 0, sampleMs: 0 };
    const replies: GeneratedReply[] = [];
    let reused = 0;
    for (let from = 0; from < order.candidates.length; from += width) {
      const group = order.candidates.slice(from, from + width);
      const lanes = await ReplyLane.createAll(this.#bindings, group, order);
      try {
        const started = performance.now();
        const prefill = await prompts.prefill(prompt, order.session, (done) => tick(done, 0));
        if (from === 0) reused = prefill.reusedTokens;
        for (let sequence = 1; sequence < group.length; sequence++) await context.copySequence(0, sequence);
        const prefilled = performance.now();
        timings.sampleMs += await this.#decode(context, lanes, prompt.length, prefill.logits, tick);
        timings.prefillMs += prefilled - started;
        timings.decodeMs += performance.now() - prefilled;
        for (const lane of lanes) replies.push(lane.reply as GeneratedReply);
      } finally {
        prompts.keepPromptOnly(prompt.length);
        for (const lane of lanes) lane.dispose();
      }
    }
    return { promptTokens: prompt, replies, reusedPromptTokens: reused, timings };
  }

  /** Steps all lanes together until each has ended; returns the milliseconds spent in sampling. */
  async #decode(
    context: BoundContext,
    lanes: readonly ReplyLane[],
    promptLength: number,
    promptLogits: LogitsIndex,
    tick: (promptDone: number, replyTokens: number) => void,
  ): Promise<number> {
    let sampleMs = 0;
    let logits = lanes.map(() => promptLogits);
    for (let step = 0; ; step++) {
      const started = performance.now();
      await Promise.all(
        lanes.map((lane, sequence) =>
          lane.reply ? undefined : lane.sample(context, logits[sequence] as LogitsIndex),
        ),
      );
      sampleMs += performance.now() - started;
      const last = lanes.findLastIndex((lane) => lane.reply === undefined);
      if (last < 0) return sampleMs;
      tick(promptLength, step + 1);
      const first = lanes.findIndex((lane) => lane.reply === undefined);
      // llama.cpp batches neighbouring sequences only: an ended lane between two others is stepped along.
      const rows = lanes.slice(first, last + 1);
      const indexes = await context.decode(
        rows.map((lane, at) => ({
          sequence: first + at,
          position: promptLength + step,
          tokens: [lane.tokens.at(-1) as number],
          wantsLogits: lane.reply === undefined,
        })),
      );
      logits = lanes.map((_, sequence) => indexes[sequence - first] ?? -1);
    }
  }

  async #contextFor(sequences: number, needed: number): Promise<BoundContext> {
    const limit = this.#order.contextLimit;
    if (needed > limit) {
      throw new LocalFailure(
        "context-length",
        `prompt and reply need ${needed} tokens, the context has ${limit}`,
      );
    }
    const current = this.#context;
    if (current && current.sequences >= sequences && current.contextSize >= needed) return current;
    const rounded = Math.ceil(needed / CONTEXT_STEP) * CONTEXT_STEP;
    const contextSize = Math.min(limit, Math.max(rounded, current?.contextSize ?? 0));
    await current?.dispose();
    this.#context = undefined;
    const context = await this.#bindings.createContext(
      Math.max(sequences, current?.sequences ?? 1),
      contextSize,
    );
    this.#context = context;
    // Saved states outlive a context: they belong to the model.
    this.#prompts = new PromptCache(context, {
      canTrim: this.#bindings.canTrim,
      folder: this.#order.stateFolder,
      saved: this.#prompts?.saved,
    });
    return context;
  }
}
