/** @file The policy of a local model as a configuration wants it. */
import type { RunConfig } from "../config/run-config.js";
import { LocalPolicy } from "../design/policy.js";
import type { LocalModel } from "../llm/local/local-model.js";

/** Settings of a run that decide how a local model designs. */
export type PolicySetting = "promptStyle" | "grammar" | "logProbs" | "exploreBy";

export function localPolicy(
  model: LocalModel,
  { promptStyle, grammar, logProbs, exploreBy }: Pick<RunConfig, PolicySetting>,
): LocalPolicy {
  return new LocalPolicy(model, { style: promptStyle, grammar, logProbs, forcedBy: exploreBy });
}
