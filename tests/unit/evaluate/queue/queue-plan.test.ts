/** @file Plans: what a run tells its workers, what cannot travel, and what a worker refuses before it takes a job. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRunConfig } from "../../../../src/config/config-layers.js";
import { Budget } from "../../../../src/core/budget.js";
import { sha256 } from "../../../../src/core/hash.js";
import { loadTools } from "../../../../src/evaluate/load-tools.js";
import { makePlan, type PlanParts } from "../../../../src/evaluate/queue/make-plan.js";
import { askedHash, readPlan } from "../../../../src/evaluate/queue/queue-plan.js";
import { differences, type SettingsBasis } from "../../../../src/evaluate/queue/settings-basis.js";
import { CallStore } from "../../../../src/llm/call-store.js";
import { MeteredModel } from "../../../../src/llm/metered-model.js";
import { MockChatModel } from "../../../../src/llm/mock-chat-model.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

const temporaryFolder = useTemporaryFolder();
const basis: SettingsBasis = {
  ...{ executor: "mock", aliases: [], weak: null, limits: {}, programs: undefined, tools: undefined },
  ...{ callPolicy: undefined, maxTokens: 64, scorer: undefined, task: "hash", keepReplies: undefined },
};

function parts(more: Partial<PlanParts> = {}): PlanParts {
  const executor = new MeteredModel({
    ...{ model: new MockChatModel(["1"]), role: "executor", seed: 0 },
    store: CallStore.open(":memory:"),
    budget: new Budget(),
  });
  return {
    config: parseRunConfig({ task: "t", executor: "simulated" }),
    ...{ run: "run", task: { name: "t", metric: "exact-number", metricOptions: {} } },
    models: { executor, aliases: new Map() },
    ...{ basis, programsHash: undefined, hasPrograms: false, maxTokens: 64, keepReplies: false },
    ...{ rules: undefined, tools: undefined },
    ...more,
  };
}

describe("a plan", () => {
  it("is read as it was made", () => {
    const { plan } = makePlan(parts());
    const read = readPlan(JSON.stringify(plan));
    expect(read).toEqual(JSON.parse(JSON.stringify(plan)));
    expect(differences(read.basis, basis)).toEqual([]);
  });

  it.each([
    ["version", "9.9.9"],
    ["protocol", 999],
  ])("of another %s is refused with both versions", (member, value) => {
    const { plan } = makePlan(parts());
    const other = JSON.stringify({ ...plan, [member]: value });
    expect(() => readPlan(other)).toThrow(/the run is of w4s .*, this worker of /);
  });

  it("names what decides results and differs", () => {
    expect(differences({ ...basis, scorer: "minilm" }, basis)).toEqual(['scorer: "minilm" there, none here']);
    expect(differences({ ...basis }, { ...basis, tools: "a" })).toEqual(['tools: none there, "a" here']);
  });

  it("cannot be made of a scorer or of tools that exist in this process only", () => {
    const task = { name: "own", metric: "exact-number" } as const;
    expect(() => makePlan(parts({ task }))).toThrow(/its scorer cannot be handed to workers/);
    const tools = { tools: [], hash: "h" };
    expect(() => makePlan(parts({ tools }))).toThrow(/put them into|cannot be handed to workers/);
  });

  it("brings a module of tools with its files, by content", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "data", "table.json"), "[1]");
    const path = join(folder, "tools.mjs");
    writeFileSync(
      path,
      'export const files = ["data"];\nexport default ({ z }) => [{ name: "t", description: "d", input: z.object({}), run: () => 1 }];\n',
    );
    const tools = await loadTools(path);
    const config = { ...parts().config, tools: path };
    const { plan, texts } = makePlan(parts({ tools, config }));
    expect(Object.keys(plan.tools?.files ?? {})).toEqual(["tools.mjs", "data/table.json"]);
    const hash = plan.tools?.files["data/table.json"] ?? "";
    const text = texts.get(hash) ?? "";
    expect(sha256(text)).toBe(hash);
    expect(Buffer.from(text, "base64").toString()).toBe("[1]");
  });
});

describe("askedHash", () => {
  it("tells params apart, and leaves out the values of headers, which may be keys", () => {
    const of = (params: Record<string, unknown>) =>
      askedHash(parseRunConfig({ task: "t", executor: "simulated", params }));
    expect(of({ top_p: 0.5 })).not.toBe(of({ top_p: 0.6 }));
    expect(of({ headers: { "x-key": "one" } })).toBe(of({ headers: { "x-key": "two" } }));
  });
});
