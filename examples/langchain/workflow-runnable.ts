/** @file A found workflow as a Runnable of LangChain.js, run by the library in this process: it takes its place in any chain. */
import { RunnableLambda } from "@langchain/core/runnables";
import type { WorkflowRunner } from "w4s";

/** What the workflow is asked, with the fields that its task has. */
export interface WorkflowInput {
  question: string;
  context?: string;
  choices?: string[];
}

/** @param source - as in best-workflow.js of a run */
export function workflowRunnable(
  runner: WorkflowRunner,
  source: string,
): RunnableLambda<WorkflowInput, unknown> {
  return RunnableLambda.from(async (input: WorkflowInput, { signal } = {}) => {
    const run = await runner.run(source, input, signal ? { signal } : {});
    if (run.status !== "ok") throw new Error(`the workflow ended as ${run.status}: ${run.error}`);
    return run.answer;
  });
}
