/** @file Byte-level BPE of the nano model: learnt merges, and splitting that agrees with the plain definition. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learnMerges, Tokenizer } from "../../../scripts/nano/bpe.mjs";
import { makeCorpus } from "../../../scripts/nano/corpus.mjs";
import { symbolOfByte } from "../../../src/formats/byte-level-bpe.js";

const SEED = 20260101;
const texts = [...makeCorpus({ seed: 5, count: 150 })].flatMap(({ messages, reply }) => [
  ...messages.map(({ content }) => content),
  reply,
]);
const merges = learnMerges(texts, { words: 250, spans: 150 });
const tokens = [
  ...Array.from({ length: 256 }, (_, byte) => symbolOfByte(byte)),
  ...merges.map(([left, right]) => left + right),
];
const tokenizer = new Tokenizer(tokens, merges);
const byteOf = new Map(Array.from({ length: 256 }, (_, byte) => [symbolOfByte(byte), byte]));

function decode(ids: readonly number[]): string {
  return Buffer.from(ids.flatMap((id) => Array.from(tokens[id]!, (symbol) => byteOf.get(symbol)!))).toString(
    "utf8",
  );
}

/** BPE by its definition: the pair of the lowest rank anywhere in the text, leftmost first, until none is left. */
function slowEncode(text: string): number[] {
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  const symbols = Array.from(Buffer.from(text, "utf8"), (byte) => symbolOfByte(byte));
  for (;;) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const rank = ranks.get(`${symbols[at]} ${symbols[at + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < bestRank) [best, bestRank] = [at, rank];
    }
    if (best < 0) break;
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
  return symbols.map((symbol) => tokens.indexOf(symbol));
}

describe("learnMerges", () => {
  test("counts by hand: the most frequent pair first, then pairs across words", () => {
    const learnt = learnMerges(["aab aab\n", "aab aab\n", "aab 7 ccd"], { words: 3, spans: 2, minCount: 2 });
    expect(learnt).toEqual([
      ["a", "a"],
      ["aa", "b"],
      ["Ġ", "aab"],
      ["aab", "Ġaab"],
      ["aabĠaab", "Ċ"],
    ]);
  });

  test("no token is made twice, none has a digit, and a line break only ends one", () => {
    const made = merges.map(([left, right]) => left + right);
    expect(made).toHaveLength(400);
    expect(new Set(made).size).toBe(400);
    expect(made.filter((token) => /\d/.test(token))).toEqual([]);
    expect(made.filter((token) => token.slice(0, -1).includes("Ċ"))).toEqual([]);
  });

  test("the same texts give the same merges", () => {
    expect(learnMerges(texts, { words: 250, spans: 150 })).toEqual(merges);
  });
});

describe("Tokenizer", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc
      .array(fc.constantFrom(...texts.slice(0, 40).flatMap((text) => text.split(/(?<=\s)/))), {
        maxLength: 20,
      })
      .map((words) => words.join("")),
  );

  test("splits as the definition says, line breaks and digits included", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.encode(text)).toEqual(slowEncode(text));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test("loses nothing", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decode(tokenizer.encode(text))).toBe(text);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
