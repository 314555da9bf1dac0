import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { drawForcedTechniques } from "../../../src/design/draw-forced-techniques.js";

const NAMES = ["a", "b", "c", "d", "e"];

describe("drawForcedTechniques", () => {
  it("forces nothing at share 0 and every candidate at share 1", () => {
    expect(drawForcedTechniques(new Random(1), 20, NAMES, 0).flat()).toEqual([]);
    expect(drawForcedTechniques(new Random(1), 20, NAMES, 1).every((set) => set.length >= 1)).toBe(true);
  });

  it("draws sets of one to three different names that respect compatibility", () => {
    const isCompatible = (set: readonly string[]) => !(set.includes("a") && set.includes("b"));
    for (const set of drawForcedTechniques(new Random(2), 300, NAMES, 1, isCompatible)) {
      expect(set.length).toBeLessThanOrEqual(3);
      expect(new Set(set).size).toBe(set.length);
      expect(isCompatible(set)).toBe(true);
    }
  });

  it("uses every technique about equally", () => {
    const counts = new Map(NAMES.map((name) => [name, 0]));
    const sets = drawForcedTechniques(new Random(3), 2000, NAMES, 1);
    for (const name of sets.flat()) counts.set(name, counts.get(name)! + 1);
    // Two of five names on average: 800 each, deviation about 22.
    for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(120);
  });

  it("honours the share", () => {
    const forced = drawForcedTechniques(new Random(4), 2000, NAMES, 0.4).filter((set) => set.length > 0);
    // Deviation of a share of 2,000 draws: 1.1 %.
    expect(Math.abs(forced.length / 2000 - 0.4)).toBeLessThan(0.05);
  });
});
