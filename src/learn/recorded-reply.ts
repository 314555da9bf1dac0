/** @file A reply that a run has recorded, for checks of the model that goes on with it. */
import { playedTrajectories } from "../records/run-files.js";
import { readTrajectory } from "../records/trajectory.js";

/**
 * Tokens of the first reply that the designs of a run were drawn with, after its prompt.
 * @param directory - a run directory
 * @returns undefined before there is one
 */
export function recordedReply(directory: string): number[] | undefined {
  for (const { path } of playedTrajectories(directory)) {
    const drawn = readTrajectory(path).find((record) => record.kind === "actions");
    const [action] = drawn?.actions ?? [];
    if (drawn && action && action.tokens.length > 0)
      return [...(action.promptTokens ?? drawn.promptTokens), ...action.tokens];
  }
  return undefined;
}
