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

/** A workflow that was evaluated on the whole validation set. */
export interface ScoredWorkflow extends Workflow {
  title: string;
  evaluation: Evaluation;
}

/** The workflow as the meta-agent is shown it. */
export function shown(title: string, workflow: Workflow, evaluation: Evaluation): ShownWorkflow {
  return { title, source: workflow.source, evaluation };
}
