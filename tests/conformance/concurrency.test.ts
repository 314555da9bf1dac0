/** @file The same seed and replies give the same results at any concurrency. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluate, optimize, type Policy, parseRunConfig } from "w4s";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";

const REPLY = (body: string) => `Analysis.\n\`\`\`js\n${body}\n\`\`\``;
const WORKFLOWS = [
  "export default async function workflow(agent, task) { return number((await agent.text(task.question))[0]); }",
  `export default async function workflow(agent, task) {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => agent.text("Same prompt. " + task.question, { temperature: 1 })));
    return vote([a[0], b[0], c[0]].map(number));
  }`,
  `export default async function workflow(agent, task) {
    const draft = await agent.text(task.question, { n: 4, temperature: 0.9 });
    const [check] = await agent.text("Check: " + draft.join(" ") + task.question);
    if (Math.random() < 0.5) return number(check);
    return number(draft[0]);
  }`,
  "export default async function workflow(agent, task) { throw new Error('never works'); }",
];

/** Writes the workflows above, by the seed of the draw: which episode asks first differs. */
function scriptedPolicy(): Policy {
  return {
    info: {
      id: "scripted",
      modelHash: "",
      tokenizerHash: "",
      templateHash: "",
      adapterHash: null,
      device: "none",
    },
    style: "compact",
    canForce: false,
    act: async (_prompt, draws) => ({
      promptTokens: [],
      actions: draws.map(({ seed }) => {
        const text = REPLY(WORKFLOWS[seed % WORKFLOWS.length]!);
        return { text, tokens: [], finishReason: "stop" };
      }),
    }),
  };
}

let folder: string;
let server: FakeOpenAI;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "w4s-concurrency-"));
  // The answer depends on the whole request, its derived seed included, but not on whether it is streamed: the first is not.
  server = await startFakeOpenAI({
    delayMs: 2,
    reply: ({ body: { stream: _, stream_options: __, ...body } }, index) =>
      `so ${(JSON.stringify(body).length * 7 + body.seed + index) % 11}`,
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function config(run: string, concurrency: number, executor = `openai:${server.baseUrl}`) {
  return parseRunConfig({
    task: "word-problems",
    executor,
    executorModel: "fake-model",
    weak: "none",
    episodes: 2,
    turns: 2,
    candidates: 4,
    validationLimit: 12,
    testLimit: 4,
    screen: 3,
    seed: 11,
    concurrency,
    run: join(folder, run),
  });
}

/** Latency is measured, not computed; no reward weighs it unless it is asked to. */
function withoutLatency(line: string) {
  const { sum: _, ...turn } = JSON.parse(line);
  for (const { components } of turn.candidates) if (components) delete components.efficiency.latency;
  return turn;
}

describe("concurrency", () => {
  it("1, 4 and 64 give identical result hashes, best workflow and trajectories", async () => {
    const outcomes = [];
    for (const concurrency of [1, 4, 64]) {
      const run = `c${concurrency}`;
      const result = await optimize(config(run, concurrency), { policy: scriptedPolicy() });
      expect(result.stoppedBy).toBeUndefined();
      const trajectory = readFileSync(join(folder, run, "trajectories.jsonl"), "utf8");
      outcomes.push({
        hash: result.resultHash,
        best: result.best?.hash,
        test: result.test,
        turns: trajectory
          .split("\n")
          .filter((line) => line.includes('"kind":"turn"'))
          .map(withoutLatency)
          // Episodes are written as they go, side by side.
          .sort((a, b) => a.episode - b.episode || a.turn - b.turn),
      });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });

  it("a replay of the recorded run gives the same hashes and asks nobody", async () => {
    const workflows = WORKFLOWS.map((source, index) => ({ name: `w${index}`, source }));
    const options = { workflows, split: "validation" as const };
    const live = await evaluate(config("live", 4), options);
    const asked = server.requests.length;
    for (const concurrency of [1, 16]) {
      const run = `replay-${concurrency}`;
      const replayed = await evaluate(config(run, concurrency, `replay:${join(folder, "live")}`), options);
      expect(replayed.resultHash).toBe(live.resultHash);
    }
    expect(server.requests.length).toBe(asked);
  });
});
