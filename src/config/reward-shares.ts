/** @file Names of rewards, and weights of the composite one: a map in the configuration, `accuracy=1,efficiency=0.2` on the command line. */
import { z } from "zod";
import { ConfigError } from "../core/errors.js";
import { nearHint } from "../core/near-names.js";

/** Every reward there is, in the order of help texts. */
export const REWARD_NAMES = ["discrete", "relative-gain", "accuracy", "composite"] as const;
export type RewardName = (typeof REWARD_NAMES)[number];

export const REWARD_COMPONENTS = ["accuracy", "efficiency", "coherence", "relevance"] as const;
export const EFFICIENCY_PARTS = ["calls", "tokens", "steps", "latency"] as const;

export type RewardComponent = (typeof REWARD_COMPONENTS)[number];
export type EfficiencyPart = (typeof EFFICIENCY_PARTS)[number];

/** Weight of each component, and of each part of efficiency within it; none is below 0. */
export type RewardWeights = Record<RewardComponent | EfficiencyPart, number>;

/** Latency is measured, not computed: with it a run is no longer the same for the same seed, so it has to be asked for. */
const DEFAULT_PARTS: Record<EfficiencyPart, number> = { calls: 1, tokens: 1, steps: 1, latency: 0 };

export const DEFAULT_REWARD_WEIGHTS: RewardWeights = {
  accuracy: 1,
  efficiency: 0.2,
  coherence: 0,
  relevance: 0,
  ...DEFAULT_PARTS,
};

const NAMES: readonly string[] = [...REWARD_COMPONENTS, ...EFFICIENCY_PARTS];
const MAX_WEIGHT = 1e6;
const FORM = "must be weights such as accuracy=1,efficiency=0.2";

/** @returns the weights, or why they cannot be used. Components that are not named count nothing. */
function weightsOf(given: ReadonlyMap<string, unknown>): RewardWeights | string {
  for (const [name, value] of given) {
    if (!NAMES.includes(name))
      return `has an unknown component ${JSON.stringify(name)}; ${nearHint(name, NAMES)}`;
    if (typeof value !== "number" || !(value >= 0 && value <= MAX_WEIGHT))
      return `has a weight of ${name} that is no number from 0 to ${MAX_WEIGHT}`;
  }
  const weight = (name: string) => (given.get(name) as number | undefined) ?? 0;
  const isAnyAbove = (names: readonly string[]) => names.some((name) => weight(name) > 0);
  if (!isAnyAbove(REWARD_COMPONENTS))
    return `must give one of ${REWARD_COMPONENTS.join(", ")} a weight above 0`;
  const hasParts = EFFICIENCY_PARTS.some((part) => given.has(part));
  if (weight("efficiency") > 0 && hasParts && !isAnyAbove(EFFICIENCY_PARTS))
    return `must give a part of efficiency (${EFFICIENCY_PARTS.join(", ")}) a weight above 0`;
  if (weight("efficiency") === 0 && isAnyAbove(EFFICIENCY_PARTS))
    return "weighs parts of efficiency, but gives efficiency no weight";
  const weights = Object.fromEntries(NAMES.map((name) => [name, weight(name)])) as RewardWeights;
  return weight("efficiency") > 0 && !hasParts ? { ...weights, ...DEFAULT_PARTS } : weights;
}

function readText(text: string): RewardWeights | string {
  const given = new Map<string, number>();
  for (const entry of text.split(",")) {
    const match = /^\s*([A-Za-z]+)\s*[=:]\s*([0-9.eE+-]+)\s*$/.exec(entry);
    const [, name = "", value = ""] = match ?? [];
    if (!match || Number.isNaN(Number(value))) return FORM;
    if (given.has(name)) return `names ${name} twice`;
    given.set(name, Number(value));
  }
  return weightsOf(given);
}

/** As text, or as a map; both end as all weights. */
export const rewardWeightsSchema = z
  .union([z.string(), z.record(z.string(), z.unknown())], { error: FORM })
  .transform((value, context) => {
    const weights = typeof value === "string" ? readText(value) : weightsOf(new Map(Object.entries(value)));
    if (typeof weights !== "string") return weights;
    context.addIssue({ code: "custom", message: weights });
    return z.NEVER;
  });

/**
 * The weights that `--reward` and `--reward-weights` ask for; undefined where another reward is asked for.
 * @throws {ConfigError} when they cannot be read, or go with another reward
 */
export function chosenRewardWeights(
  reward: string | undefined,
  text: string | undefined,
): RewardWeights | undefined {
  if (reward !== "composite") {
    if (text === undefined) return undefined;
    throw new ConfigError("--reward-weights count in the composite reward only", {
      hint: "add --reward composite, or leave them out",
    });
  }
  if (text === undefined) return DEFAULT_REWARD_WEIGHTS;
  const weights = readText(text);
  if (typeof weights !== "string") return weights;
  throw new ConfigError(`--reward-weights: ${JSON.stringify(text)} ${weights}`, {
    hint: "name components with their weights: accuracy=1,efficiency=0.2",
  });
}
