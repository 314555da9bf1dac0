/** @file The policy of a local model as a configuration wants it. */
import type { RunConfig } from "../config/run-config.js";
import { LocalPolicy } from "../design/policy.js";
import type { LocalModel } from "../llm/local/local-model.js";

export function localPolicy(
  model: LocalModel,
  { promptStyle, grammar, logProbs }: Pick<RunConfig, "promptStyle" | "grammar" | "logProbs">,
): LocalPolicy {
  return new LocalPolicy(model, { style: promptStyle, grammar, logProbs });
}
