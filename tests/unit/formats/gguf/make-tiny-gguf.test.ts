/** @file The tiny model builder: repeatable, small, and every byte has a token. */
import { describe, expect, test } from "vitest";
import { learnMerges, symbolOfByte } from "../../../../src/formats/byte-level-bpe.js";
import { tinyGgufBytes } from "../../../../src/formats/gguf/make-tiny-gguf.js";

describe("tinyGgufBytes", () => {
  test("same options, same bytes; other seed, other weights", () => {
    expect(tinyGgufBytes({ seed: 1 }).equals(tinyGgufBytes({ seed: 1 }))).toBe(true);
    expect(tinyGgufBytes({ seed: 1 }).equals(tinyGgufBytes({ seed: 2 }))).toBe(false);
  });

  test("stays below 2 MB by default", () => {
    expect(tinyGgufBytes().length).toBeLessThan(2_000_000);
  });

  test("refuses sizes that cannot work", () => {
    expect(() => tinyGgufBytes({ vocab: 100 })).toThrow(RangeError);
    expect(() => tinyGgufBytes({ width: 40 })).toThrow(RangeError);
  });
});

describe("byte-level BPE", () => {
  test("256 different printable symbols", () => {
    const symbols = Array.from({ length: 256 }, (_, byte) => symbolOfByte(byte));
    expect(new Set(symbols).size).toBe(256);
    expect(symbols.every((symbol) => /^[^\s\p{C}]$/u.test(symbol))).toBe(true);
    expect([symbolOfByte(0x20), symbolOfByte(0x0a), symbolOfByte(0x41)]).toEqual(["Ġ", "Ċ", "A"]);
  });

  test("the most frequent pair first, no token twice", () => {
    expect(learnMerges("aab aab aab", 2)[0]).toEqual(["a", "a"]);
    const made = learnMerges("the theme of the thesis then there", 20).map((pair) => pair.join(""));
    expect(new Set(made).size).toBe(made.length);
  });
});
