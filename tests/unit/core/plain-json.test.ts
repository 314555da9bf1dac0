import { describe, expect, it } from "vitest";
import { plainJson } from "../../../src/core/plain-json.js";

const cycle: { self?: unknown } = {};
cycle.self = cycle;
let deep: unknown = 1;
for (let i = 0; i < 70; i++) deep = [deep];

describe("plainJson", () => {
  it.each<[unknown, string]>([
    [null, "null"],
    [-0, "0"],
    ["é\u0000", '"é\\u0000"'],
    [{ a: [1, { b: true }], c: undefined }, '{"a":[1,{"b":true}]}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ])("writes %j", (value, text) => {
    expect(plainJson(value, 1000)).toBe(text);
  });

  it.each<[string, unknown, RegExp]>([
    ["undefined", undefined, /^undefined$/],
    ["a function inside", { found: [{ run() {} }] }, /^a function at found\[0\]\.run$/],
    ["a hole", new Array(2), /^undefined at \[0\]$/],
    ["a symbol", [Symbol("x")], /^a symbol at \[0\]$/],
    ["a big integer", { n: 10n }, /^a bigint at n$/],
    ["NaN", [Number.NaN], /^the number NaN at \[0\]$/],
    ["a date", { at: new Date(0) }, /^an object that is no plain object at at$/],
    ["a map", new Map(), /^an object that is no plain object$/],
    ["a toJSON method", { toJSON: () => 1 }, /^a function at toJSON$/],
    ["a cycle", cycle, /cyclic/],
    ["depth", deep, /nested deeper than 64/],
  ])("refuses %s", (_name, value, message) => {
    expect(() => plainJson(value, 1_000_000)).toThrow(TypeError);
    expect(() => plainJson(value, 1_000_000)).toThrow(message);
  });

  it("refuses what is too long before it is written, and counts bytes, not characters", () => {
    expect(() => plainJson("x".repeat(10_000_000), 1000)).toThrow(RangeError);
    expect(() =>
      plainJson(
        Array.from({ length: 1e6 }, () => 1),
        1000,
      ),
    ).toThrow("longer than 1000 bytes");
    expect(() => plainJson("é".repeat(400), 500)).toThrow(RangeError);
    expect(plainJson("e".repeat(400), 500)).toHaveLength(402);
  });
});
