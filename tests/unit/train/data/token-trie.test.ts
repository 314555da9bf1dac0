/** @file Token tries: every sample is in them, each beginning once, and weights add up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildTrie, type TokenTrie, type TrieSample } from "../../../../src/train/data/token-trie.js";
import {
  asSample,
  designEpisode,
  pathsOfSamples,
  pathsOfTries,
  pathTo,
  tokenExample,
  weightByPath,
} from "../../../support/token-samples.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_124);
const RUNS = { seed: SEED, numRuns: 300 };
const samples = fc.array(tokenExample.map(asSample), { minLength: 1, maxLength: 8 });

const used = ({ tokens, lossMask }: TrieSample) => [...tokens.subarray(0, lossMask.lastIndexOf(1) + 1)];

function prefixes(list: readonly TrieSample[]): Set<string> {
  return new Set(
    list.flatMap((sample) =>
      used(sample).map((_, i) =>
        used(sample)
          .slice(0, i + 1)
          .join(),
      ),
    ),
  );
}

const flat = ({ layout, tokens, targets }: TokenTrie) => ({
  segments: layout.segments,
  positions: [...layout.positions],
  tokens: [...tokens],
  targets,
});

describe("buildTrie", () => {
  it("holds each different beginning once, and no other", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const trie = buildTrie(list);
        const paths = [...trie.tokens].map((_, token) => pathTo(trie, token).join());
        expect(new Set(paths)).toEqual(prefixes(list));
        expect(paths.length).toBe(prefixes(list).size);
        expect(trie.layout.tokenCount).toBe(paths.length);
        for (const sample of list) expect(paths).toContain(used(sample).join());
      }),
      RUNS,
    );
  });

  it("knows the targets of samples that have an index, in their order", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const trie = buildTrie(list.map((sample, index) => ({ ...sample, index })));
        expect(trie.samples?.map(({ index }) => index).sort()).toEqual([...list.keys()].sort());
        for (const { index, targets } of trie.samples ?? []) {
          const sample = list[index]!;
          const wanted = used(sample).flatMap((_, i) =>
            sample.lossMask[i] === 1 ? [[...sample.tokens.subarray(0, i + 1)].join()] : [],
          );
          const found = [...targets].map((target) => pathTo(trie, trie.targets[target]!.token).join());
          expect(found).toEqual(wanted);
        }
        expect(buildTrie(list).samples).toBeUndefined();
      }),
      RUNS,
    );
  });

  it("counts every token's depth, and every target's source is its parent", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const trie = buildTrie(list);
        trie.layout.positions.forEach((position, token) => {
          expect(position).toBe(pathTo(trie, token).length - 1);
        });
        for (const { token, source } of trie.targets) {
          expect(pathTo(trie, source)).toEqual(pathTo(trie, token).slice(0, -1));
        }
      }),
      RUNS,
    );
  });

  it("gives each token the weights of the samples that have it as a target", () => {
    fc.assert(
      fc.property(samples, (list) => {
        // Weights are multiples of 1/64, so that these sums are exact.
        expect(weightByPath(pathsOfTries([buildTrie(list)]))).toEqual(weightByPath(pathsOfSamples(list)));
      }),
      RUNS,
    );
  });

  it("cuts segments only where the tree branches", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const { segments } = buildTrie(list).layout;
        const children = segments.map((_, index) => segments.filter(({ parent }) => parent === index).length);
        expect(children.filter((count) => count === 1)).toEqual([]);
      }),
      RUNS,
    );
  });

  it("does not depend on the order of samples, to the last bit of a weight", () => {
    const coefficient = fc.double({ min: 0.01, max: 50, noNaN: true });
    // The same tokens three times with other weights: a sum in another order would differ.
    const repeated = fc.array(fc.tuple(tokenExample.map(asSample), coefficient, coefficient, coefficient), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(repeated, fc.nat(), (list, turn) => {
        const scaled = list.flatMap(([sample, ...weights]) =>
          weights.map((weight) => ({ ...sample, coefficient: weight })),
        );
        const at = turn % scaled.length;
        const turned = [...scaled.slice(at), ...scaled.slice(0, at)].reverse();
        expect(flat(buildTrie(turned))).toEqual(flat(buildTrie(scaled)));
      }),
      RUNS,
    );
  });

  it("lays out a tree as written down by hand", () => {
    const sample = (tokens: number[], lossMask: number[], coefficient: number): TrieSample => ({
      tokens: Int32Array.from(tokens),
      lossMask: Uint8Array.from(lossMask),
      coefficient,
    });
    const trie = buildTrie([
      sample([7, 3, 9, 4], [0, 0, 0, 1], 0.5),
      sample([7, 3, 5, 6, 8], [0, 0, 1, 1, 0], 2),
      sample([7, 3, 5], [0, 1, 1], 0.25),
    ]);
    expect(flat(trie)).toEqual({
      segments: [
        { start: 0, end: 2, parent: -1 },
        { start: 2, end: 4, parent: 0 },
        { start: 4, end: 6, parent: 0 },
      ],
      positions: [0, 1, 2, 3, 2, 3],
      tokens: [7, 3, 5, 6, 9, 4],
      targets: [
        { token: 1, source: 0, weight: 0.25 },
        { token: 2, source: 1, weight: 2.25 },
        { token: 3, source: 2, weight: 2 },
        { token: 5, source: 4, weight: 0.5 },
      ],
    });
  });

  it("turns the design's episode of 14,500 tokens into 3,300", () => {
    const episode = designEpisode();
    const trie = buildTrie(episode.map(asSample));
    expect(episode.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBe(14_500);
    expect(trie.layout.tokenCount).toBe(3_300);
    // Prompt, nine candidates, and the kept one together with the feedback behind it.
    expect(trie.layout.segments.length).toBe(11);
    expect(trie.targets.length).toBe(2_000);
  });

  it("of no samples is empty", () => {
    expect(flat(buildTrie([]))).toEqual({ segments: [], positions: [], tokens: [], targets: [] });
  });
});
