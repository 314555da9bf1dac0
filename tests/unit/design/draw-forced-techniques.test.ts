import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { dealLeads, drawForcedTechniques, PLAIN } from "../../../src/design/draw-forced-techniques.js";

const NAMES = ["a", "b", "c", "d", "e"];

/** No leads for m candidates. */
const none = (count: number) => new Array<undefined>(count).fill(undefined);

/** Sets of candidates that are all forced. */
function drawn(
  seed: number,
  leads: (string | undefined)[],
  isCompatible?: (set: readonly string[]) => boolean,
): string[][] {
  return drawForcedTechniques(new Random(seed), leads, NAMES, 1, isCompatible).map((set) => set!);
}

describe("drawForcedTechniques", () => {
  it("forces nothing at share 0 and every candidate at share 1", () => {
    expect(drawForcedTechniques(new Random(1), none(20), NAMES, 0)).toEqual(none(20));
    expect(drawn(1, none(20)).every((set) => set.length >= 1)).toBe(true);
  });

  it("gives a plain candidate no technique, which is not the same as leaving it the choice", () => {
    const leads = ["a", PLAIN];
    expect(drawn(1, leads)[1]).toEqual([]);
    expect(drawForcedTechniques(new Random(1), leads, NAMES, 0)).toEqual([undefined, undefined]);
  });

  it("draws sets of one to three different names that respect compatibility", () => {
    const isCompatible = (set: readonly string[]) => !(set.includes("a") && set.includes("b"));
    for (const set of drawn(2, none(300), isCompatible)) {
      expect(set.length).toBeLessThanOrEqual(3);
      expect(new Set(set).size).toBe(set.length);
      expect(isCompatible(set)).toBe(true);
    }
  });

  it("uses every technique about equally", () => {
    const counts = new Map(NAMES.map((name) => [name, 0]));
    const sets = drawn(3, none(2000));
    for (const name of sets.flat()) counts.set(name, counts.get(name)! + 1);
    // Two of five names on average: 800 each, deviation about 22.
    for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(120);
  });

  it("honours the share", () => {
    const forced = drawForcedTechniques(new Random(4), none(2000), NAMES, 0.4).filter((set) => set);
    // Deviation of a share of 2,000 draws: 1.1 %.
    expect(Math.abs(forced.length / 2000 - 0.4)).toBeLessThan(0.05);
  });

  it("gives every forced candidate its lead, beside others it goes with, and none that cannot stand", () => {
    const isCompatible = (set: readonly string[]) =>
      !set.includes("e") && !(set.includes("a") && set.includes("b"));
    const leads = Array.from({ length: 200 }, (_, i) => NAMES[i % 5]);
    const sets = drawn(5, leads, isCompatible);
    for (const [i, set] of sets.entries()) {
      if (leads[i] !== "e") expect(set).toContain(leads[i]);
      expect(new Set(set).size).toBe(set.length);
      expect(isCompatible(set)).toBe(true);
    }
    expect(drawForcedTechniques(new Random(5), leads, NAMES, 0)).toEqual(none(200));
  });
});

describe("dealLeads", () => {
  it("deals every technique once before one comes again, over turns, in an order of each seed", () => {
    const turns = [0, 4, 8, 12, 16].flatMap((from) => dealLeads(7, from, 4, NAMES));
    for (let deck = 0; deck < 4; deck++)
      expect([...turns.slice(5 * deck, 5 * deck + 5)].sort()).toEqual(NAMES);
    expect(dealLeads(7, 0, 20, NAMES)).toEqual(turns);
    expect(dealLeads(8, 0, 20, NAMES)).not.toEqual(turns);
  });

  it("deals nothing where there is nothing to deal", () => {
    expect(dealLeads(7, 0, 2, [])).toEqual([undefined, undefined]);
  });
});
