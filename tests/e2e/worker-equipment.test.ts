/** @file What comes with the jobs of a run: own tools, run only for who shares the secret, and a judge that a worker asks itself. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRunConfig } from "../../src/config/config-layers.js";
import { QueueWorker } from "../../src/run/worker/queue-worker.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { noRedis, startRedis, type TestRedis } from "../support/redis-server.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const ITEMS = 6;
const SECRET = "shared-by-both-sides";

/** Its table is a file of its own, which has to travel too. */
const TOOLS = `import { WEATHER } from "./weather.mjs";
export const files = ["weather.mjs"];
export default ({ z }) => [
  {
    name: "weather",
    description: "Weather of a day.",
    input: z.object({ day: z.number() }),
    run: ({ day }) => WEATHER[day % WEATHER.length],
  },
];
`;
const WORKFLOW = `export default async function workflow(agent, task) {
  const weather = await agent.tool("weather", { day: task.question.length });
  return (await agent.text(weather + ": " + task.question))[0];
}
`;

describe.skipIf(noRedis)(`a worker's equipment${noRedis ? ` (skipped: ${noRedis})` : ""}`, () => {
  let redis: TestRedis;
  let server: FakeOpenAI;
  beforeAll(async () => {
    redis = await startRedis();
    server = await startFakeOpenAI({
      models: ["writer", "critic"],
      reply: ({ prompt, body }) =>
        body.model === "critic"
          ? `{"reason": "so", "request": ${prompt.includes("soft rain") ? 5 : 2}, "language": 4, "originality": 3}`
          : `A line about ${prompt.slice(0, 40)}`,
    });
  });
  afterAll(async () => {
    await redis.close();
    await server.close();
  });

  it("runs tools that come with a run for who shares its secret, and asks the judge, as one process does", async () => {
    const folder = newFolder();
    const dataset = join(folder, "lines");
    mkdirSync(dataset);
    const splits = { validation: { file: "validation.jsonl" } };
    const manifest = { name: "lines", kind: "text", metric: "judge", splits };
    writeFileSync(join(dataset, "dataset.json"), JSON.stringify(manifest));
    const items = Array.from({ length: ITEMS }, (_, index) => ({
      ...{ id: `l${index}`, question: `Write${"!".repeat(index)}`, answer: "none" },
    }));
    writeFileSync(
      join(dataset, "validation.jsonl"),
      items.map((item) => `${JSON.stringify(item)}\n`).join(""),
    );
    writeFileSync(join(folder, "tools.mjs"), TOOLS);
    writeFileSync(join(folder, "weather.mjs"), 'export const WEATHER = ["soft rain", "snow"];\n');
    writeFileSync(join(folder, "workflow.js"), WORKFLOW);
    const models = {
      executor: `openai:${server.baseUrl}`,
      executorModel: "writer",
      executors: { critic: { url: server.baseUrl, model: "critic" } },
    };
    const config = { ...models, task: dataset, judge: "critic", tools: join(folder, "tools.mjs") };
    writeFileSync(join(folder, "w4s.config.yaml"), JSON.stringify(config));
    const evaluate = async (run: string, env: Record<string, string>, ...more: string[]) => {
      const words = ["eval", "workflow.js", "--no-baselines", "--run", run, "--json", ...more];
      const { code, stdout, stderr } = await runCli(words, { cwd: folder, env });
      return { code, stdout, stderr };
    };
    const notices: string[] = [];
    const work = async (token: string | undefined) => {
      const stop = new AbortController();
      const worker = await QueueWorker.open(parseRunConfig({ task: "input", ...models }), {
        ...{ url: redis.url, name: token ?? "stranger", hasPython: false, token },
        onNotice: (text) => void notices.push(text),
        ...{ stopSignal: stop.signal, signal: new AbortController().signal },
      });
      const working = worker.work();
      return async () => {
        stop.abort();
        await working;
        await worker[Symbol.asyncDispose]();
      };
    };

    const endStranger = await work(undefined);
    const refused = await evaluate("refused", {}, "--queue", redis.url);
    await endStranger();
    expect(refused.code, refused.stderr).toBe(2);
    expect(refused.stdout + refused.stderr).toMatch(
      /brings tools, whose code is run only for who is trusted/,
    );
    expect(server.chats).toHaveLength(0);

    const end = await work(SECRET);
    const queued = await evaluate("queued", { W4S_QUEUE_TOKEN: SECRET }, "--queue", redis.url);
    await end();
    expect(queued.code, queued.stderr).toBe(0);
    const asked = server.chats.map(({ body, prompt }) => `${String(body.model)} ${prompt}`);
    expect(asked.filter((one) => one.startsWith("writer soft rain: Write"))).not.toEqual([]);
    expect([...new Set(asked)]).toHaveLength(2 * ITEMS);
    expect(asked).toHaveLength(2 * ITEMS);
    const alone = await evaluate("alone", {});
    expect(alone.code, alone.stderr).toBe(0);
    const [there, here] = [queued, alone].map(({ stdout }) => JSON.parse(stdout));
    expect(there.resultHash).toBe(here.resultHash);
    expect(there.rows.at(-1)).toMatchObject({ n: ITEMS, accuracy: here.rows.at(-1).accuracy });
  });
});
