/** @file The noise of the simulated model: what raises or lowers its chance of a right answer, in one table. */
import type { Random } from "../../core/random.js";

/**
 * Effects in logits (0.7 doubles the odds). The sizes were chosen, not fitted to any model: so that on mixed difficulty
 * a direct answer is right about 0.4 of the time, worked steps 0.6 and five votes 0.7 (docs/simulated-executor.md).
 * Each stands for a property of the call, none for a particular workflow or wording.
 */
export const EFFECTS = {
  /** An item of difficulty 0.5, answered at once. */
  base: { logit: -0.4, standsFor: "what a model gets right without room to think" },
  difficulty: { logit: -2.6, standsFor: "longer chains and larger numbers; per unit of (difficulty − 0.5)" },
  steps: { logit: 0.75, standsFor: "intermediate results are written down instead of kept in mind" },
  stepsWhenHard: { logit: 0.4, standsFor: "steps pay more the more steps there are; per unit of difficulty" },
  code: { logit: 1.5, standsFor: "a program computes exactly; only the reading of the task can go wrong" },
  plan: { logit: 0.4, standsFor: "a plan stands in the prompt or is made first, so less is overlooked" },
  sortedFacts: { logit: 0.2, standsFor: "what matters is set apart, so that asides mislead less" },
  selfCheck: { logit: 0.2, standsFor: "asked to check its work before answering" },
  role: { logit: 0.12, standsFor: "told to be an expert or careful" },
  heat: { logit: -0.7, standsFor: "sampling far down the distribution; per unit of temperature above 1" },
  noContext: {
    logit: -4,
    standsFor: "what the answer rests on is not in the prompt; per share of it that is missing",
  },
  noisyMeasurements: {
    logit: -0.5,
    standsFor: "the item holds noisy measurements and nobody says to read them",
  },
  findingsFirst: { logit: 0.3, standsFor: "told to read the measurements before anything else" },
  findingsAlone: {
    logit: 1.2,
    standsFor: "the measurements are all that is asked about: a smaller question",
  },
  rightFindings: { logit: 0.7, standsFor: "what the measurements say stands in the prompt, rightly read" },
  wrongFindings: { logit: -1.5, standsFor: "it stands there wrongly read, and leads along" },
  noChoices: { logit: -1, standsFor: "the options are not in the prompt: it may name something else" },
} as const satisfies Record<string, { logit: number; standsFor: string }>;

/** Filling in a field that the question names, such as the input of a tool; chance of the right value. */
export const FILLS_FIELD = { logit: 2.2 } as const;

/** Behaviour of a model that looks at given answers, in logits unless told otherwise. */
export const CHECKING = {
  /** Probability that a right draft is kept. */
  keepsRight: 0.96,
  /** Chance that a wrong draft is noticed and mended, at difficulty 0.5. */
  mendsWrong: -0.9,
  mendsWrongDifficulty: -1.8,
  mendsWrongWithSteps: 0.5,
  /** Drafts shown without being asked to check them mostly lead along. */
  notAsked: -1.2,
  /** Choosing among several drafts of which one is right: per unit of its lead over the most frequent wrong one. */
  choosesRight: 0.5,
  choosesRightPerLead: 3,
} as const;

/** Probabilities that a reply does not keep to the form that was asked for. */
export const FORM = {
  /** A stated format is not followed. */
  formatSlip: 0.02,
  /** More slips per unit of temperature above 0.7. */
  formatSlipHeat: 0.15,
  /** Without a stated format a short answer is buried among other numbers or options. */
  buriedShort: 0.5,
  /** Probability of an answer buried in text after written steps, which tend to end in the answer. */
  buriedAfterSteps: 0.3,
} as const;

/** Wrong answers by how typical the slip is: the first is the one most replies share. */
const SLIP_WEIGHTS = [0.5, 0.26, 0.15, 0.09] as const;

/**
 * Shares of the variance of luck. Some items are simply beyond the model (`item`, the same for every call on the
 * item), some luck hangs on the wording (`wording`, the same for every call with this very prompt), the rest is
 * drawn anew for each reply and grows with temperature. At temperature 0 the same prompt fails the same way always.
 */
export function luckShares(temperature: number): { item: number; wording: number; reply: number } {
  const reply = Math.min(0.75, 0.8 * temperature);
  return { item: 0.75 * (1 - reply), wording: 0.25 * (1 - reply), reply };
}

export interface LuckSource {
  item: Random;
  wording: Random;
  reply: Random;
}

/** Luck in [0, 1), evenly distributed: something of probability p happens when luck < p. */
export function luck(source: LuckSource, temperature: number, use: string): number {
  const shares = luckShares(temperature);
  const sum =
    Math.sqrt(shares.item) * source.item.derive(use).normal() +
    Math.sqrt(shares.wording) * source.wording.derive(use).normal() +
    Math.sqrt(shares.reply) * source.reply.derive(use).normal();
  return normalCdf(sum);
}

/** The wrong answer given: mostly the most typical slip; which one that is belongs to the item. */
export function pickSlip(slips: readonly string[], source: LuckSource, temperature: number): string {
  const order = source.item.derive("slips").shuffle(slips);
  const chosen = luck(source, temperature, "slip");
  let edge = 0;
  for (const [index, slip] of order.entries()) {
    edge += SLIP_WEIGHTS[index] ?? 0;
    if (chosen < edge) return slip;
  }
  return order[0]!;
}

export function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** @source Abramowitz and Stegun 7.1.26, error below 1.5e-7. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2));
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - polynomial * Math.exp((-x * x) / 2);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}
