/** @file Weights from rewards: the published numbers, invariances and refusals. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, InputError } from "../../../../src/core/errors.js";
import { type ExampleWeightOptions, exampleWeights } from "../../../../src/train/data/example-weights.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_128);

describe("exampleWeights", () => {
  it("gives the reference's weights for its four rewards", () => {
    const weights = exampleWeights([1, 0.5, 0, -0.1], { kind: "exponential" });
    expect(weights.map((weight) => Number(weight.toFixed(6)))).toEqual([12.182494, 3.490343, 1, 0.778801]);
    expect(exampleWeights([1, 0], { kind: "exponential", temperature: 0.5, cap: 5 })).toEqual([5, 1]);
  });

  it("centres advantages on the mean and caps them at 12", () => {
    const options: ExampleWeightOptions = { kind: "advantage", temperature: 0.06 };
    expect(exampleWeights([0.5, 0.5, 0.5], options)).toEqual([1, 1, 1]);
    const [low, middle, high] = exampleWeights([0.44, 0.5, 0.56], options) as [number, number, number];
    expect(low).toBeCloseTo(Math.exp(-1), 12);
    expect(middle).toBeCloseTo(1, 12);
    expect(high).toBeCloseTo(Math.E, 12);
    expect(exampleWeights([0, 1], options)).toEqual([Math.exp(-0.5 / 0.06), 12]);
    expect(exampleWeights([0, 1], { ...options, cap: 3 })[1]).toBe(3);
  });

  it("caps exponential weights at what the reference gives reward 1", () => {
    expect(exampleWeights([0, 0.5, 1], { kind: "exponential", temperature: 0.06 })).toEqual([
      1,
      Math.exp(2.5),
      Math.exp(2.5),
    ]);
    expect(exampleWeights([1], { kind: "exponential", temperature: 1e-3 })).toEqual([Math.exp(2.5)]);
    expect(exampleWeights([-1e3], { kind: "exponential", temperature: 1e-3 })).toEqual([0]);
  });

  it("takes rewards strictly above the threshold", () => {
    expect(exampleWeights([-0.1, 0, 0.4, 1], { kind: "binary" })).toEqual([0, 0, 1, 1]);
    expect(exampleWeights([-0.1, 0, 0.4, 1], { kind: "binary", threshold: 0.4 })).toEqual([0, 0, 0, 1]);
  });

  it("orders weights as rewards, whatever their order in the list", () => {
    const kinds = fc.constantFrom<ExampleWeightOptions>(
      { kind: "exponential" },
      { kind: "advantage" },
      { kind: "binary" },
    );
    const rewards = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(rewards, kinds, (list, options) => {
        const weights = exampleWeights(list, options);
        const rising = list.map((reward, i) => [reward, weights[i] as number]).sort(([a], [b]) => a! - b!);
        for (let i = 1; i < rising.length; i++)
          expect(rising[i]?.[1]).toBeGreaterThanOrEqual(rising[i - 1]![1]!);
        expect(exampleWeights([...list].reverse(), options)).toEqual([...weights].reverse());
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it.each<ExampleWeightOptions>([
    { kind: "exponential", temperature: 0 },
    { kind: "exponential", temperature: Number.NaN },
    { kind: "advantage", temperature: Number.POSITIVE_INFINITY },
    { kind: "advantage", cap: 0 },
    { kind: "exponential", cap: Number.NaN },
    { kind: "exponential", cap: Number.POSITIVE_INFINITY },
    { kind: "binary", threshold: Number.NaN },
  ])("refuses %j", (options) => {
    expect(() => exampleWeights([1], options)).toThrow(ConfigError);
  });

  it("names a reward that is no number", () => {
    const noNumber = () => exampleWeights([0, Number.NaN], { kind: "binary" });
    expect(noNumber).toThrow(InputError);
    expect(noNumber).toThrow(/reward 1 is NaN/);
  });
});
