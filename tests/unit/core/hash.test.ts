/** @file Content hashes: stable over key order, sensitive to everything else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, hashJson, seedFrom, sha256 } from "../../../src/core/hash.js";

function reversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversedKeys(member)]),
  );
}

describe("sha256", () => {
  it("gives the published digests of the empty text and of abc", () => {
    expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256(new TextEncoder().encode("abc"))).toBe(sha256("abc"));
  });
});

describe("canonicalJson", () => {
  it("sorts keys at every depth and leaves undefined members out", () => {
    expect(canonicalJson({ b: [{ z: 1, a: 2 }], a: undefined, c: null })).toBe(
      '{"b":[{"a":2,"z":1}],"c":null}',
    );
  });

  it("keeps the order of lists", () => {
    expect(canonicalJson([2, 1])).toBe("[2,1]");
  });

  it("treats __proto__ as a plain key", () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1},"b":2}');
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":1},"b":2}');
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it("does not depend on key order, and parses back to the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversedKeys(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("hashJson and seedFrom", () => {
  it("tells values apart that look alike", () => {
    const values = [1, "1", [1], { 1: 1 }, null, "null", [], {}, "", [[]], ["a", "b"], ["a,b"]];
    expect(new Set(values.map(hashJson)).size).toBe(values.length);
  });

  it("gives 31-bit whole numbers that differ by part", () => {
    const seeds = Array.from({ length: 500 }, (_, i) => seedFrom(7, "x", i));
    for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31).toBe(true);
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(seedFrom("a", "b")).not.toBe(seedFrom("ab"));
  });
});
