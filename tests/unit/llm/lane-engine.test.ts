/** @file Continuous batching over a made-up llama.cpp whose replies tell which states they were computed from. */
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/core/random.js";
import { LaneEngine } from "../../../src/llm/local/lane-engine.js";
import type { Bindings, BoundContext, DecodeEntry } from "../../../src/llm/local/local-bindings.js";
import { type Candidate, type GenerateOrder, LocalFailure } from "../../../src/llm/local/local-protocol.js";

const END = 0;
const WORDS = 997;

/** Next token after a sequence: depends on every token of it, so that a state of another request shows. */
function nextToken(state: readonly number[]): number {
  const sum = state.reduce((hash, token) => (hash * 31 + token + 7) % 1_000_003, 1);
  return sum % 11 === 0 ? END : 1 + (sum % WORDS);
}

/** The tokens that a prompt is answered with when nothing else is there. */
function aloneReply(prompt: readonly number[], maxTokens: number): number[] {
  const state = [...prompt];
  for (let step = 0; step < maxTokens; step++) {
    state.push(nextToken(state));
    if (state.at(-1) === END) break;
  }
  return state.slice(prompt.length);
}

/** Bindings that keep the tokens of each sequence as its state, and count what is evaluated. */
function fakeBindings({ canTrim = true, maxSequences = 64 } = {}) {
  const counts = { made: 0, disposed: 0, evaluated: 0, steps: 0, widest: 0, contexts: [] as string[] };
  let failsAt = Number.POSITIVE_INFINITY;
  const createContext = async (sequences: number, contextSize: number): Promise<BoundContext> => {
    if (sequences > maxSequences) throw new LocalFailure("memory", "too many");
    counts.contexts.push(`${sequences}x${contextSize}`);
    const states: number[][] = Array.from({ length: sequences }, () => []);
    let logits: number[][] = [];
    return {
      sequences,
      contextSize,
      decode: async (entries: readonly DecodeEntry[]) => {
        await Promise.resolve();
        if (counts.evaluated >= failsAt) throw new Error("decode failed");
        // llama.cpp makes one step of neighbouring sequences only.
        const isNeighbour = entries.every(({ sequence }, at) => sequence === entries[0]!.sequence + at);
        if (!isNeighbour) throw new Error("a gap between the sequences of a step");
        counts.steps++;
        counts.widest = Math.max(counts.widest, entries.length);
        logits = entries.map(({ sequence, position, tokens }) => {
          const state = states[sequence]!;
          if (position !== state.length)
            throw new Error(`position ${position} behind ${state.length} tokens`);
          state.push(...tokens);
          if (state.length > contextSize) throw new Error("the context is full");
          counts.evaluated += tokens.length;
          return [...state];
        });
        return entries.map(({ wantsLogits }, at) => (wantsLogits ? at : -1));
      },
      sample: async (index: number) => {
        return nextToken(logits[index]!);
      },
      copySequence: async (from: number, to: number) => {
        states[to] = [...states[from]!];
      },
      trimSequence: (sequence: number, position: number) => {
        if (canTrim) states[sequence]!.length = position;
        return canTrim;
      },
      clearSequence: (sequence: number) => {
        states[sequence] = [];
      },
      dispose: async () => {},
    } as unknown as BoundContext;
  };
  const bindings = {
    canTrim,
    isEndOfGeneration: (token: number) => token === END,
    detokenize: (tokens: readonly number[]) => tokens.map((token) => `w${token} `).join(""),
    createContext,
    createSampler: async ({ grammar }: Candidate) => {
      if (grammar === "bad") throw new LocalFailure("bad-grammar", "does not compile");
      counts.made++;
      return { dispose: () => void counts.disposed++ };
    },
  } as unknown as Bindings;
  const failFromNow = () => (failsAt = counts.evaluated);
  const works = () => (failsAt = Number.POSITIVE_INFINITY);
  return { bindings, counts, failFromNow, works };
}

const order = (candidates = 1, maxTokens = 40): GenerateOrder => ({
  messages: [],
  candidates: Array.from({ length: candidates }, (_, seed) => ({ seed, temperature: 0 })),
  maxTokens,
  stop: [],
  logProbs: false,
});
const words = (random: Random, length: number) =>
  Array.from({ length }, () => 1 + random.integer(0, WORDS - 1));
const noProgress = () => {};

describe("replies", () => {
  test.each([true, false])(
    "of many requests at once are those of each alone (states can be cut: %s)",
    async (canTrim) => {
      const { bindings, counts } = fakeBindings({ canTrim });
      const engine = new LaneEngine(bindings, { lanes: 8, tokens: 1e6 }, 4096);
      const random = new Random(3);
      const heads = Array.from({ length: 5 }, () => words(random, 150));
      const prompts = Array.from({ length: 300 }, () => [
        ...(heads[random.integer(0, heads.length - 1)] as number[]),
        ...words(random, 1 + random.integer(0, 59)),
      ]);
      const found = await Promise.all(
        prompts.map((prompt, id) => engine.generate(id, prompt, order(1 + (id % 3)), noProgress)),
      );
      for (const [id, { replies, promptTokens }] of found.entries()) {
        expect(promptTokens).toEqual(prompts[id]);
        expect(replies.map(({ tokens }) => tokens)).toEqual(
          Array.from({ length: 1 + (id % 3) }, () => aloneReply(prompts[id]!, 40)),
        );
      }
      expect(counts.widest).toBe(8);
      expect(counts.disposed).toBe(counts.made);
      expect(counts.contexts).toEqual(["8x2048"]);
    },
  );

  test("of more candidates than lanes come in their order", async () => {
    const { bindings } = fakeBindings();
    const engine = new LaneEngine(bindings, { lanes: 3, tokens: 1e6 }, 4096);
    const { replies } = await engine.generate(1, [5, 6, 7], order(10), noProgress);
    expect(replies.map(({ tokens }) => tokens)).toEqual(Array(10).fill(aloneReply([5, 6, 7], 40)));
  });

  test("a prompt evaluates only what no state holds, also where other prompts came between", async () => {
    const { bindings, counts } = fakeBindings();
    const engine = new LaneEngine(bindings, { lanes: 4, tokens: 1e6 }, 4096);
    const random = new Random(1);
    const shared = words(random, 300);
    await engine.generate(1, [...shared, 1, 2], order(), noProgress);
    for (let id = 2; id < 5; id++) await engine.generate(id, words(random, 200), order(), noProgress);
    const before = counts.evaluated;
    const { reusedPromptTokens } = await engine.generate(9, [...shared, 3, 4, 5], order(1, 1), noProgress);
    // Alone, whole chunks of 128 are kept: then the numbers are those of a prompt evaluated afresh.
    expect(reusedPromptTokens).toBe(256);
    expect(counts.evaluated - before).toBe(47);
  });

  test("lanes and context follow the memory there is", async () => {
    const { bindings, counts } = fakeBindings({ maxSequences: 2 });
    const engine = new LaneEngine(bindings, { lanes: 8, tokens: 16_000 }, 8192);
    const random = new Random(2);
    await Promise.all([
      engine.generate(1, words(random, 100), order(), noProgress),
      engine.generate(2, words(random, 5000), order(), noProgress),
      engine.generate(3, words(random, 100), order(), noProgress),
    ]);
    // 7 lanes fit the plan, 3 and 1 follow by halves; a long request gets a context of its own size.
    expect(counts.contexts).toEqual(["1x2048", "1x8192"]);
  });
});

describe("what goes wrong", () => {
  test("a request that is too long, or has a bad grammar, ends alone", async () => {
    const { bindings, counts } = fakeBindings();
    const engine = new LaneEngine(bindings, { lanes: 4, tokens: 1e6 }, 100);
    const bad = {
      ...order(2),
      candidates: [
        { seed: 1, temperature: 0 },
        { seed: 2, temperature: 0, grammar: "bad" },
      ],
    };
    const settled = await Promise.allSettled([
      engine.generate(1, [1, 2], order(), noProgress),
      engine.generate(2, Array(61).fill(3), order(), noProgress),
      engine.generate(3, [1, 2], bad, noProgress),
      engine.generate(4, [1, 3], order(), noProgress),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(settled[1]).toMatchObject({ reason: { failure: "context-length" } });
    expect(settled[2]).toMatchObject({ reason: { failure: "bad-grammar" } });
    expect(counts.disposed).toBe(counts.made);
  });

  test("1,000 requests of which 200 are given up at random: all others are right", async () => {
    const { bindings, counts } = fakeBindings();
    const engine = new LaneEngine(bindings, { lanes: 8, tokens: 1e6 }, 4096);
    const random = new Random(11);
    const prompts = Array.from({ length: 1000 }, () => words(random, 1 + random.integer(0, 39)));
    const givenUp = new Set<number>();
    while (givenUp.size < 200) givenUp.add(random.integer(0, 999));
    const settled = await Promise.allSettled(
      prompts.map((prompt, id) => {
        let left = random.integer(0, 11);
        return engine.generate(id, prompt, order(1 + random.integer(0, 2)), () => {
          if (givenUp.has(id) && left-- <= 0) engine.abort(id);
        });
      }),
    );
    let aborted = 0;
    for (const [id, one] of settled.entries()) {
      if (one.status === "rejected") {
        expect(one.reason).toMatchObject({ failure: "aborted" });
        expect(givenUp.has(id)).toBe(true);
        aborted++;
        continue;
      }
      for (const { tokens } of one.value.replies) expect(tokens).toEqual(aloneReply(prompts[id]!, 40));
    }
    // Some had their reply before they were given up.
    expect(aborted).toBeGreaterThan(100);
    expect(counts.disposed).toBe(counts.made);
    expect(engine.abort(5)).toBe(false);
  });

  test("a failed evaluation ends who was waiting, and the next request is answered", async () => {
    const { bindings, counts, failFromNow, works } = fakeBindings();
    const engine = new LaneEngine(bindings, { lanes: 4, tokens: 1e6 }, 4096);
    const both = [1, 2].map((id) =>
      engine.generate(id, [id, 4], order(), () => {
        if (counts.steps === 2) failFromNow();
      }),
    );
    const settled = await Promise.allSettled(both);
    for (const one of settled) expect(one).toMatchObject({ reason: { message: "decode failed" } });
    expect(counts.disposed).toBe(counts.made);
    works();
    const { replies } = await engine.generate(3, [1, 4], order(), noProgress);
    expect(replies[0]?.tokens).toEqual(aloneReply([1, 4], 40));
  });
});
