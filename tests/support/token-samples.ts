/** @file Generated token sequences that share beginnings, and what they look like token by token. */
import fc from "fast-check";
import type { TokenExample } from "../../src/train/data/example.js";
import type { TokenTrie, TrieSample } from "../../src/train/data/token-trie.js";

/** Few ids and short sequences, so that many beginnings are shared; at least one target in each. */
export const tokenExample: fc.Arbitrary<TokenExample> = fc
  .array(fc.tuple(fc.nat(2), fc.boolean()), { minLength: 2, maxLength: 9 })
  .chain((pairs) =>
    fc.record({
      tokens: fc.constant(Int32Array.from(pairs, ([token]) => token)),
      lossMask: fc
        .integer({ min: 1, max: pairs.length - 1 })
        .map((sure) =>
          Uint8Array.from(pairs, ([, isTarget], i) => (i > 0 && (isTarget || i === sure) ? 1 : 0)),
        ),
      weight: fc.integer({ min: 1, max: 1000 }).map((n) => n / 64),
      group: fc.constantFrom("a", "b", "c"),
    }),
  );

export const asSample = ({ tokens, lossMask, weight }: TokenExample): TrieSample => ({
  tokens,
  lossMask,
  coefficient: weight,
});

/** The ids from the root to a token. */
export function pathTo(trie: TokenTrie, token: number): number[] {
  const { segments } = trie.layout;
  let at = segments.findIndex(({ start, end }) => token >= start && token < end);
  const ids: number[] = [];
  for (let end = token + 1; at >= 0; ) {
    const { start, parent } = segments[at] as { start: number; parent: number };
    ids.unshift(...trie.tokens.subarray(start, end));
    at = parent;
    end = segments[parent]?.end ?? 0;
  }
  return ids;
}

/** Loss weight by path, as text; the same for tries and for plain samples. */
export function weightByPath(
  entries: Iterable<[path: readonly number[], weight: number]>,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [path, weight] of entries) sums.set(path.join(), (sums.get(path.join()) ?? 0) + weight);
  return sums;
}

export function pathsOfSamples(samples: readonly TrieSample[]): [number[], number][] {
  return samples.flatMap(({ tokens, lossMask, coefficient }) =>
    [...lossMask].flatMap((mask, i): [number[], number][] =>
      mask === 1 ? [[[...tokens.subarray(0, i + 1)], coefficient]] : [],
    ),
  );
}

export function pathsOfTries(tries: readonly TokenTrie[]): [number[], number][] {
  return tries.flatMap((trie) =>
    trie.targets.map(({ token, weight }): [number[], number] => [pathTo(trie, token), weight]),
  );
}

/** The episode of the design: 2 turns × 5 candidates, one of the first turn kept, then feedback. */
export function designEpisode(group = "episode"): TokenExample[] {
  const run = (length: number, first: number) => Int32Array.from({ length }, (_, i) => first + i);
  const prompt = run(1000, 0);
  const feedback = run(300, 8000);
  const example = (context: Int32Array[], candidate: number): TokenExample => {
    const before = context.flatMap((part) => [...part]);
    const action = run(200, 2000 + 200 * candidate);
    const lossMask = new Uint8Array(before.length + 200).fill(1, before.length);
    return { tokens: Int32Array.from([...before, ...action]), lossMask, weight: 1 + candidate, group };
  };
  const kept = run(200, 2000 + 200 * 3);
  return [
    ...[0, 1, 2, 3, 4].map((candidate) => example([prompt], candidate)),
    ...[5, 6, 7, 8, 9].map((candidate) => example([prompt, kept, feedback], candidate)),
  ];
}
