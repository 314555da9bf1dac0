/** @file The nearest known name. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearNames } from "../../../src/core/near-names.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["abc", "", 3],
    ["kitten", "sitting", 3],
    ["turns", "truns", 1],
    ["seed", "seeds", 1],
    ["a", "b", 1],
  ])("of %j and %j is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it("is zero only for equals, the same both ways, and within bounds", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe("nearNames", () => {
  const known = ["episodes", "turns", "temperature", "executorModel", "run"];
  it("finds what was meant, whatever the case", () => {
    expect(nearNames("episods", known)[0]).toBe("episodes");
    expect(nearNames("executormodel", known)[0]).toBe("executorModel");
    expect(nearNames("tempreature", known)[0]).toBe("temperature");
  });

  it("says nothing where nothing is near", () => {
    expect(nearNames("completely-different", known)).toEqual([]);
    expect(nearNames("x", [])).toEqual([]);
  });

  it("stays quick on a huge name", () => {
    expect(nearNames("x".repeat(1_000_000), known)).toEqual([]);
  });
});
