/** @file The fastest way to train that memory allows; where there is none, training is refused before it starts. */
import { ConfigError } from "../../core/errors.js";
import type { ModelConfig } from "../../transformer/model-config.js";
import { planWeights, type WeightCache, type WeightPlan } from "../../transformer/weight-plan.js";
import { gigabytes, type MemoryPlan, type PassWork, planMemory } from "./memory-plan.js";

export interface TrainingPlan {
  weights: WeightPlan;
  /** Most tokens of one pass. */
  tokenBudget: number;
  memory: MemoryPlan;
}

/** Weights kept as float32 and dequantised anew are the same numbers; halved ones are not. */
export type WeightNumbers = "exact" | "f16";

export function numbersOf({ cache }: Pick<WeightPlan, "cache">): WeightNumbers {
  return cache === "f16" ? "f16" : "exact";
}

export interface PlanOptions {
  /** Form of the base weights; a plan where there is nothing to choose. */
  weights: WeightCache | "auto" | WeightPlan;
  /** Numbers of the weights that a run goes on with; under `auto` only forms of these are tried. Default any. */
  numbers?: WeightNumbers | undefined;
  /** Most tokens of one pass; smaller ones are tried where that does not fit. */
  tokenBudget: number;
  /** The budget stays what it is, as in a run that goes on. Default false. */
  isBudgetFixed?: boolean | undefined;
  /** Tokens of the longest example: no pass can be smaller. */
  longestExample: number;
  parameterCount: number;
  /** Memory the whole process may take. */
  limitBytes: number;
  /** The largest pass under a budget, held-out examples and the base's passes included. */
  workAt: (tokenBudget: number) => PassWork;
}

/** Fastest first. */
const FORMS: readonly WeightCache[] = ["f32", "f16", "streamed"];

/**
 * The first plan within the limit: float32 weights, then float16, then streamed ones, each with as many products kept as
 * fit; then the same again with passes of half as many tokens, down to those of the longest example.
 * @throws {ConfigError} "not-enough-memory" where even the smallest plan is over the limit, with what it would take
 */
export function planTraining(config: ModelConfig, options: PlanOptions): TrainingPlan {
  const { limitBytes, parameterCount } = options;
  let least: TrainingPlan | undefined;
  for (const tokenBudget of budgetsOf(options)) {
    const work = { ...options.workAt(tokenBudget), parameterCount };
    for (const weights of formsOf(config, options)) {
      const memory = planMemory(config, work, weights, limitBytes);
      const plan = { weights, tokenBudget, memory };
      if (memory.bytes <= limitBytes) return withBudget(plan, options);
      if (least === undefined || memory.bytes < least.memory.bytes) least = plan;
    }
  }
  const { weights, tokenBudget, memory } = least as TrainingPlan;
  throw new ConfigError(
    `training takes at least ${gigabytes(memory.bytes)} (${weights.cache} weights, passes of up to ${tokenBudget} tokens), and may take ${gigabytes(limitBytes)}`,
    {
      hint: `free memory or raise --max-memory, leave out the longest examples (${options.longestExample} tokens) or cut them with --truncate and --token-budget, train fewer --top-layers, or choose a smaller model`,
      code: "not-enough-memory",
    },
  );
}

/** The wanted budget, then halves of it, at last that of the longest example. */
function budgetsOf({ tokenBudget, longestExample, isBudgetFixed }: PlanOptions): number[] {
  const budgets = [tokenBudget];
  if (isBudgetFixed) return budgets;
  for (let half = Math.ceil(tokenBudget / 2); half > longestExample; half = Math.ceil(half / 2))
    budgets.push(half);
  if (longestExample < tokenBudget) budgets.push(longestExample);
  return budgets;
}

function formsOf(config: ModelConfig, { weights, numbers, limitBytes }: PlanOptions): WeightPlan[] {
  if (typeof weights === "object") return [weights];
  if (weights !== "auto") return [planWeights(config, limitBytes, weights)];
  const forms = FORMS.filter((cache) => numbers === undefined || numbersOf({ cache }) === numbers);
  return forms.map((form) => {
    const plan = planWeights(config, limitBytes, form);
    return { ...plan, reason: plan.reason.replace("as asked", `${gigabytes(limitBytes)} for all`) };
  });
}

/** The plan's line says where passes hold less than was asked for. */
function withBudget(plan: TrainingPlan, { tokenBudget: wanted }: PlanOptions): TrainingPlan {
  const { tokenBudget, memory } = plan;
  if (tokenBudget === wanted) return plan;
  const reason = `${memory.reason}; passes of up to ${tokenBudget} tokens instead of ${wanted}, for want of memory`;
  return { ...plan, memory: { ...memory, reason } };
}
