/** @file The workflow in a reply of the meta-agent, or why there is none. */
import type { Workflow } from "../evaluate/scored-workflow.js";
import { extractWorkflow } from "../workflow/reading/extract-workflow.js";
import { workflowHash } from "../workflow/workflow-hash.js";

export function workflowOf(reply: string): { workflow: Workflow } | { failure: string } {
  const extracted = extractWorkflow(reply);
  if (!extracted.ok) return { failure: extracted.error };
  return { workflow: { hash: workflowHash(extracted.source), source: extracted.source } };
}
