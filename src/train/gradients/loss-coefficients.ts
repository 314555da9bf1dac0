/** @file What a token's cross-entropy counts in the loss of one optimisation step. */
import { ConfigError } from "../../core/errors.js";
import { type TokenExample, targetCount } from "../data/example.js";

/**
 * With weight w_i and n_i targets of sample i, N samples and CE_it the cross-entropy of its token t:
 *
 *     sample-mean  L = (1/N) Σ_i w_i · (1/n_i) Σ_t CE_it
 *     token-sum    L = Σ_i w_i Σ_t CE_it / Σ_i w_i n_i
 *
 * In the first every sample counts alike whatever its length; in the second every token does.
 */
export type LossNormalisation = "sample-mean" | "token-sum";

/**
 * The factor of every target's cross-entropy, by example; `examples` are all samples of one step.
 * @throws {ConfigError} when negative weights leave token-sum without a positive divisor
 */
export function lossCoefficients(
  examples: readonly Pick<TokenExample, "lossMask" | "weight">[],
  normalisation: LossNormalisation,
): Float64Array {
  if (normalisation === "sample-mean") {
    return Float64Array.from(
      examples,
      (example) => example.weight / (examples.length * targetCount(example)),
    );
  }
  const divisor = examples.reduce((sum, example) => sum + example.weight * targetCount(example), 0);
  if (examples.every(({ weight }) => weight === 0)) return new Float64Array(examples.length);
  if (!(divisor > 0)) {
    throw new ConfigError(
      `token-sum divides by the weights of all tokens of a step, which add up to ${divisor}`,
      {
        hint: "use sample-mean together with negative weights",
      },
    );
  }
  return Float64Array.from(examples, ({ weight }) => weight / divisor);
}
