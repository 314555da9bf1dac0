/** @file Workflows with what validation said about them, and their order of merit. */
import type { Evaluation, ShownWorkflow } from "./evaluation.js";

/** A piece of workflow source under its content hash. */
export interface Workflow {
  hash: string;
  source: string;
}

/** A workflow that was evaluated on the whole validation set. */
export interface ScoredWorkflow extends Workflow {
  title: string;
  evaluation: Evaluation;
}

/** Order of merit: accuracy, then fewer tokens, then the hash, so that no tie is left to chance. */
export function compareEvaluations(a: Evaluation, b: Evaluation): number {
  return b.accuracy - a.accuracy || a.tokens - b.tokens || (a.workflowHash < b.workflowHash ? -1 : 1);
}

/** The first in the order of merit; undefined where there is none. */
export function bestOf<T extends { evaluation: Evaluation }>(workflows: readonly T[]): T | undefined {
  return [...workflows].sort((a, b) => compareEvaluations(a.evaluation, b.evaluation)).at(0);
}

/** The workflow as the meta-agent is shown it. */
export function shown(title: string, workflow: Workflow, evaluation: Evaluation): ShownWorkflow {
  return { title, source: workflow.source, evaluation };
}
