/** @file Two workers in processes of their own, one of them killed: each result counts once, each call is paid once. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallStore } from "../../src/llm/call-store.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { noRedis, startRedis, type TestRedis } from "../support/redis-server.js";
import { environmentOf, ROOT, runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const temporaryFolder = useTemporaryFolder();
const ITEMS = 60;
const WORKFLOW = `export default async function workflow(agent, task) {
  const [how] = await agent.text("How are two numbers added?");
  const [reply] = await agent.text(how + " " + task.question);
  return number(reply);
}
`;

function writeSums(folder: string): string {
  const directory = join(folder, "sums");
  mkdirSync(directory);
  const items = Array.from({ length: ITEMS }, (_, index) => ({
    ...{ id: `s${index}`, question: `How much is ${index} plus 4?`, answer: String(index + 4) },
  }));
  writeFileSync(
    join(directory, "validation.jsonl"),
    items.map((item) => `${JSON.stringify(item)}\n`).join(""),
  );
  const splits = { validation: { file: "validation.jsonl" } };
  writeFileSync(
    join(directory, "dataset.json"),
    JSON.stringify({ name: "sums", kind: "math", metric: "exact-number", splits }),
  );
  return directory;
}

describe.skipIf(noRedis)(`workers${noRedis ? ` (skipped: ${noRedis})` : ""}`, () => {
  let redis: TestRedis;
  let server: FakeOpenAI;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    server = await startFakeOpenAI({
      delayMs: 40,
      models: ["fake"],
      reply: ({ prompt }) => {
        const [a, b] = (prompt.match(/\d+/g) ?? []).map(Number);
        return b === undefined ? "Add the ones first." : `The answer is ${Number(a) + b}`;
      },
    });
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await redis.close();
    await server.close();
  });

  const startWorker = async (): Promise<ChildProcess> => {
    const child = spawn(
      process.execPath,
      [join(ROOT, "tests/support/worker-child.mjs"), redis.url, `openai:${server.baseUrl}`, "1500"],
      { env: environmentOf(), stdio: ["ignore", "pipe", "pipe"] },
    );
    children.push(child);
    child.stderr.resume();
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`the worker ended with ${code}`)));
    });
    return child;
  };

  it("a killed worker's items are done by the other, each once and paid once, as in one process", async () => {
    const folder = temporaryFolder();
    const workflow = join(folder, "workflow.js");
    writeFileSync(workflow, WORKFLOW);
    const models = ["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake"];
    const evaluate = async (run: string, more: readonly string[] = []) => {
      const words = ["eval", workflow, "--no-baselines", "--task", writeSums(temporaryFolder()), ...models];
      const limit = ["--validation-limit", String(ITEMS), "--run", join(folder, run), "--json"];
      const { code, stdout, stderr } = await runCli([...words, ...limit, ...more]);
      expect(stderr).not.toContain("internal");
      expect(code).toBe(0);
      return JSON.parse(stdout) as { resultHash: string; isComplete: boolean };
    };
    const [victim, other] = await Promise.all([startWorker(), startWorker()]);
    const queued = evaluate("queued", ["--queue", redis.url]);
    while (server.chats.length < 12) await new Promise((resolve) => setTimeout(resolve, 5));
    victim?.kill("SIGKILL");
    const { resultHash, isComplete } = await queued;
    expect(isComplete).toBe(true);
    const sent = server.chats.length;
    const distinct = new Set(server.chats.map(({ prompt }) => prompt)).size;
    expect(distinct).toBe(ITEMS + 1);
    // What the killed one had on its way: two samples.
    expect(sent - distinct).toBeLessThanOrEqual(2);
    const store = CallStore.open(join(folder, "queued", "calls.db"));
    expect([store.resultCount(), store.paidCount(), store.replyCount()]).toEqual([
      ITEMS,
      ITEMS + 1,
      ITEMS + 1,
    ]);
    store.close();
    const ended = new Promise((resolve) => other?.once("exit", resolve));
    other?.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect((await evaluate("alone")).resultHash).toBe(resultHash);
  });
});
