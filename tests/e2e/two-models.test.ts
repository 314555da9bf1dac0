/** @file Several models in one workflow (executor, alias, local model), and one workflow with several executors. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyGguf } from "w4s/testing";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { runCli } from "../support/run-cli.js";

const WORKFLOW = `export default async function workflow(agent, task) {
  const [draft] = await agent.weak.text("Draft an answer. " + task.question, { maxTokens: 8 });
  const [answer] = await agent.text("Solve. " + task.question + " Draft: " + draft);
  const [verdict] = await agent.text("Judge: " + answer, { model: "critic" });
  agent.log(verdict);
  return number(answer);
}
`;

let folder: string;
let strong: FakeOpenAI;
let critic: FakeOpenAI;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "w4s-two-"));
  makeTinyGguf(join(folder, "tiny.gguf"), { seed: 1 });
  strong = await startFakeOpenAI({ models: ["strong"], reply: () => "The answer is 41." });
  critic = await startFakeOpenAI({ models: ["judge"], reply: () => "The answer is 42." });
  writeFileSync(join(folder, "workflow.js"), WORKFLOW);
  writeFileSync(
    join(folder, "config.yaml"),
    [
      "executors:",
      "  critic:",
      `    url: ${critic.baseUrl}`,
      "    model: judge",
      "    inputPerMillion: 1",
      "    outputPerMillion: 1",
    ].join("\n"),
  );
});

afterAll(async () => {
  await strong.close();
  await critic.close();
  rmSync(folder, { recursive: true, force: true });
});

function models(): string[] {
  return [
    ...["--config", join(folder, "config.yaml"), "--model", join(folder, "tiny.gguf"), "--gpu", "off"],
    ...["--threads", "1", "--executor", `openai:${strong.baseUrl}`, "--executor-model", "strong", "--json"],
  ];
}

describe("w4s run", () => {
  it("runs one workflow over the executor, an alias and the local model, each counted apart", async () => {
    const path = join(folder, "workflow.js");
    const { code, stdout, stderr } = await runCli(["run", path, "--question", "6 × 7?", ...models()]);
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ status: "ok", answer: 41, log: "The answer is 42.\n" });
    expect(Object.keys(result.usage).sort()).toEqual(["critic", "executor", "weak"]);
    expect(result.usage.weak).toMatchObject({ calls: 1, dollars: 0 });
    expect(result.usage.critic.dollars).toBeGreaterThan(0);
    // No price was given for the executor: unknown, not zero.
    expect(result.usage.executor.dollars).toBeNull();
    expect(strong.chats.at(-1)?.prompt).toMatch(/^Solve\. 6 × 7\? Draft: ./);
  });
});

describe("w4s eval --also", () => {
  it("scores one workflow with two executors in one command", async () => {
    const { code, stdout, stderr } = await runCli([
      ...["eval", join(folder, "workflow.js"), "--task", "word-problems", "--also", "critic"],
      ...[
        "--validation-limit",
        "2",
        "--reply-tokens",
        "8",
        "--runs-root",
        join(folder, "runs"),
        "--run",
        "both",
      ],
      ...models(),
    ]);
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    const { rows, directories } = JSON.parse(stdout);
    // Each executor has a run of its own, beside the one that was named.
    expect(directories).toEqual([join(folder, "runs", "both"), join(folder, "runs", "both-critic")]);
    const executors = new Set(rows.map((row: { executor: string }) => row.executor));
    expect(executors).toEqual(new Set([`openai:${strong.baseUrl}#strong`, `openai:${critic.baseUrl}#judge`]));
    const designed = rows.filter((row: { name: string }) => row.name.endsWith("workflow.js"));
    expect(designed).toHaveLength(2);
    for (const row of designed)
      expect(row).toMatchObject({ n: 2, callsPerSample: 3, statusCounts: { ok: 2 } });
    expect(rows.some((row: { name: string }) => row.name.startsWith("local model alone"))).toBe(true);
  });
});
