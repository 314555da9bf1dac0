/** @file Workflows with what validation said about them. */
import type { WorkflowParts } from "../records/workflow-parts.js";
import type { Evaluation, ShownWorkflow } from "./evaluation.js";

/** A piece of workflow source under its content hash. */
export interface Workflow {
  hash: string;
  source: string;
  /** What its file brought with it. Default: nothing. */
  carried?: WorkflowParts | undefined;
}

/** A workflow that was evaluated on the whole validation set, or in a race as far as it got. */
export interface ScoredWorkflow extends Workflow {
  title: string;
  evaluation: Evaluation;
  /** Shrunk mean at the end of its episode's race, by which those of different items compare; absent without a race. */
  level?: number | undefined;
}

/** The workflow as the meta-agent is shown it. */
export function shown(title: string, workflow: Workflow, evaluation: Evaluation): ShownWorkflow {
  return { title, source: workflow.source, evaluation };
}
