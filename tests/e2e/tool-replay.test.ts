/** @file A run with own tools: recorded, resumed, and replayed without running a tool. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseRunConfig } from "../../src/config/config-layers.js";
import type { Policy } from "../../src/design/policy.js";
import { ReplayPolicy } from "../../src/design/replay-policy.js";
import { CallStore } from "../../src/llm/call-store.js";
import { collect } from "../../src/run/optimize.js";
import type { ToolSet } from "../../src/workflow/tool.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();

const WORKFLOW = `Call the tool for the length of the question and add it.

\`\`\`js
export default async function workflow(agent, task) {
  const size = await agent.tool("size", { text: task.question });
  const [reply] = await agent.text(\`\${task.question}\\n\\nThe question has \${size} letters. End with the final answer as a number.\`);
  return number(reply);
}
\`\`\``;

/** Writes the same workflow whatever it is shown. */
const policy: Policy = {
  info: {
    id: "fixed",
    modelHash: "m",
    tokenizerHash: "t",
    templateHash: "t",
    adapterHash: null,
    device: "none",
  },
  style: "compact",
  canForce: false,
  act: async (_prompt, draws) => ({
    promptTokens: [1],
    actions: draws.map(() => ({ text: WORKFLOW, tokens: [1], finishReason: "stop" })),
  }),
};

function toolsThat(run: (text: string) => unknown): ToolSet {
  const input = z.object({ text: z.string() });
  return {
    tools: [
      {
        name: "size",
        description: "Counts letters.",
        input,
        run: ({ text }: { text: string }) => run(text),
      } as never,
    ],
    hash: "tools",
  };
}

describe("a run with tools", () => {
  it("stores what they gave, runs none again on resume, and replays without them", async () => {
    const root = folder();
    const settings = {
      task: "word-problems",
      executor: "simulated",
      weak: "none",
      episodes: 1,
      turns: 1,
      candidates: 1,
      maxRepairs: 0,
      screen: 0,
      validationLimit: 3,
      runsRoot: root,
    };
    let runs = 0;
    const tools = toolsThat((text) => {
      runs++;
      return text.length;
    });
    const first = await collect(parseRunConfig({ ...settings, run: "first" }), { policy, tools });
    expect(first.isComplete).toBe(true);
    expect(first.validation.at(-1)).toMatchObject({ n: 3, errors: 0, statusCounts: { ok: 3 } });
    expect(runs).toBe(3);
    const store = CallStore.open(join(root, "first", "calls.db"));
    expect(store.toolTotals()).toMatchObject([{ tool: "size", calls: 3, errors: 0 }]);
    store.close();

    const again = await collect(parseRunConfig({ ...settings, run: "first" }), { policy, tools });
    expect(again.resultHash).toBe(first.resultHash);
    expect(runs).toBe(3);

    const failing = toolsThat(() => {
      throw new Error("a replay ran the tool");
    });
    const replayed = { ...settings, executor: `replay:${join(root, "first")}`, run: "second" };
    const second = await collect(parseRunConfig(replayed), {
      policy: new ReplayPolicy(join(root, "first")),
      tools: failing,
    });
    expect(second.resultHash).toBe(first.resultHash);
    expect(second.isSimulated).toBe(true);

    // Other tools are other calls: nothing is recorded for them, and the run says so instead of guessing.
    const other = await collect(parseRunConfig({ ...replayed, run: "third" }), {
      policy: new ReplayPolicy(join(root, "first")),
      tools: { ...failing, hash: "others" },
    });
    expect(other.isComplete).toBe(false);
    expect(other.stoppedBy).toMatchObject({ kind: "unseen-prompt" });

    // A changed module is another run.
    await expect(
      collect(parseRunConfig({ ...settings, run: "first" }), { policy, tools: { ...tools, hash: "others" } }),
    ).rejects.toThrow(/toolsHash: "tools" → "others"/);
  });
});
