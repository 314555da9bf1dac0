/** @file Writing tasks through the built CLI: the example offline, with and without embeddings, and a fake server that writes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { describe, expect, it } from "vitest";
import { listModels } from "../../src/hub/model-hub.js";
import { useCliHost } from "../support/cli-host.js";
import { startFakeOpenAI } from "../support/fake-openai-server.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const runCli = useCliHost();
const example = fileURLToPath(new URL("../../examples/writing", import.meta.url));
const isHere = listModels().some(({ name, isInstalled }) => name === "all-minilm-l6-v2" && isInstalled);

/** What was stored about every sample of a run. */
function storedResults(
  run: string,
): { sampleId: string; extracted: string; components?: Record<string, number> }[] {
  const db = new Database(join(run, "calls.db"), { readonly: true });
  try {
    const rows = db.prepare("SELECT json FROM results").all() as { json: string }[];
    return rows.map(({ json }) => JSON.parse(json));
  } finally {
    db.close();
  }
}

describe("examples/writing", () => {
  it("is short, and runs offline with the embedded model", async () => {
    for (const file of ["workflow.js", "w4s.config.yaml"])
      expect(readFileSync(join(example, file), "utf8").split("\n").length).toBeLessThanOrEqual(60);
    const run = join(newFolder(), "run");
    const result = await runCli(
      [
        "eval",
        join(example, "workflow.js"),
        "--config",
        join(example, "w4s.config.yaml"),
        "--run",
        run,
      ].concat(["--no-baselines", "--validation-limit", "2", "--reply-tokens", "32", "--json"]),
      { env: { W4S_HOME: newFolder() } },
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain("there is no embedding model, so scores come from constraints alone");
    const { rows } = JSON.parse(result.stdout) as { rows: { n: number; accuracy: number }[] };
    expect(rows).toMatchObject([{ n: 2 }]);
    expect(rows[0]!.accuracy).toBeLessThan(1);
    for (const { components } of storedResults(run))
      expect(Object.keys(components ?? {})).toEqual(["constraints"]);
  });
});

const POEM =
  "Moths drift over the harbour wall\nOver the boats the moon is white\nOars rest and the slow gulls call\nNets hang silver in its light";
const ITEM = "creative-writing/validation/0002";

describe("a server that writes", () => {
  it("the seed workflows: critique and refinement, and no vote", async () => {
    const server = await startFakeOpenAI({
      reply: ({ prompt }) =>
        prompt.includes("Critique:")
          ? POEM
          : prompt.includes("name, in a short list")
            ? "The acrostic is broken."
            : "A draft",
    });
    const run = join(newFolder(), "run");
    const result = await runCli(
      [
        "eval",
        "--task",
        "creative-writing",
        "--executor",
        `openai:${server.baseUrl}`,
        "--executor-model",
        "fake-model",
      ].concat(["--run", run, "--validation-limit", "16", "--json"]),
      { env: { W4S_HOME: newFolder() } },
    );
    expect(result.code, result.stderr).toBe(0);
    const { rows } = JSON.parse(result.stdout) as { rows: { title: string; n: number; accuracy: number }[] };
    expect(rows.map(({ title }) => title)).toEqual([
      "executor alone, direct",
      "executor drafts, criticises and refines",
    ]);
    expect(rows[1]!.accuracy).toBeGreaterThan(rows[0]!.accuracy);
    expect(server.chats.some(({ prompt }) => prompt.includes("Critique:\nThe acrostic is broken."))).toBe(
      true,
    );
    const ofItem = storedResults(run).filter(({ sampleId }) => sampleId === ITEM);
    expect(ofItem.map(({ components }) => components?.constraints).sort()).toEqual([0, 1]);
    expect(ofItem.map(({ extracted }) => extracted).join()).toContain(
      "2 of 2 constraints kept; without embeddings: constraints alone",
    );
    await server.close();
  });

  it.skipIf(!isHere)(
    "one item with embeddings (skipped: w4s models pull all-minilm-l6-v2 has not been run)",
    async () => {
      const server = await startFakeOpenAI({ reply: () => `\`\`\`\n${POEM}\n\`\`\`` });
      const result = await runCli(
        [
          "run",
          join(example, "workflow.js"),
          "--task",
          "creative-writing",
          "--item",
          ITEM,
          "--model",
          "nano",
        ].concat(["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--json"]),
      );
      expect(result.code, result.stderr).toBe(0);
      const { score } = JSON.parse(result.stdout) as {
        score: { isCorrect: boolean; components: Record<string, number> };
      };
      expect(score.isCorrect).toBe(true);
      expect(score.components).toMatchObject({
        constraints: 1,
        coherence: expect.any(Number),
        relevance: expect.any(Number),
      });
      expect(score.components.relevance).toBeGreaterThan(0.5);
      await server.close();
    },
  );
});
