/** @file The composite reward: accuracy, efficiency, coherence and relevance, each 0–1, under the user's weights. */

import {
  EFFICIENCY_PARTS,
  type EfficiencyPart,
  REWARD_COMPONENTS,
  type RewardComponent,
  type RewardWeights,
} from "../config/reward-shares.js";
import { ConfigError, InputError } from "../core/errors.js";
import type { Figures, JobResult } from "../evaluate/evaluation.js";
import type { Scorer } from "../tasks/task.js";

/** One part of efficiency: means per sample (latency in milliseconds), and what they come to. */
export interface EfficiencyFigure {
  perSample: number;
  /** Figure of the plainest baseline, one direct question, on the same samples. */
  reference: number;
  /** min(1, reference / perSample): 1 = no dearer than one direct question, 0.2 = five times as dear. */
  value: number;
}

/** Every component of a candidate, recorded with it; null where there was nothing to measure. */
export interface RewardComponents {
  accuracy: number;
  efficiency: Record<EfficiencyPart, EfficiencyFigure | null>;
  coherence: number | null;
  relevance: number | null;
}

/** @param reference - the plainest baseline; compared on the samples that both have */
export function componentsOf(
  evaluation: Pick<Figures, "accuracy" | "components" | "results">,
  reference: Pick<Figures, "results">,
): RewardComponents {
  const [ours, theirs] = [shared(evaluation, reference), shared(reference, evaluation)];
  const figure = (part: EfficiencyPart): EfficiencyFigure | null => {
    const [own, others] = [meanOf(ours, part), meanOf(theirs, part)];
    if (own === null || others === null) return null;
    return { perSample: own, reference: others, value: own <= others ? 1 : others / own };
  };
  return {
    accuracy: evaluation.accuracy,
    efficiency: {
      calls: figure("calls"),
      tokens: figure("tokens"),
      steps: figure("steps"),
      latency: figure("latency"),
    },
    coherence: evaluation.components?.coherence ?? null,
    relevance: evaluation.components?.relevance ?? null,
  };
}

/** Results of one on samples that neither has lost. */
function shared(one: Pick<Figures, "results">, other: Pick<Figures, "results">): JobResult[] {
  const scored = ({ results }: typeof one) => results.filter(({ status }) => status !== "error");
  const samples = new Set(scored(other).map(({ sampleId }) => sampleId));
  return scored(one).filter(({ sampleId }) => samples.has(sampleId));
}

/** Mean per sample; null when a result was recorded without it. */
function meanOf(results: readonly JobResult[], part: EfficiencyPart): number | null {
  if (results.length === 0) return null;
  let sum = 0;
  for (const result of results) {
    const value = amountOf(result, part);
    if (value === undefined) return null;
    sum += value;
  }
  return sum / results.length;
}

function amountOf(result: JobResult, part: EfficiencyPart): number | undefined {
  if (part === "steps") return result.steps;
  const usages = Object.values(result.usage);
  switch (part) {
    case "calls":
      return usages.reduce((sum, usage) => sum + usage.calls, 0);
    case "tokens":
      return usages.reduce((sum, usage) => sum + usage.promptTokens + usage.completionTokens, 0);
    case "latency":
      return usages.reduce((sum, usage) => sum + usage.latencyMs, 0);
  }
}

/**
 * The weighted mean of the components, 0–1.
 * @param components - of a candidate that ran; an invalid one has none and is worth 0
 * @throws {InputError} when a component with a weight above 0 was not recorded
 */
export function compositeReward(components: RewardComponents | undefined, weights: RewardWeights): number {
  let sum = 0;
  let total = 0;
  for (const name of REWARD_COMPONENTS) {
    if (weights[name] === 0) continue;
    sum += weights[name] * shareOf(components, name, weights);
    total += weights[name];
  }
  return sum / total;
}

function shareOf(
  components: RewardComponents | undefined,
  name: RewardComponent,
  weights: RewardWeights,
): number {
  if (name !== "efficiency") return components?.[name] ?? missing(name);
  let sum = 0;
  let total = 0;
  for (const part of EFFICIENCY_PARTS) {
    if (weights[part] === 0) continue;
    sum += weights[part] * (components?.efficiency[part]?.value ?? missing(part));
    total += weights[part];
  }
  return sum / total;
}

function missing(name: RewardComponent | EfficiencyPart): never {
  throw new InputError(`a candidate has no recorded ${name}, which has a weight above 0`, {
    code: "missing-component",
    hint:
      name === "coherence" || name === "relevance"
        ? `give ${name} no weight, or use a task whose scorer measures it`
        : "collect again: the trajectory was written by an older version",
  });
}

/**
 * Before anything is paid: weights only on what the task's scorer measures.
 * @throws {ConfigError} naming the component
 */
export function refuseUnmeasured(
  { reward, rewardWeights }: { reward?: string | undefined; rewardWeights?: RewardWeights | undefined },
  { name, scorer }: { name: string; scorer: Scorer },
): void {
  if (reward !== "composite" || rewardWeights === undefined) return;
  for (const component of ["coherence", "relevance"] as const) {
    if (rewardWeights[component] === 0 || scorer.components?.includes(component)) continue;
    throw new ConfigError(
      `rewardWeights: the scorer of ${name} (${scorer.metric}) does not measure ${component}`,
      {
        code: "missing-component",
        hint: `give ${component} no weight, or use a task whose scorer measures it`,
      },
    );
  }
}
