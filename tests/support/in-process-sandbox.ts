/** @file Runs workflows that we wrote ourselves right here: no isolation, no limits, for tests that make many runs. */
import { choice, code, extract, number, vote } from "../../src/workflow/sandbox/guest-helpers.js";
import type { AgentHost, Sandbox, WorkflowRun } from "../../src/workflow/workflow-run.js";

type Text = (prompt: unknown, options?: unknown) => Promise<unknown>;
type Workflow = (agent: { text: Text; weak: { text: Text } }, task: unknown) => Promise<unknown>;

export class InProcessSandbox implements Sandbox {
  async run(source: string, task: unknown, host: AgentHost): Promise<WorkflowRun> {
    const calls: Record<string, number> = {};
    const call =
      (name: string): Text =>
      async (...args) => {
        calls[name] = (calls[name] ?? 0) + 1;
        const clock = { sentAt: () => {}, took: () => {} };
        return await host.call(name, args, new AbortController().signal, clock);
      };
    const body = `${source.replace("export default", "return")}`;
    const make = new Function("number", "choice", "code", "extract", "vote", body);
    const workflow = make(number, choice, code, extract, vote) as Workflow;
    const answer = await workflow({ text: call("text"), weak: { text: call("weak.text") } }, task);
    return { status: "ok", answer, log: "", calls, wallMs: 0 };
  }

  async close(): Promise<void> {}
}
