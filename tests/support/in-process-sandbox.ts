/** @file Runs workflows that we wrote ourselves right here: no isolation, no limits, for tests that make many runs. */
import { choice, code, extract, number, vote } from "../../src/workflow/sandbox/guest-helpers.js";
import {
  type AgentHost,
  RunParkedError,
  type Sandbox,
  type WorkflowRun,
} from "../../src/workflow/workflow-run.js";

type Text = (prompt: unknown, options?: unknown) => Promise<unknown>;
type Workflow = (agent: { text: Text; weak: { text: Text } }, task: unknown) => Promise<unknown>;

export class InProcessSandbox implements Sandbox {
  async run(
    source: string,
    task: unknown,
    host: AgentHost,
    { onRest }: Partial<Parameters<Sandbox["run"]>[3]> = {},
  ): Promise<WorkflowRun> {
    const calls: Record<string, number> = {};
    let open = 0;
    let park = () => {};
    const parked = new Promise<never>((_, reject) => {
      park = () => open > 0 && reject(new RunParkedError());
    });
    parked.catch(() => {});
    const call =
      (name: string): Text =>
      async (...args) => {
        calls[name] = (calls[name] ?? 0) + 1;
        const clock = { sentAt: () => {}, took: () => {} };
        open++;
        if (onRest) setImmediate(() => open > 0 && onRest(park));
        try {
          return await host.call(name, args, new AbortController().signal, clock);
        } finally {
          open--;
        }
      };
    const body = `${source.replace("export default", "return")}`;
    const make = new Function("number", "choice", "code", "extract", "vote", body);
    const workflow = make(number, choice, code, extract, vote) as Workflow;
    const run = workflow({ text: call("text"), weak: { text: call("weak.text") } }, task);
    const answer = await Promise.race([run, parked]);
    return { status: "ok", answer, log: "", calls, wallMs: 0 };
  }

  async close(): Promise<void> {}
}
