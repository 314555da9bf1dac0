/** @file The nearest known name. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearestName } from "../../../src/rollout/nearest.js";

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

describe("nearestName", () => {
  const known = ["episodes", "turns", "temperature", "executorModel", "run"];
  it("finds what was meant, whatever the case", () => {
    expect(nearestName("episods", known)).toBe("episodes");
    expect(nearestName("executormodel", known)).toBe("executorModel");
    expect(nearestName("tempreature", known)).toBe("temperature");
  });

  it("says nothing where nothing is near", () => {
    expect(nearestName("completely-different", known)).toBeUndefined();
    expect(nearestName("x", [])).toBeUndefined();
  });

  it("stays quick on a huge name", () => {
    expect(nearestName("x".repeat(1_000_000), known)).toBeUndefined();
  });
});
