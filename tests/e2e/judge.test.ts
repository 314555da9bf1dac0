/** @file A judge model through the built CLI: metric judge, metric writing with marks, what is refused, what is paid twice (nothing). */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, expect, it } from "vitest";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const runCli = useCliHost();
let server: FakeOpenAI;

beforeAll(async () => {
  server = await startFakeOpenAI({
    // The judge likes what says "rain"; it sees the text and never the reference answer.
    reply: ({ prompt, body }) =>
      body.model === "critic"
        ? `{"reason": "so it is", "request": ${prompt.includes("soft rain") ? 5 : 1}, "language": 5, "originality": 3}`
        : "soft rain on the roof",
  });
});
afterAll(async () => await server.close());

/** A dataset of two texts, and a configuration with the judge as an alias. */
function newProject(judge?: string): { folder: string; config: string } {
  const folder = newFolder();
  const dataset = join(folder, "lines");
  mkdirSync(dataset);
  const splits = { validation: { file: "validation.jsonl" } };
  writeFileSync(
    join(dataset, "dataset.json"),
    JSON.stringify({ name: "lines", kind: "text", metric: "judge", splits }),
  );
  const items = ["rain", "snow"].map((subject, i) => ({
    id: `lines/${i}`,
    question: `Write a line about ${subject}.`,
    answer: "SECRET reference",
  }));
  writeFileSync(join(dataset, "validation.jsonl"), items.map((item) => JSON.stringify(item)).join("\n"));
  const config = join(folder, "w4s.config.yaml");
  writeFileSync(
    config,
    [
      `executor: openai:${server.baseUrl}`,
      "executorModel: writer",
      `executors: { critic: { url: "${server.baseUrl}", model: critic, inputPerMillion: 1, outputPerMillion: 1 } }`,
      "price: { inputPerMillion: 1, outputPerMillion: 1 }",
      `task: ${dataset}`,
      ...(judge === undefined ? [] : [`judge: ${judge}`]),
    ].join("\n"),
  );
  return { folder, config };
}

const evaluate = (config: string, folder: string, ...more: string[]) =>
  runCli([
    "eval",
    "--config",
    config,
    "--run",
    join(folder, "run"),
    "--baselines",
    "direct",
    "--json",
    ...more,
  ]);

it("grades by the rubric, within the budget's ledger, and pays nothing twice", async () => {
  const { folder, config } = newProject("critic");
  const first = await evaluate(config, folder);
  expect(first.code, first.stderr).toBe(0);
  const { rows } = JSON.parse(first.stdout) as { rows: { accuracy: number; n: number }[] };
  // Marks 5, 5 and 3 of 5.
  expect(rows[0]).toMatchObject({ n: 2, accuracy: expect.closeTo((1 + 1 + 0.5) / 3, 9) });
  const judged = server.chats.filter(({ body }) => body.model === "critic");
  expect(judged).toHaveLength(2);
  expect(judged.map(({ prompt }) => prompt).join()).toContain("Write a line about snow.");
  expect(JSON.stringify(server.chats.map(({ body }) => body))).not.toContain("SECRET");
  const paid = server.chats.length;
  const again = await evaluate(config, folder);
  expect(again.code, again.stderr).toBe(0);
  expect(server.chats).toHaveLength(paid);
});

it("grades a single item of w4s run by the judge that --judge names", async () => {
  const { folder, config } = newProject();
  const workflow = join(folder, "line.js");
  writeFileSync(
    workflow,
    "export default async function workflow(agent, task) { return (await agent.text(task.question))[0]; }\n",
  );
  const run = (...more: string[]) =>
    runCli(["run", workflow, "--config", config, "--item", "lines/0", ...more]);
  const judged = await run("--judge", "critic", "--json");
  expect(judged.code, judged.stderr).toBe(0);
  const { answer, score } = JSON.parse(judged.stdout);
  expect(answer).toBe("soft rain on the roof");
  expect(score.value).toBeCloseTo((1 + 1 + 0.5) / 3, 9);
  expect(score.extracted).toBe("request 5/5, language 5/5, originality 3/5; so it is");
  const unknown = await run("--judge", "nobody");
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("known: executor, critic") });
  const none = await run();
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("--judge executor, or an alias") });
});

it("adds its marks to a text that keeps its constraints", async () => {
  const { folder, config } = newProject("critic");
  const result = await evaluate(config, folder, "--task", "creative-writing", "--validation-limit", "2");
  expect(result.code, result.stderr).toBe(0);
  const db = new Database(join(folder, "run", "calls.db"), { readonly: true });
  const stored = db.prepare("SELECT json FROM results").all() as { json: string }[];
  db.close();
  expect(stored.length).toBeGreaterThanOrEqual(2);
  for (const { json } of stored) {
    const { score, components, extracted } = JSON.parse(json);
    expect(components.judge).toBeCloseTo((1 + 1 + 0.5) / 3, 9);
    expect(extracted).toContain("judge request 5/5, language 5/5, originality 3/5; so it is");
    const weights = { constraints: 0.7, coherence: 0.15, relevance: 0.15, judge: 0.3 };
    const parts = Object.entries(weights).filter(([name]) => components[name] !== undefined);
    const total = parts.reduce((sum, [, weight]) => sum + weight, 0);
    const mean = parts.reduce((sum, [name, weight]) => sum + weight * components[name], 0) / total;
    expect(score).toBeCloseTo(mean, 9);
  }
});

it("says what it needs: a judge at all, a real one, one that exists; and warns of a judge in its own cause", async () => {
  const { folder, config } = newProject();
  const none = await evaluate(config, folder);
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("--judge executor, or an alias") });
  const unknown = await evaluate(config, folder, "--judge", "nobody");
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("known: executor, critic") });
  // What was refused left no run behind that would stand in the way of the right name.
  expect(existsSync(join(folder, "run"))).toBe(false);
  const simulated = await evaluate(config, folder, "--judge", "executor", "--executor", "simulated");
  expect(simulated).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot judge") });
  const own = await evaluate(config, folder, "--judge", "executor");
  expect(own.stderr).toContain("the executor judges its own texts");
  // "soft rain on the roof" is no grade: every sample is lost, and none is worth 0.
  expect(own.code).toBe(5);
});
