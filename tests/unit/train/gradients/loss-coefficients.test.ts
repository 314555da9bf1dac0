/** @file Both normalisations against their definitions written out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/core/errors.js";
import {
  type LossNormalisation,
  lossCoefficients,
} from "../../../../src/train/gradients/loss-coefficients.js";
import { tokenExample } from "../../../support/token-samples.js";

const SEED = Number(process.env.W4S_TEST_SEED ?? 20_261_126);
/** A handful of float64 roundings. */
const RELATIVE_BOUND = 1e-14;

describe("lossCoefficients", () => {
  it("weights losses as the definitions do, whatever the cross-entropies are", () => {
    const examples = fc.array(tokenExample, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(examples, fc.constantFrom<LossNormalisation>("sample-mean", "token-sum"), (list, kind) => {
        const coefficients = lossCoefficients(list, kind);
        // Any cross-entropies will do: these depend on sample and token.
        const sums = list.map(({ lossMask }, i) =>
          [...lossMask].reduce((sum, mask, t) => sum + mask * (1 + i + t / 7), 0),
        );
        const counts = list.map(({ lossMask }) => lossMask.filter((mask) => mask === 1).length);
        const total = (of: (i: number) => number) => list.reduce((sum, _, i) => sum + of(i), 0);
        const weight = (i: number) => list[i]?.weight as number;
        const expected =
          kind === "sample-mean"
            ? total((i) => (weight(i) * (sums[i] as number)) / (counts[i] as number)) / list.length
            : total((i) => weight(i) * (sums[i] as number)) / total((i) => weight(i) * (counts[i] as number));
        const got = total((i) => (coefficients[i] as number) * (sums[i] as number));
        expect(Math.abs(got - expected)).toBeLessThanOrEqual(RELATIVE_BOUND * expected);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("counts samples of weight 0 in the mean", () => {
    const lossMask = Uint8Array.of(0, 1, 1);
    expect([
      ...lossCoefficients(
        [
          { lossMask, weight: 3 },
          { lossMask, weight: 0 },
        ],
        "sample-mean",
      ),
    ]).toEqual([0.75, 0]);
  });

  it("gives nothing for a step of zero weights, and refuses a divisor that is not positive", () => {
    const lossMask = Uint8Array.of(0, 1);
    expect([...lossCoefficients([{ lossMask, weight: 0 }], "token-sum")]).toEqual([0]);
    const signed = [1, -2].map((weight) => ({ lossMask, weight }));
    expect(() => lossCoefficients(signed, "token-sum")).toThrow(ConfigError);
    expect([...lossCoefficients(signed, "sample-mean")]).toEqual([0.5, -1]);
  });
});
