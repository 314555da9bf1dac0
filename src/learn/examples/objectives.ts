/** @file What objectives of training are given: rewards of a task's examples become their weights. */
import { isSigned, type ObjectiveName, type WeightingName } from "../../config/objectives.js";
import { ConfigError, InputError } from "../../core/errors.js";
import type { Random } from "../../core/random.js";
import { groupBy } from "../../core/statistics.js";
import type { ShrunkReward } from "./shrunk-rewards.js";

/** An example as far as its weight depends on it. */
export interface RewardedExample {
  /** r, as it was recorded or computed anew. */
  reward: number;
  /** Estimate x and baseline b of the reward; without, x is r and b the mean of all examples given. */
  shrunk?: ShrunkReward | undefined;
  /** Examples with the same one were drawn from one state. */
  state: string;
}

/** An objective, the weighting of one that is weighted, and figures. */
export interface ObjectiveOptions {
  /** Objectives that compare replies have a weighting of their own. Default weighted. */
  objective?: ObjectiveName | undefined;
  kind: WeightingName;
  /** T, above 0; small ones let the best rewards dominate. Default 0.4, for shrunk rewards 0.04. */
  temperature?: number | undefined;
  /** Largest weight, above 0; of signed weights the largest on both sides. Default 12, for exponential e^2.5 ≈ 12.2. */
  cap?: number | undefined;
  /** Reward above which an example is a success. Default 0. */
  threshold?: number | undefined;
}

/** @source W4S (arXiv 2504.04785), reference code */
const DEFAULT_TEMPERATURE = 0.4;
/**
 * Shrunk rewards lie closer together than accuracies, for which 0.06 was measured: by about √ρ = 0.67 for a spread of true
 * accuracies of 0.08 and 32 items.
 */
const SHRUNK_TEMPERATURE = 0.04;
const DEFAULT_CAP = 12;
/** What reward 1 weighs at the default temperature. */
const EXPONENTIAL_CAP = Math.exp(1 / DEFAULT_TEMPERATURE);

/** Equal rewards have a deviation of some 1e-17. */
const ROUNDING = 1e-9;

type Weigh = (examples: readonly RewardedExample[], options: ObjectiveOptions, random: Random) => number[];

/** Name → weights of examples, in their order. Equations and sources: config/objectives.ts, docs/learning.md. */
const WEIGH: Readonly<Record<WeightingName, Weigh>> = {
  /** exp((x − b) / T), at most the cap: a reply that is worth what its state gives on average weighs 1. */
  advantage: (examples, options) => {
    const { temperature = defaultTemperature(examples), cap = DEFAULT_CAP } = options;
    return advantages(examples).map((advantage) => Math.min(cap, Math.exp(advantage / temperature)));
  },

  /**
   * (x − mean of x) / standard deviation of r, both over the examples of a state; 0 where all are alike. Estimates over the
   * deviation of what was observed: where rewards differ by luck alone, weights stay small.
   */
  group: (examples, { cap = DEFAULT_CAP }) => {
    const weights = new Array<number>(examples.length).fill(0);
    const indices = examples.map((_, index) => index);
    for (const own of groupBy(indices, (index) => (examples[index] as RewardedExample).state).values()) {
      const members = own.map((index) => examples[index] as RewardedExample);
      const values = members.map(({ reward, shrunk }) => shrunk?.estimate ?? reward);
      const deviation = deviationOf(members.map(({ reward }) => reward));
      const centre = meanOf(values);
      for (const [i, index] of own.entries()) {
        const weight = deviation > ROUNDING ? ((values[i] as number) - centre) / deviation : 0;
        weights[index] = Math.max(-cap, Math.min(cap, weight));
      }
    }
    return weights;
  },

  /** exp(r / T), at most the cap. */
  exponential: (examples, { temperature = DEFAULT_TEMPERATURE, cap = EXPONENTIAL_CAP }) =>
    examples.map(({ reward }) => Math.min(cap, Math.exp(reward / temperature))),

  success: (examples, { threshold = 0 }) => examples.map(({ reward }) => (reward > threshold ? 1 : 0)),

  uniform: (examples) => examples.map(() => 1),

  shuffled: (examples, options, random) => random.shuffle(WEIGH.advantage(examples, options, random)),

  binary: (examples, options, random) => WEIGH.success(examples, options, random),
};

/** Weights as the trainer's objectives that compare replies read them; equations there (train/loop/objective.ts). */
const WEIGH_COMPARED: Readonly<Record<Exclude<ObjectiveName, "weighted">, Weigh>> = {
  /** x − b: which of two replies to a prompt is better, and by how much. */
  preference: (examples) => advantages(examples),

  group: (examples, options, random) => WEIGH.group(examples, options, random),

  /**
   * Above 0 where x > b, below where x < b; each side makes up half of all weight, unless that takes more than the cap.
   * @source KTO (arXiv 2402.01306), section 4.2: λ of the two sides times their numbers between 1 : 1 and 4 : 3
   */
  kto: (examples, { cap = DEFAULT_CAP }) => {
    const signs = advantages(examples).map((advantage) =>
      Math.abs(advantage) > ROUNDING ? Math.sign(advantage) : 0,
    );
    const half = signs.filter((sign) => sign !== 0).length / 2;
    return signs.map((sign) => {
      const alike = signs.filter((other) => other === sign).length;
      return sign === 0 ? 0 : sign * Math.min(cap, half / alike);
    });
  },
};

/**
 * A weight per example of one task, in the order given; except for `shuffled` it does not depend on the order of the others.
 * @param random - of `shuffled`
 * @throws {InputError} on a reward that is not finite
 * @throws {ConfigError} on options out of range
 */
export function weighExamples(
  examples: readonly RewardedExample[],
  options: ObjectiveOptions,
  random: Random,
): number[] {
  const bad = examples.findIndex(({ reward }) => !Number.isFinite(reward));
  if (bad >= 0) {
    throw new InputError(`reward ${bad} is ${examples[bad]?.reward}, expected a finite number`, {
      hint: "score the example again, or leave it out",
      code: "bad-reward",
    });
  }
  const { temperature = 1, cap = 1, threshold = 0 } = options;
  if (!(Number.isFinite(temperature) && temperature > 0))
    throw new ConfigError(`the reward temperature is ${temperature}, expected a number above 0`);
  if (!(Number.isFinite(cap) && cap > 0))
    throw new ConfigError(`the largest weight is ${cap}, expected a number above 0`);
  if (Number.isNaN(threshold)) throw new ConfigError("the reward threshold is NaN, expected a number");
  const { objective = "weighted" } = options;
  const weigh = objective === "weighted" ? WEIGH[options.kind] : WEIGH_COMPARED[objective];
  return weigh(examples, options, random);
}

/**
 * Before anything is collected or trained: a weighting that pushes replies away needs a leash, where the objective has none.
 * @param divergencePenalty - factor of KL(π‖base) in the loss
 * @throws {ConfigError}
 */
export function refuseUnleashed(
  { objective = "weighted", kind }: Pick<ObjectiveOptions, "objective" | "kind">,
  divergencePenalty: number,
): void {
  if (objective !== "weighted" || !isSigned(kind) || divergencePenalty > 0) return;
  throw new ConfigError(
    `weighting ${kind} pushes replies away, and nothing holds the model to what else it says`,
    {
      code: "no-leash",
      hint: "use --objective group, give --kl a factor above 0 (learn.kl), such as 0.1, or use --weighting advantage",
    },
  );
}

function advantages(examples: readonly RewardedExample[]): number[] {
  const centre = meanOf(examples.map(({ reward }) => reward));
  return examples.map(({ reward, shrunk }) =>
    shrunk === undefined ? reward - centre : shrunk.estimate - shrunk.baseline,
  );
}

function defaultTemperature(examples: readonly RewardedExample[]): number {
  return examples.some(({ shrunk }) => shrunk !== undefined) ? SHRUNK_TEMPERATURE : DEFAULT_TEMPERATURE;
}

/** Summed in rising order, so that the order of rewards changes no bit. */
function meanOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b).reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const centre = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - centre) ** 2)));
}
