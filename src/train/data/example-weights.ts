/** @file From rewards to the weights of examples. */
import { ConfigError, InputError } from "../../core/errors.js";

/**
 * With reward r, temperature T and mean the average over all rewards given:
 *
 *     exponential  exp(r / T)
 *     advantage    exp((r − mean) / T), so that an average example counts 1
 *     binary       1 where r > threshold, else 0
 */
export type RewardWeightOptions =
  | {
      kind: "exponential";
      /** Above 0; small ones let the best rewards dominate. Default 0.4. @source W4S (arXiv 2504.04785), reference code */
      temperature?: number | undefined;
      /** Largest weight, above 0. Default: none. */
      cap?: number | undefined;
    }
  | {
      kind: "advantage";
      /** Above 0. Default 0.4. */
      temperature?: number | undefined;
      /** Largest weight, above 0. Default 12, about what reward 1 weighs by exp(r / 0.4). */
      cap?: number | undefined;
    }
  | {
      kind: "binary";
      /** Default 0. */
      threshold?: number | undefined;
    };

const DEFAULT_TEMPERATURE = 0.4;
const DEFAULT_ADVANTAGE_CAP = 12;

/**
 * A weight per reward, in the same order; it does not depend on the order of the others.
 * @throws {InputError} on a reward that is not finite, or so large beside the temperature that its weight is not
 * @throws {ConfigError} on options out of range
 */
export function rewardWeights(rewards: readonly number[], options: RewardWeightOptions): number[] {
  const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) {
    throw new InputError(`reward ${bad} is ${rewards[bad]}, expected a finite number`, {
      hint: "score the example again, or leave it out",
      code: "bad-reward",
    });
  }
  if (options.kind === "binary") {
    const { threshold = 0 } = options;
    if (Number.isNaN(threshold)) throw new ConfigError("the reward threshold is NaN, expected a number");
    return rewards.map((reward) => (reward > threshold ? 1 : 0));
  }
  const isAdvantage = options.kind === "advantage";
  const temperature = options.temperature ?? DEFAULT_TEMPERATURE;
  const cap = options.cap ?? (isAdvantage ? DEFAULT_ADVANTAGE_CAP : Number.POSITIVE_INFINITY);
  if (!(Number.isFinite(temperature) && temperature > 0)) {
    throw new ConfigError(`the reward temperature is ${temperature}, expected a number above 0`);
  }
  if (!(cap > 0)) throw new ConfigError(`the largest weight is ${cap}, expected a number above 0`);
  const centre = isAdvantage ? mean(rewards) : 0;
  return rewards.map((reward, index) => {
    const weight = Math.min(cap, Math.exp((reward - centre) / temperature));
    if (Number.isFinite(weight)) return weight;
    throw new InputError(
      `reward ${index} is ${reward}: its weight at temperature ${temperature} is too large`,
      {
        hint: "raise the temperature, or set a cap",
        code: "bad-reward",
      },
    );
  });
}

/** Summed in rising order, so that the order of rewards changes no bit. */
function mean(rewards: readonly number[]): number {
  return [...rewards].sort((a, b) => a - b).reduce((sum, reward) => sum + reward, 0) / rewards.length;
}
