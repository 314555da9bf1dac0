/** @file The objectives of training, and weights of examples from rewards, in the words of help texts and documentation. */

/** One objective or way to weigh examples, as it is told. */
export interface WeightingText {
  /** The weight of an example, in the symbols of docs/learning.md. */
  equation: string;
  /** Where it comes from. */
  source: string;
  /** Some weights are below 0: training with them needs a penalty on the divergence from the bare model. */
  isSigned?: boolean | undefined;
}

/** Every weighting there is, in the order of help texts; what each computes is in learn/examples/objectives.ts. */
export const WEIGHTINGS = {
  advantage: {
    equation: "exp((x - b) / T)",
    source: "advantage-weighted regression, Peng et al. 2019 (arXiv 1910.00177), on shrunk rewards",
  },
  group: {
    equation: "(x - mean x) / sd r, both of the turn",
    source: "group-relative advantages, Shao et al. 2024 (arXiv 2402.03300), on shrunk rewards",
    isSigned: true,
  },
  exponential: { equation: "exp(r / T)", source: "W4S (arXiv 2504.04785), reference code" },
  success: {
    equation: "1 where r > 0, else 0",
    source: "filtered imitation: STaR, Zelikman et al. 2022 (arXiv 2203.14465)",
  },
  uniform: { equation: "1", source: "control: what training does without the rewards" },
  shuffled: {
    equation: "weights of advantage, dealt out anew in a task",
    source: "control: the same weights without what they say",
  },
  binary: { equation: "as success, its former name", source: "as success" },
} as const satisfies Record<string, WeightingText>;

export type WeightingName = keyof typeof WEIGHTINGS;
export const WEIGHTING_NAMES = Object.keys(WEIGHTINGS) as [WeightingName, ...WeightingName[]];

/** Every objective there is; what each computes is in train/loop/objective.ts, what weights mean there in learn/examples. */
export const OBJECTIVES = {
  weighted: {
    equation: "w (-log p) / n",
    source: "reward-weighted regression: W4S (arXiv 2504.04785); w by --weighting",
  },
  preference: {
    equation: "-log s(beta (r_a - r_b)), all pairs of a prompt with x_a - x_b > gap",
    source: "DPO, Rafailov et al. 2023 (arXiv 2305.18290)",
  },
  group: {
    equation: "-min(q w, clip(q, 1 - e, 1 + e) w) / n, w = (x - mean x) / sd r",
    source: "GRPO, Shao et al. 2024 (arXiv 2402.03300)",
  },
  kto: {
    equation: "1 - s(beta (r - z)) where x > b, 1 - s(beta (z - r)) where x < b",
    source: "KTO, Ethayarajh et al. 2024 (arXiv 2402.01306)",
  },
} as const satisfies Record<string, Omit<WeightingText, "isSigned">>;

export type ObjectiveName = keyof typeof OBJECTIVES;
export const OBJECTIVE_NAMES = Object.keys(OBJECTIVES) as [ObjectiveName, ...ObjectiveName[]];

/** True where weights can be below 0. */
export function isSigned(name: WeightingName): boolean {
  return (WEIGHTINGS[name] as WeightingText).isSigned ?? false;
}
