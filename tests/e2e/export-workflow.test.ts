/** @file Exported workflows beside `w4s run`: the same requests to the same server, and the same answers, in Node and in Python. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson, seedFrom } from "../../src/core/hash.js";
import { RandomPolicy } from "../../src/design/random-policy.js";
import { namedBaselines } from "../../src/evaluate/baselines/named-baselines.js";
import { WorkflowRunner } from "../../src/evaluate/workflow-runner.js";
import { exportWorkflow } from "../../src/export/export-workflow.js";
import { OpenAIChatModel } from "../../src/llm/openai/openai-chat-model.js";
import type { WorkflowParts } from "../../src/records/workflow-parts.js";
import type { AnswerKind } from "../../src/workflow/answer-kind.js";
import { PythonSandbox } from "../../src/workflow/python/python-sandbox.js";
import {
  type AskExported,
  type Found,
  findPython,
  startNode,
  startPython,
} from "../support/exported-workflows.js";
import { completion, type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { SEMANTICS } from "../support/semantics-workflow.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const newFolder = useTemporaryFolder();
const python = findPython();
/** Of code tasks fewer: each look at their tests starts two interpreters. */
const [ITEMS, CODE_ITEMS] = [5, 2];

interface Case {
  name: string;
  kind: AnswerKind;
  source: string;
}

/** Workflows of every kind of answer: votes, routing, examples, JSON, programs, repairs, and what a random designer writes. */
const BASELINES: Partial<Record<AnswerKind, string[]>> = {
  number: ["self-consistency-5", "weak-first", "always-code", "few-shot-5"],
  choice: ["direct", "weak-synthesis", "worked-5"],
  text: ["chain-of-thought", "weak-draft-strong-check", "few-shot-5", "always-code"],
  code: ["generate-test-repair"],
};

/** What the grammar does not write: nearest examples, lists of objects, a helper with the agent, too many calls. */
const WRITTEN = {
  near: `export default async function workflow(agent, task) {
  const near = await agent.examples(4, { near: true });
  const worked = await agent.examples(6, { worked: true, near: true });
  const [reply] = await agent.text(fewShot(near) + "\\n---\\n" + fewShot(worked) + "\\n\\n" + task.question);
  return number(reply) || "none";
}`,
  objects: `async function ask(agent, prompt) {
  const list = await agent.json([{ role: "system", content: "Be brief." }, { role: "user", content: prompt }], ["answer", "why"], { n: 3, role: "a clerk" });
  return list.map(({ answer }) => answer).filter(Boolean);
}
export default async (agent, task) => ({ answer: [await ask(agent, task.question), await ask(agent, task.question)] });`,
  many: `export default async (agent, task) => {
  let last = "";
  for (let i = 0; i < 21; i++) {
    try {
      [last] = await agent.text(task.question + i);
    } catch (error) {
      last = "caught";
    }
  }
  return last;
};`,
};

const examples = Array.from({ length: 12 }, (_, i) => ({
  question: `Example ${i}: how much is ${i} + ${2 * i + 1}?`,
  answer: String(3 * i + 1),
}));
const PARTS: WorkflowParts = {
  ...{ format: "w4s-workflow", version: 1, instruction: "Answer in English.", examples },
  worked: examples.slice(2, 5).map((example) => ({ ...example, solution: "We add both." })),
};

function itemsOf(kind: AnswerKind): { id: string; question: string }[] {
  return Array.from({ length: kind === "code" ? CODE_ITEMS : ITEMS }, (_, i) => ({
    id: `${kind}/${i}`,
    question: i === 0 ? examples[3]!.question : `How much is ${i} + ${3 * i}?`,
    ...(kind === "text" && { context: `Passage ${i} 😀: the door is red.` }),
    ...(kind === "choice" && { choices: ["dog", "cat", `fish ${i}`] }),
    ...(kind === "code" && {
      prompt: `import math\n\ndef solve(a, b):\n    """Adds (${i})."""\n`,
      entryPoint: "solve",
      publicTests: ["assert solve(1, 2) == 3", "assert solve(0, 0) == 0"],
    }),
  }));
}

const FENCE = "```";
const TEXTS = [
  "The answer is 12.",
  "First 5, then 7.\n\nFinal answer: 7",
  "<answer>the red door</answer>",
  "Antwort: 1.080 Euro",
  "(B) is right because it fits.",
  "I choose C.",
  "so \\boxed{\\frac{1}{2}}",
  "<think>hm, 5</think>\nThe answer is 1,234.50",
  "4 plus 3 is 7 and then I",
  "The final answer is: 3 × 10^8 😀",
];
const PROGRAMS = [
  `${FENCE}python\nprint(3 * 4)\n${FENCE}`,
  `${FENCE}python\nprint(sorted(["plum", "a fig", "don't"]))\n${FENCE}`,
  `${FENCE}python\nimport sys\nprint(len(sys.stdin.read()) % 7)\n${FENCE}`,
  "I cannot write one.",
];
const FUNCTIONS = [
  `${FENCE}python\ndef solve(a, b):\n    return a + b\n${FENCE}`,
  `${FENCE}python\ndef solve(a, b):\n    return a - b\n${FENCE}`,
  "    return a + b",
];

/** The same reply to the same request, whoever sends it; one text stands for a reply that was cut. */
function replyTo(
  body: { messages: { content: string }[]; seed?: number; model: string },
  index: number,
): string {
  const prompts = body.messages.map(({ content }) => content).join("\n");
  // A local model gets other seeds than one behind a server.
  const draw = seedFrom(prompts, body.model === "weak" ? 0 : body.seed, index);
  const pick = (list: readonly string[]) => list[draw % list.length] as string;
  const keys = /exactly these keys: \{([^}]*)\}/.exec(prompts)?.[1]?.match(/(?<=")\w+(?=": )/g);
  if (keys) {
    const object = JSON.stringify(Object.fromEntries(keys.map((key) => [key, String(draw % 50)])));
    return pick([object, `Sure:\n${FENCE}json\n${object}\n${FENCE}`, object.replaceAll('"', "'"), "no idea"]);
  }
  if (prompts.includes("def solve")) return pick(FUNCTIONS);
  return pick(/Python program/.test(prompts) ? PROGRAMS : TEXTS);
}

let server: FakeOpenAI;
let cases: Case[];
let folder: string;
const own = new Map<string, { found: Found[]; bodies: string[] }>();

/** Distinct requests; the stores of w4s spare equal ones. Weak ones have no seed in common. */
function bodiesSince(start: number): string[] {
  const sent = server.chats.slice(start).map(({ body }) => {
    const { seed, ...rest } = body;
    return canonicalJson(body.model === "weak" ? rest : { ...rest, seed });
  });
  return [...new Set(sent)].sort();
}

beforeAll(async () => {
  server = await startFakeOpenAI({
    intercept: ({ body, path }) =>
      path.endsWith("/chat/completions")
        ? ({ response }) => {
            const texts = Array.from({ length: body.n ?? 1 }, (_, index) => replyTo(body, index));
            const reply = completion(body.model, texts) as { choices: { finish_reason: string }[] };
            for (const [index, choice] of reply.choices.entries())
              if (texts[index]!.endsWith("and then I")) choice.finish_reason = "length";
            response.writeHead(200, { "content-type": "application/json" });
            response.end(JSON.stringify(reply));
          }
        : undefined,
  });
  folder = newFolder();
  cases = Object.entries(BASELINES).flatMap(([kind, names]) =>
    namedBaselines(kind as AnswerKind, kind === "text")
      .filter(({ name }) => names.includes(name))
      .map(({ name, source }) => ({ name: `${kind}-${name}`, kind: kind as AnswerKind, source })),
  );
  for (const kind of ["number", "choice", "text"] as const) {
    const offers = new Set(["weak", "examples"]);
    const draws = [1, 2, 3].map((seed) => ({ seed, forced: [], temperature: 1 }));
    const space = { answer: kind, offers, models: ["big"], context: kind === "text" };
    const { actions } = await new RandomPolicy().act([], draws, space as never);
    for (const [index, { text }] of actions.entries())
      cases.push({ name: `${kind}-drawn-${index}`, kind, source: /```js\n([\s\S]*?)\n```$/.exec(text)![1]! });
  }
  cases.push({ name: "semantics", kind: "number", source: SEMANTICS });
  for (const [name, source] of Object.entries(WRITTEN)) cases.push({ name, kind: "number", source });
  await using programs = new PythonSandbox({ processes: 1, limits: { wallMs: 20_000, busyMs: 60_000 } });
  const model = (name: string) =>
    new OpenAIChatModel({ baseUrl: server.baseUrl, model: name, stream: false });
  await using runner = new WorkflowRunner({
    ...{
      executor: model("strong"),
      aliases: { big: model("big") },
      weak: model("weak"),
      programs,
      processes: 1,
    },
  });
  const executors = Object.fromEntries(["big"].map((name) => [name, { url: server.baseUrl, model: name }]));
  writeFileSync(
    join(folder, "config.resolved.json"),
    JSON.stringify({
      executor: `openai:${server.baseUrl}`,
      executorModel: "strong",
      executors,
      maxTokens: 2048,
    }),
  );
  writeFileSync(join(folder, "run.json"), "{}");
  for (const { name, kind, source } of cases) {
    writeFileSync(join(folder, `${name}.js`), source);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(PARTS));
    const start = server.chats.length;
    const found: Found[] = [];
    for (const item of itemsOf(kind)) {
      const run = await runner.run(source, item, { parts: PARTS });
      found.push(run.status === "ok" ? { answer: run.answer } : { error: run.status });
    }
    own.set(name, { found, bodies: bodiesSince(start) });
  }
}, 300_000);

afterAll(async () => {
  await server.close();
});

/** Exports all workflows and asks them what w4s was asked. */
async function compare(form: "ts" | "python", ending: string, ask: AskExported): Promise<void> {
  let [items, answered] = [0, 0];
  for (const { name, kind } of cases) {
    const file = join(folder, `${name}${ending}`);
    await exportWorkflow(join(folder, `${name}.js`), file, { form });
    // The local model stands behind the same server here.
    const text = readFileSync(file, "utf8");
    const served = text.replace(
      /("weak": \{)/,
      `$1 "model": "weak", "baseURL": ${JSON.stringify(server.baseUrl)},`,
    );
    writeFileSync(file, served);
    const start = server.chats.length;
    const found = await ask(file, itemsOf(kind));
    const expected = own.get(name)!;
    const hidden = (all: Found[]) => all.map((one) => (one.error === undefined ? one : "failed"));
    expect(hidden(found), `${name}: ${JSON.stringify(found)}`).toEqual(hidden(expected.found));
    const sent = bodiesSince(start);
    expect(
      expected.bodies.filter((body) => !sent.includes(body)),
      name,
    ).toEqual([]);
    const known = new Set([...own.values()].flatMap(({ bodies }) => bodies));
    expect(
      sent.filter((body) => !known.has(body)),
      name,
    ).toEqual([]);
    items += found.length;
    answered += found.filter(({ error }) => error === undefined).length;
  }
  expect(items).toBeGreaterThanOrEqual(50);
  expect(answered).toBeGreaterThanOrEqual(50);
}

describe("exported workflows give the answers of w4s with its requests", () => {
  it("in Node", async () => {
    const node = startNode(folder);
    await compare("ts", ".export.mjs", node.ask).finally(node.close);
  }, 300_000);

  it.skipIf(python === undefined)(
    `in Python${python === undefined ? ": there is no python3 of 3.9 or later" : python.hasPackage ? "" : ", with a stand-in for the openai package, which is not installed"}`,
    async () => {
      const process = startPython(python!);
      await compare("python", ".export.py", process.ask).finally(process.close);
    },
    300_000,
  );
});
