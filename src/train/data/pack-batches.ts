/** @file The examples of one update as token tries that each fit into one pass. */
import { InputError } from "../../core/errors.js";
import { rangeOf } from "../../core/range-of.js";
import { type LossNormalisation, lossCoefficients } from "../gradients/loss-coefficients.js";
import { type TokenExample, usedLength } from "./example.js";
import type { StoppedPrompts } from "./prompted-trie.js";
import { buildTrie, sharedLength, sortSamples, type TokenTrie, type TrieSample } from "./token-trie.js";

export interface PackOptions {
  /** Most tokens that one pass may lay out; see the memory plan. */
  tokenBudget: number;
  /** Default `sample-mean`. */
  normalisation?: LossNormalisation | undefined;
  /** Gives targets the even weights that a penalty on the divergence needs. Default 0: none. */
  klPenalty?: number | undefined;
  /** Tries tell the targets of every example, named by its place. Default false. */
  tracksExamples?: boolean | undefined;
}

export interface PackedStep {
  /** To be added up; each has at most `tokenBudget` tokens. Empty when all weights are 0. */
  tries: TokenTrie[];
  /** Places where sequences with a common beginning had to go to different passes, which then compute it again. */
  splitCount: number;
  /** Tokens computed again because of splits. */
  repeatedTokens: number;
  /** Tokens of all examples one by one, up to their last targets: what the tries save work against. */
  plainTokens: number;
}

/**
 * Merges the examples of one update into tries and divides them where they do not fit into one pass: at the
 * places that repeat the fewest tokens, and into the fewest passes of those. Examples with unlike beginnings
 * stand side by side in one trie, as separate roots. The sum of all losses and gradients is the step's, however
 * it is divided. Examples of weight 0 are left out; the mean still counts them.
 * @param examples all of the update; checked by checkExamples() with a context length of at most the budget
 * @throws {InputError} when one example alone is over the budget
 */
export function packBatches(examples: readonly TokenExample[], options: PackOptions): PackedStep {
  const { normalisation = "sample-mean", klPenalty = 0 } = options;
  const coefficients = lossCoefficients(examples, normalisation);
  const even =
    klPenalty === 0
      ? undefined
      : lossCoefficients(
          examples.map(({ lossMask }) => ({ lossMask, weight: 1 })),
          normalisation,
        );
  const samples = examples.map(
    ({ tokens, lossMask }, i): TrieSample => ({
      tokens,
      lossMask,
      coefficient: coefficients[i] as number,
      evenCoefficient: even?.[i],
      index: options.tracksExamples ? i : undefined,
    }),
  );
  const sorted = lightestFirst(samples.filter(({ coefficient }) => coefficient !== 0));
  const lengths = sorted.map(usedLength);
  const shared = sorted.map((sample, i) => (i === 0 ? 0 : sharedLength(sorted[i - 1] as TrieSample, sample)));
  const starts = divide(lengths, shared, options.tokenBudget);
  const inner = starts.slice(1);
  return {
    tries: starts.map((start, i) => buildTrie(sorted.slice(start, starts[i + 1] ?? sorted.length))),
    splitCount: inner.filter((start) => (shared[start] as number) > 0).length,
    repeatedTokens: inner.reduce((sum, start) => sum + (shared[start] as number), 0),
    plainTokens: lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** What the log says about an update's tries. */
export interface PackedCounts {
  /** Tokens computed, shared beginnings once. */
  tokens: number;
  /** Tokens of the same examples one by one. */
  plainTokens: number;
  splitCount: number;
  repeatedTokens: number;
  /** Prompt tokens that counted as constants, where that was asked for. */
  stoppedTokens?: number | undefined;
}

/** @param stopped what was computed instead of the tries, where prompts counted as constants */
export function countsOf(packed: PackedStep, stopped?: StoppedPrompts): PackedCounts {
  const { tries, plainTokens, splitCount, repeatedTokens } = packed;
  const total = (parts: readonly TokenTrie[]) => parts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (stopped?.prompt === undefined) return { tokens: total(tries), plainTokens, splitCount, repeatedTokens };
  const stoppedTokens = stopped.prompt.tokens.length;
  const tokens = total(stopped.parts) + stoppedTokens;
  const once = total(tries) - repeatedTokens;
  return { tokens, plainTokens, splitCount, repeatedTokens: tokens - once, stoppedTokens };
}

/**
 * Samples in an order in which each shares the most with the one before it, small branches before large ones: a
 * cut between the two then repeats only what lies above both. Branches of one size go by token ids.
 */
export function lightestFirst(samples: readonly TrieSample[]): TrieSample[] {
  const sorted = sortSamples(samples);
  const shared = sorted.map((sample, i) => (i === 0 ? 0 : sharedLength(sorted[i - 1] as TrieSample, sample)));
  const fresh = sorted.map((sample, i) => usedLength(sample) - (shared[i] as number));
  const arrange = (from: number, end: number): TrieSample[] => {
    if (end - from < 2) return sorted.slice(from, end);
    const common = rangeOf(shared.slice(from + 1, end)).lowest;
    const starts = shared.flatMap((length, i) =>
      i === from || (i > from && i < end && length === common) ? [i] : [],
    );
    const branches = starts.map((start, i) => {
      const next = starts[i + 1] ?? end;
      const inner = fresh.slice(start + 1, next).reduce((sum, count) => sum + count, 0);
      return { start, next, tokens: usedLength(sorted[start] as TrieSample) - common + inner };
    });
    branches.sort((a, b) => a.tokens - b.tokens || a.start - b.start);
    return branches.flatMap(({ start, next }) => arrange(start, next));
  };
  return arrange(0, sorted.length);
}

/**
 * The first sample of each part when a list is divided into parts of at most `budget` trie tokens.
 * A part from i to j has len_i + Σ (len_k − shared_k) tokens; the best division of the first j samples is the
 * best over all last parts.
 */
function divide(lengths: readonly number[], shared: readonly number[], budget: number): number[] {
  const best: { repeated: number; parts: number; start: number }[] = [{ repeated: 0, parts: 0, start: 0 }];
  for (let end = 1; end <= lengths.length; end++) {
    let tokens = 0;
    for (let start = end - 1; start >= 0; start--) {
      // The part grew by the sample at `start`, which the one behind it now shares its beginning with.
      tokens += (lengths[start] as number) - (start + 1 < end ? (shared[start + 1] as number) : 0);
      if (tokens > budget) break;
      const before = best[start] as { repeated: number; parts: number };
      const repeated = before.repeated + (shared[start] as number);
      const parts = before.parts + 1;
      const known = best[end];
      if (
        known === undefined ||
        repeated < known.repeated ||
        (repeated === known.repeated && parts < known.parts)
      ) {
        best[end] = { repeated, parts, start };
      }
    }
    if (best[end] === undefined) {
      throw new InputError(
        `an example of ${lengths[end - 1]} tokens is over the ${budget} that one pass holds`,
        {
          hint: "raise the token budget, leave long examples out, or allow cutting the middle of their prompts",
          code: "too-long",
        },
      );
    }
  }
  const starts: number[] = [];
  for (let end = lengths.length; end > 0; end = starts[0] as number)
    starts.unshift(best[end]?.start as number);
  return starts;
}
