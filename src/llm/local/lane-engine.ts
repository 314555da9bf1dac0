/** @file Continuous batching over llama.cpp: replies of different requests are written together, and join at any step. */
import { LaneSlots } from "./lane-slots.js";
import type { Bindings, BoundContext, LogitsIndex } from "./local-bindings.js";
import {
  type Generated,
  type GeneratedReply,
  type GenerateOrder,
  type LanePlan,
  LocalFailure,
} from "./local-protocol.js";
import { CHUNK_TOKENS } from "./prompt-cache.js";
import { ReplyLane } from "./reply-lane.js";

/** Tokens that a lane has room for at first; contexts are made anew, and their states lost, where more is needed. */
const FIRST_LANE_TOKENS = 2048;

/** A request whose replies are waiting or being written. */
interface LaneRequest {
  id: number;
  order: GenerateOrder;
  prompt: readonly number[];
  onProgress: () => void;
  replies: GeneratedReply[];
  /** Candidates that have a lane, or had one. */
  begun: number;
  reusedTokens: number | undefined;
  prefillMs: number;
  sampleMs: number;
  /** When the first reply began. */
  decodesSince: number | undefined;
  resolve(value: Generated): void;
  reject(error: unknown): void;
}

interface ActiveLane {
  lane: ReplyLane;
  request: LaneRequest;
  /** Place of its reply among the request's. */
  candidate: number;
}

/**
 * Engine for executors: waiting replies take a lane, a sequence of the context, as soon as one is free. Prompts are
 * evaluated between two steps, from the longest start that any sequence holds. Alone, a request gets the tokens of
 * LocalEngine; in company sums run in another order, so that near-ties may fall otherwise.
 */
export class LaneEngine {
  readonly #bindings: Bindings;
  readonly #plan: LanePlan;
  readonly #contextLimit: number;
  readonly #waiting: LaneRequest[] = [];
  /** By sequence. Between admissions and steps no place before the last active lane is empty. */
  readonly #active: (ActiveLane | undefined)[] = [];
  readonly #aborted = new Set<number>();
  #context: BoundContext | undefined;
  #slots: LaneSlots | undefined;
  #isRunning = false;

  /** @param contextLimit - tokens of the longest prompt with its reply */
  constructor(bindings: Bindings, plan: LanePlan, contextLimit: number) {
    this.#bindings = bindings;
    this.#plan = plan;
    this.#contextLimit = contextLimit;
  }

  /** Replies for a rendered prompt, in the order of the candidates. @throws {LocalFailure} */
  generate(
    id: number,
    prompt: readonly number[],
    order: GenerateOrder,
    onProgress: () => void,
  ): Promise<Generated> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        ...{ id, order, prompt, onProgress, resolve, reject },
        ...{
          replies: [],
          begun: 0,
          reusedTokens: undefined,
          prefillMs: 0,
          sampleMs: 0,
          decodesSince: undefined,
        },
      });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Takes a request's lanes away at the next step; false where none of that id is waiting or being written. */
  abort(id: number): boolean {
    const isKnown = this.#requests().some((request) => request.id === id);
    if (isKnown) this.#aborted.add(id);
    return isKnown;
  }

  #requests(): LaneRequest[] {
    return [...new Set([...this.#waiting, ...this.#active.flatMap((one) => one?.request ?? [])])];
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0 || this.#active.some((one) => one)) {
        this.#dropAborted();
        await this.#admit();
        await this.#closeGaps();
        await this.#step();
      }
    } catch (error) {
      for (const request of this.#requests()) this.#end(request, error);
      this.#slots?.clear();
    } finally {
      this.#isRunning = false;
    }
  }

  #dropAborted(): void {
    for (const request of this.#requests())
      if (this.#aborted.has(request.id)) this.#end(request, new LocalFailure("aborted", "aborted"));
  }

  async #admit(): Promise<void> {
    for (let request = this.#waiting[0]; request; request = this.#waiting[0]) {
      try {
        if (!(await this.#makeRoom(request))) return;
        const free = this.#freeLanes();
        if (free.length === 0) return;
        await this.#begin(request, free);
      } catch (error) {
        // What is wrong with one request is nothing to the others; a failed evaluation is.
        if (!(error instanceof LocalFailure)) throw error;
        this.#end(request, error);
      }
    }
  }

  /** A context that the request fits into; false while lanes of a smaller one are at work. */
  async #makeRoom({ prompt, order }: LaneRequest): Promise<boolean> {
    const needed = prompt.length + order.maxTokens;
    if (needed > this.#contextLimit) {
      const problem = `prompt and reply need ${needed} tokens, the context has ${this.#contextLimit}`;
      throw new LocalFailure("context-length", problem);
    }
    if (this.#context && this.#context.contextSize >= needed) return true;
    if (this.#active.some((one) => one)) return false;
    await this.#context?.dispose();
    this.#context = undefined;
    let size = FIRST_LANE_TOKENS;
    while (size < needed) size *= 2;
    size = Math.min(size, this.#contextLimit);
    const lanes = Math.max(1, Math.min(this.#plan.lanes, Math.floor(this.#plan.tokens / size)));
    this.#context = await this.#contextOf(lanes, size);
    this.#slots = new LaneSlots(this.#context, this.#bindings.canTrim);
    return true;
  }

  /** Fewer lanes where memory is shorter than planned. */
  async #contextOf(lanes: number, size: number): Promise<BoundContext> {
    try {
      return await this.#bindings.createContext(lanes, size);
    } catch (error) {
      if (lanes === 1) throw error;
      return await this.#contextOf(Math.floor(lanes / 2), size);
    }
  }

  #freeLanes(): number[] {
    const count = this.#slots?.count ?? 0;
    return Array.from({ length: count }, (_, at) => at).filter((at) => !this.#active[at]);
  }

  /** Evaluates the request's prompt once and gives as many of its candidates a lane as are free. */
  async #begin(request: LaneRequest, free: readonly number[]): Promise<void> {
    const slots = this.#slots as LaneSlots;
    const { prompt, order } = request;
    const started = performance.now();
    const group = order.candidates.slice(request.begun, request.begun + free.length);
    const lanes = await ReplyLane.createAll(this.#bindings, group, order);
    let logits: LogitsIndex;
    try {
      const [first] = free as [number];
      const isAlone = free.length === slots.count;
      const kept = await slots.place(first, prompt, isAlone ? CHUNK_TOKENS : 1, (at) => free.includes(at));
      request.reusedTokens ??= kept;
      logits = await slots.prefill(first, prompt, () => {
        if (this.#aborted.has(request.id)) throw new LocalFailure("aborted", "aborted");
        request.onProgress();
      });
      for (const sequence of free.slice(1, lanes.length)) await slots.copy(first, sequence);
    } catch (error) {
      for (const lane of lanes) lane.dispose();
      throw error;
    }
    request.prefillMs += performance.now() - started;
    request.decodesSince ??= performance.now();
    for (const [at, lane] of lanes.entries())
      this.#active[free[at] as number] = { lane, request, candidate: request.begun + at };
    request.begun += lanes.length;
    if (request.begun === order.candidates.length) this.#waiting.shift();
    await this.#sample(free.slice(0, lanes.length).map((sequence) => [sequence, logits]));
  }

  /** llama.cpp batches neighbouring sequences only: the last lanes move into the places of ended ones. */
  async #closeGaps(): Promise<void> {
    for (;;) {
      const last = this.#active.findLastIndex((one) => one);
      this.#active.length = last + 1;
      const gap = this.#active.findIndex((one) => !one);
      if (gap < 0) return;
      await (this.#slots as LaneSlots).copy(last, gap);
      this.#active[gap] = this.#active[last];
      this.#active[last] = undefined;
    }
  }

  async #step(): Promise<void> {
    if (this.#active.length === 0) return;
    const lanes = this.#active as ActiveLane[];
    for (const { request } of lanes) request.onProgress();
    const logits = await (this.#slots as LaneSlots).step(
      lanes.map(({ lane }) => lane.tokens.at(-1) as number),
    );
    await this.#sample([...logits.entries()]);
  }

  async #sample(places: readonly (readonly [sequence: number, logits: LogitsIndex])[]): Promise<void> {
    const started = performance.now();
    const lanes = places.map(([sequence, logits]) => ({
      ...(this.#active[sequence] as ActiveLane),
      sequence,
      logits,
    }));
    await Promise.all(lanes.map(({ lane, logits }) => lane.sample(this.#context as BoundContext, logits)));
    const sampleMs = performance.now() - started;
    for (const request of new Set(lanes.map((one) => one.request))) request.sampleMs += sampleMs;
    for (const { lane, request, candidate, sequence } of lanes) {
      if (!lane.reply) continue;
      request.replies[candidate] = lane.reply;
      lane.dispose();
      this.#active[sequence] = undefined;
      const written = request.replies.filter((reply) => reply).length;
      if (written === request.order.candidates.length) this.#end(request);
    }
  }

  /** Answers a request and takes away what it still holds. */
  #end(request: LaneRequest, error?: unknown): void {
    this.#aborted.delete(request.id);
    const at = this.#waiting.indexOf(request);
    if (at >= 0) this.#waiting.splice(at, 1);
    for (const [sequence, one] of this.#active.entries()) {
      if (one?.request !== request) continue;
      one.lane.dispose();
      this.#active[sequence] = undefined;
    }
    if (error !== undefined) {
      request.reject(error);
      return;
    }
    const { prompt, replies, reusedTokens = 0, prefillMs, sampleMs, decodesSince = 0 } = request;
    const timings = { prefillMs, decodeMs: performance.now() - decodesSince, sampleMs };
    request.resolve({ promptTokens: [...prompt], replies, reusedPromptTokens: reusedTokens, timings });
  }
}
