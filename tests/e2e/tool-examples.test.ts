/** @file The examples with own tools run offline, and a tool is worth something in them. Their strong model is simulated. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { EvaluateResult, OptimizeResult } from "../../src/index.js";
import { useCliHost } from "../support/cli-host.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
const examples = fileURLToPath(new URL("../../examples", import.meta.url));

const ASK = "`<found>\\n${JSON.stringify(found)}\\n</found>\\n\\n${task.question}\\n\\nThink step by step. ";
const CASES = [
  {
    name: "qa-search",
    workflow: `export default async function workflow(agent, task) {
  const found = await agent.tool("search", { query: task.question });
  const [reply] = await agent.text(${ASK}Give the final answer inside <answer></answer>.\`);
  return extract(reply, "answer");
}
`,
  },
  {
    name: "lab",
    workflow: `export default async function workflow(agent, task) {
  const input = await agent.json(\`\${task.question}\\n\\nName the column and the site.\`, ["column", "site"]);
  const found = await agent.tool("figures", input);
  const [reply] = await agent.text(${ASK}End with the final answer as a number.\`);
  return number(reply);
}
`,
  },
] as const;

describe.each(CASES)("examples/$name", ({ name, workflow }) => {
  const cwd = join(examples, name);

  it("has at most 60 lines of configuration and code", () => {
    const code = readdirSync(cwd).filter(
      (entry) => /\.(?:mjs|js|ts|yaml)$/.test(entry) && statSync(join(cwd, entry)).isFile(),
    );
    const lines = code.reduce(
      (sum, entry) => sum + readFileSync(join(cwd, entry), "utf8").split("\n").length - 1,
      0,
    );
    expect(lines).toBeLessThanOrEqual(60);
  });

  it("a workflow that uses the tool beats asking at once", async () => {
    const dir = folder();
    const path = join(dir, "workflow.js");
    writeFileSync(path, workflow);
    const { code, stdout, stderr } = await runCli(
      [
        ...["eval", path, "--weak", "none", "--baselines", "direct", "--split", "train"],
        ...["--runs-root", join(dir, "runs"), "--json"],
      ],
      { cwd },
    );
    expect(code, stderr).toBe(0);
    const { isSimulated, differences, rows } = JSON.parse(stdout) as EvaluateResult;
    expect(isSimulated).toBe(true);
    const difference = differences.find((row) => row.name === path)!;
    expect(difference.n).toBe(12);
    expect(difference.low).toBeGreaterThan(0);
    expect(rows.find((row) => row.name === path)!.statusCounts.ok).toBeGreaterThanOrEqual(10);
  });

  it("the embedded model designs workflows that call it", async () => {
    const dir = folder();
    const small = [
      "--episodes",
      "1",
      "--turns",
      "1",
      "--candidates",
      "4",
      "--max-repairs",
      "0",
      "--explore",
      "1",
      // With it one of the four is forced to call a tool; most deals of four techniques force none to.
      "--seed",
      "2",
    ];
    const { code, stdout, stderr } = await runCli(
      [
        "optimize",
        ...small,
        "--weak",
        "none",
        "--baselines",
        "direct",
        "--validation-limit",
        "2",
        "--test-limit",
        "0",
        "--runs-root",
        dir,
        "--json",
      ],
      { cwd },
    );
    expect(code, stderr).toBe(0);
    const { candidates, directory } = JSON.parse(stdout) as OptimizeResult;
    expect(candidates.count).toBe(4);
    expect(candidates.techniques["tool-lookup"]).toBeGreaterThan(0);
    const { identity } = JSON.parse(readFileSync(join(directory, "run.json"), "utf8")) as {
      identity: { toolsHash?: string };
    };
    expect(identity.toolsHash).toMatch(/^[0-9a-f]{64}$/);
  });
});
