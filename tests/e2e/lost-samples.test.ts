/** @file A design that is slow on hard items loses them, and does not win by it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { optimize, type Policy, parseRunConfig } from "w4s";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { runCli } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();

/** Questions and answers of the task, by which the server knows what is asked. */
const ITEMS = ["validation", "test"].flatMap((split) =>
  readFileSync(join(import.meta.dirname, `../../datasets/word-problems/${split}.jsonl`), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; question: string; answer: string }),
);
const SLOW = "Slowly now.";
const LIMIT_MS = 2500;

let server: FakeOpenAI;
/** Items in the order in which each split first saw them: the first two are easy, the last two too hard for anybody. */
const order = new Map<string, string[]>();

function placeOf(prompt: string): { place: number; answer: string } {
  const item = ITEMS.find(({ question }) => prompt.includes(question));
  if (!item) return { place: 0, answer: "0" };
  const split = item.id.split("/")[1] as string;
  const seen = order.get(split) ?? [];
  order.set(split, seen);
  if (!seen.includes(item.id)) seen.push(item.id);
  return { place: seen.indexOf(item.id), answer: item.answer };
}

beforeAll(async () => {
  server = await startFakeOpenAI({
    reply: ({ prompt }) => {
      const { place, answer } = placeOf(prompt);
      return prompt.includes(SLOW) || place < 10 ? `The answer is ${answer}.` : "The answer is 1234567.";
    },
    intercept: ({ path, prompt }) => {
      if (!path.endsWith("/chat/completions") || !prompt.includes(SLOW)) return undefined;
      // Never answered within the limit, however often it is asked.
      return placeOf(prompt).place < 2 ? undefined : () => {};
    },
  });
});

afterAll(() => server.close());

const POLICY: Policy = {
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
    actions: draws.map(() => ({
      text: `Think.\n\`\`\`js\nexport default async function workflow(agent, task) {
  return number((await agent.text("${SLOW} " + task.question))[0]);
}\n\`\`\``,
      tokens: [],
      finishReason: "stop",
    })),
  }),
};

it("direct wins with 10 of 12 over a design that is right on 2 and lost on 10", async () => {
  const run = join(folder(), "run");
  const result = await optimize(
    parseRunConfig({
      ...{
        task: "word-problems",
        executor: `openai:${server.baseUrl}`,
        executorModel: "fake-model",
        weak: "none",
      },
      ...{ baselines: "direct", episodes: 1, turns: 1, candidates: 1, explore: 0, screen: 0, maxRepairs: 0 },
      ...{ validationLimit: 12, testLimit: 0, concurrency: 12, timeoutMs: LIMIT_MS, run },
    }),
    { policy: POLICY },
  );
  expect(result.best).toMatchObject({ isBaseline: true, title: "executor alone, direct" });
  expect(result.validation).toMatchObject([{ name: "best", n: 12, errors: 0, accuracy: 10 / 12 }]);
  expect(result.pareto.points).toHaveLength(1);
  expect(result.candidates.lost).toBe(1);
  const shown = await runCli(["inspect", run]);
  expect(shown.stdout).toMatch(/83\.3%.* 12 +│ 0 /);
});
