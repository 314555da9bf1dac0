/** @file Packing: within the budget, nothing lost or counted twice, as few tokens repeated as can be. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.js";
import type { TokenExample } from "../../../../src/train/data/example.js";
import { lightestFirst, packBatches } from "../../../../src/train/data/pack-batches.js";
import { buildTrie, sharedLength, type TrieSample } from "../../../../src/train/data/token-trie.js";
import { lossCoefficients } from "../../../../src/train/gradients/loss-coefficients.js";
import {
  asSample,
  designEpisode,
  pathsOfSamples,
  pathsOfTries,
  tokenExample,
  weightByPath,
} from "../../../support/token-samples.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_130);
const RUNS = { seed: SEED, numRuns: 300 };
/** Sums of at most eight coefficients in another order. */
const WEIGHT_BOUND = 1e-14;
const examples = fc.array(tokenExample, { minLength: 1, maxLength: 8 });
/** At least the longest example, which has nine tokens. */
const budget = fc.integer({ min: 9, max: 40 });
const normalisation = fc.constantFrom("sample-mean", "token-sum") as fc.Arbitrary<
  "sample-mean" | "token-sum"
>;

function withCoefficients(list: readonly TokenExample[], kind: "sample-mean" | "token-sum"): TrieSample[] {
  const coefficients = lossCoefficients(list, kind);
  return list.map((example, i) => ({ ...asSample(example), coefficient: coefficients[i] as number }));
}

const tokensOf = (tries: readonly { layout: { tokenCount: number } }[]) =>
  tries.reduce((sum, { layout }) => sum + layout.tokenCount, 0);

describe("packBatches", () => {
  it("keeps the weight of every path however the step is divided", () => {
    fc.assert(
      fc.property(examples, budget, normalisation, (list, tokenBudget, kind) => {
        const { tries } = packBatches(list, { tokenBudget, normalisation: kind });
        const expected = weightByPath(pathsOfSamples(withCoefficients(list, kind)));
        const found = weightByPath(pathsOfTries(tries));
        expect(new Set(found.keys())).toEqual(new Set(expected.keys()));
        for (const [path, weight] of expected) {
          expect(Math.abs((found.get(path) as number) - weight)).toBeLessThanOrEqual(WEIGHT_BOUND * weight);
        }
      }),
      RUNS,
    );
  });

  it("packs more examples than a call has arguments, as held-out ones may be", () => {
    const many = Array.from({ length: 150_000 }, (_, i) => ({
      tokens: Int32Array.of(i, 1),
      lossMask: Uint8Array.of(0, 1),
      weight: 1,
      group: "g",
    }));
    expect(packBatches(many, { tokenBudget: 64 }).tries).toHaveLength(Math.ceil(150_000 / 32));
  });

  it("stays within the budget and counts what it repeats", () => {
    fc.assert(
      fc.property(examples, budget, (list, tokenBudget) => {
        const { tries, splitCount, repeatedTokens, plainTokens } = packBatches(list, { tokenBudget });
        for (const { layout } of tries) expect(layout.tokenCount).toBeLessThanOrEqual(tokenBudget);
        const whole = buildTrie(list.map(asSample)).layout.tokenCount;
        expect(tokensOf(tries)).toBe(whole + repeatedTokens);
        expect(tokensOf(tries)).toBeLessThanOrEqual(plainTokens);
        expect(splitCount).toBeLessThan(tries.length);
        expect(repeatedTokens > 0).toBe(splitCount > 0);
        if (whole <= tokenBudget) expect(tries.length).toBe(1);
      }),
      RUNS,
    );
  });

  it("orders samples so that each shares the most with the one before it", () => {
    fc.assert(
      fc.property(examples, (list) => {
        const ordered = lightestFirst(list.map(asSample));
        expect(new Set(ordered.map(({ tokens }) => tokens))).toEqual(
          new Set(list.map(({ tokens }) => tokens)),
        );
        ordered.forEach((sample, i) => {
          const earlier = ordered.slice(0, i).map((other) => sharedLength(other, sample));
          expect(earlier[i - 1]).toBe(i === 0 ? undefined : Math.max(...earlier));
        });
      }),
      RUNS,
    );
  });

  it("repeats no more tokens than any other division of the samples in their order", () => {
    fc.assert(
      fc.property(examples, budget, (list, tokenBudget) => {
        const sorted = lightestFirst(withCoefficients(list, "sample-mean"));
        let fewest = Number.POSITIVE_INFINITY;
        // Each bit says whether a part ends behind that sample.
        for (let ends = 0; ends < 2 ** (sorted.length - 1); ends++) {
          const parts: TrieSample[][] = [[]];
          sorted.forEach((sample, i) => {
            parts[parts.length - 1]?.push(sample);
            if ((ends >> i) & 1) parts.push([]);
          });
          const tries = parts.map(buildTrie);
          if (tries.every(({ layout }) => layout.tokenCount <= tokenBudget)) {
            fewest = Math.min(fewest, tokensOf(tries));
          }
        }
        expect(tokensOf(packBatches(list, { tokenBudget }).tries)).toBe(fewest);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  it("does not depend on the order of examples", () => {
    fc.assert(
      fc.property(examples, budget, (list, tokenBudget) => {
        expect(packBatches([...list].reverse(), { tokenBudget })).toEqual(packBatches(list, { tokenBudget }));
      }),
      RUNS,
    );
  });

  it("computes the design's episode in 3,300 tokens, or repeats its prompt under a smaller budget", () => {
    const episode = designEpisode();
    expect(packBatches(episode, { tokenBudget: 4096 })).toMatchObject({
      splitCount: 0,
      repeatedTokens: 0,
      plainTokens: 14_500,
    });
    const halves = packBatches(episode, { tokenBudget: 2500 });
    // The four candidates that were not kept go apart from the kept one and the second turn.
    expect(halves.tries.map(({ layout }) => layout.tokenCount)).toEqual([1800, 2500]);
    expect([halves.splitCount, halves.repeatedTokens]).toEqual([1, 1000]);
    const least = packBatches(episode, { tokenBudget: 1700 });
    expect(Math.max(...least.tries.map(({ layout }) => layout.tokenCount))).toBe(1700);
    expect(weightByPath(pathsOfTries(least.tries))).toEqual(weightByPath(pathsOfTries(halves.tries)));
  });

  it("puts unlike examples side by side as roots", () => {
    const [a, b] = [designEpisode().slice(0, 1), designEpisode().slice(0, 1)] as [
      TokenExample[],
      TokenExample[],
    ];
    const other = { ...(b[0] as TokenExample), tokens: (b[0] as TokenExample).tokens.map((id) => id + 1) };
    const { tries, splitCount } = packBatches([...a, other], { tokenBudget: 2400 });
    expect(tries.map(({ layout }) => layout.segments)).toEqual([
      [
        { start: 0, end: 1200, parent: -1 },
        { start: 1200, end: 2400, parent: -1 },
      ],
    ]);
    expect(splitCount).toBe(0);
    const apart = packBatches([...a, other], { tokenBudget: 2399 });
    expect([apart.tries.length, apart.splitCount, apart.repeatedTokens]).toEqual([2, 0, 0]);
  });

  it("leaves out weight 0 but counts it in the mean", () => {
    const [first, second] = designEpisode() as [TokenExample, TokenExample];
    const { tries } = packBatches(
      [
        { ...first, weight: 3 },
        { ...second, weight: 0 },
      ],
      { tokenBudget: 4096 },
    );
    expect(tries.map(({ layout }) => layout.tokenCount)).toEqual([1200]);
    expect(new Set(tries[0]?.targets.map(({ weight }) => weight))).toEqual(new Set([3 / (2 * 200)]));
    expect(packBatches([{ ...first, weight: 0 }], { tokenBudget: 4096 }).tries).toEqual([]);
  });

  it("refuses an example that is over the budget alone", () => {
    const pack = () => packBatches(designEpisode(), { tokenBudget: 1600 });
    expect(pack).toThrow(InputError);
    expect(pack).toThrow(/1700 tokens is over the 1600/);
  });
});

describe("sharedLength", () => {
  it("ends at the last target of either", () => {
    const sample = (lossMask: number[]) => ({
      tokens: Int32Array.of(1, 2, 3, 4),
      lossMask: Uint8Array.from(lossMask),
      coefficient: 1,
    });
    expect(sharedLength(sample([0, 1, 0, 0]), sample([0, 0, 0, 1]))).toBe(2);
  });
});
