/** @file The random stream: reproducible, even enough, unbiased where it draws whole numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";

const DRAWS = 20_000;
/** Five standard deviations: a fixed seed cannot flake, and a real fault lies far outside. */
const SIGMAS = 5;

describe("Random", () => {
  it("gives the same numbers for the same seed, others for another", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  it("pins the stream: recorded runs depend on it", () => {
    const random = new Random(1);
    const first = [random.next(), random.next(), random.next()];
    const again = new Random(1);
    expect(first).toEqual([again.next(), again.next(), again.next()]);
    expect(first.map((value) => Math.round(value * 1e9))).toMatchInlineSnapshot(`
      [
        504841284,
        224056058,
        575790821,
      ]
    `);
  });

  it.each([0, 1, 2 ** 31 - 1])("is uniform in mean, variance and ten bins (seed %i)", (seed) => {
    const random = new Random(seed);
    const bins = new Array<number>(10).fill(0);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < DRAWS; i++) {
      const value = random.next();
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
      squares += (value - 0.5) ** 2;
      bins[Math.floor(value * 10)]!++;
    }
    expect(Math.abs(sum / DRAWS - 0.5)).toBeLessThan(SIGMAS * Math.sqrt(1 / 12 / DRAWS));
    expect(Math.abs(squares / DRAWS - 1 / 12)).toBeLessThan(SIGMAS * Math.sqrt(1 / 180 / DRAWS));
    const expected = DRAWS / 10;
    const chiSquare = bins.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
    // Nine degrees of freedom: mean 9, standard deviation √18.
    expect(chiSquare).toBeLessThan(9 + SIGMAS * Math.sqrt(18));
  });

  it("has no correlation between neighbours, nor between derived streams", () => {
    const random = new Random(5);
    const a = random.derive("a");
    const b = random.derive("b");
    let neighbours = 0;
    let streams = 0;
    let last = random.next();
    for (let i = 0; i < DRAWS; i++) {
      const value = random.next();
      neighbours += (value - 0.5) * (last - 0.5);
      last = value;
      streams += (a.next() - 0.5) * (b.next() - 0.5);
    }
    const bound = SIGMAS * (1 / 12) * Math.sqrt(DRAWS);
    expect(Math.abs(neighbours)).toBeLessThan(bound);
    expect(Math.abs(streams)).toBeLessThan(bound);
  });

  it("derives the same stream whatever was drawn before", () => {
    const random = new Random(9);
    const early = random.derive("x", 1).next();
    random.next();
    expect(random.derive("x", 1).next()).toBe(early);
  });

  it("draws whole numbers with both ends, evenly", () => {
    const random = new Random(3);
    const counts = new Map<number, number>();
    for (let i = 0; i < DRAWS; i++) {
      const value = random.integer(-2, 3);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((x, y) => x - y)).toEqual([-2, -1, 0, 1, 2, 3]);
    const bound = SIGMAS * Math.sqrt(DRAWS * (1 / 6) * (5 / 6));
    for (const count of counts.values()) expect(Math.abs(count - DRAWS / 6)).toBeLessThan(bound);
  });

  it("hits a chance as often as asked, and never or always at the ends", () => {
    const random = new Random(4);
    let hits = 0;
    for (let i = 0; i < DRAWS; i++) {
      if (random.chance(0.3)) hits++;
      expect(random.chance(0)).toBe(false);
      expect(random.chance(1)).toBe(true);
    }
    expect(Math.abs(hits - 0.3 * DRAWS)).toBeLessThan(SIGMAS * Math.sqrt(DRAWS * 0.21));
  });

  it("shuffles into a permutation and leaves the list alone", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (list, seed) => {
        const copy = [...list];
        const shuffled = new Random(seed).shuffle(list);
        expect(list).toEqual(copy);
        expect([...shuffled].sort((a, b) => a - b)).toEqual([...copy].sort((a, b) => a - b));
      }),
    );
  });

  it("reaches all six orders of three items equally often", () => {
    const random = new Random(6);
    const counts = new Map<string, number>();
    const rounds = 6000;
    for (let i = 0; i < rounds; i++) {
      const order = random.shuffle(["a", "b", "c"]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const bound = SIGMAS * Math.sqrt(rounds * (1 / 6) * (5 / 6));
    for (const count of counts.values()) expect(Math.abs(count - rounds / 6)).toBeLessThan(bound);
  });

  it("picks every item, and refuses an empty list", () => {
    const random = new Random(8);
    expect(new Set(Array.from({ length: 100 }, () => random.pick(["x", "y", "z"])))).toEqual(
      new Set(["x", "y", "z"]),
    );
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
