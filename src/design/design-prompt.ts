/** @file Prompts of a turn, with what they quote: run on items of train first, so that none of validation is told. */
import type { JobResult, ShownWorkflow } from "../evaluate/evaluation.js";
import type { Workflow } from "../evaluate/scored-workflow.js";
import type { ChatMessage } from "../llm/chat-model.js";
import type { TurnPlace } from "./draw-candidates.js";
import type { EpisodeParts } from "./episode-parts.js";
import { buildPrompt, type PolicyState, quotedWorkflows } from "./policy-state.js";
import type { Attempt } from "./score-candidates.js";

/** Failures of the quick check that come from the reply alone, so that their message holds nothing of the item. */
const READ_FROM_SOURCE = new Set(["extract-failed", "refused"]);

/** The prompt that asks for the candidates of a turn; one that an earlier session put stands as it was recorded. */
export async function designPrompt(
  parts: EpisodeParts,
  state: PolicyState,
  { episode, turn }: TurnPlace,
): Promise<ChatMessage[]> {
  const known = parts.log.actions(episode, turn, "turn");
  if (known) return known.messages as ChatMessage[];
  const { style } = parts.policy;
  const quoted = { ...state.quoted, results: await quotedResults(parts, quotedWorkflows(state, style)) };
  return buildPrompt({ ...state, quoted }, style);
}

/** Results on the quoted items; undefined where these are the validation items that everything was run on. */
async function quotedResults(
  { quoted, policy, evaluate }: EpisodeParts,
  workflows: readonly ShownWorkflow[],
): Promise<ReadonlyMap<string, readonly JobResult[]> | undefined> {
  if (!quoted.hasAnswers) return undefined;
  if (policy.isBlind) return new Map();
  const distinct = new Map<string, Workflow>();
  for (const { source, evaluation } of workflows)
    distinct.set(evaluation.workflowHash, { hash: evaluation.workflowHash, source });
  const evaluations = await evaluate([...distinct.values()], quoted.samples, "items to show");
  return new Map(evaluations.map(({ workflowHash, results }) => [workflowHash, results]));
}

/**
 * Why candidates failed their quick check, as their repairs are told, in order: a message of a run may hold text of the
 * item, so it is that of a run on an item which may be quoted.
 */
export async function quotableFailures(
  { quoted, policy, evaluate }: EpisodeParts,
  attempts: readonly Attempt[],
): Promise<string[]> {
  const again = new Map<string, Workflow>();
  for (const { workflow, failure } of attempts)
    if (workflow && failure && !READ_FROM_SOURCE.has(failure.status)) again.set(workflow.hash, workflow);
  if (!quoted.hasAnswers) again.clear();
  const isRun = again.size > 0 && !policy.isBlind;
  const evaluations = isRun ? await evaluate([...again.values()], quoted.samples.slice(0, 1), "repair") : [];
  return attempts.map(({ workflow, failure: { status, message } = { status: "unknown", message: "" } }) => {
    if (!workflow || !again.has(workflow.hash)) return message;
    const [result] = evaluations.find((one) => one.workflowHash === workflow.hash)?.results ?? [];
    return result?.status === status && result.message !== undefined
      ? result.message
      : `it ended as ${status} on one item`;
  });
}
