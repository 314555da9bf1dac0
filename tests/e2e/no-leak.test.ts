/** @file Planted markers: nothing of validation and test reaches a prompt to the designer, and their answers reach nobody. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { optimize, type Policy, parseRunConfig } from "w4s";
import { readTrajectory } from "../../src/records/trajectory.js";
import { useCliHost } from "../support/cli-host.js";
import { type FakeOpenAI, startFakeOpenAI } from "../support/fake-openai-server.js";
import { withoutPrograms } from "../support/no-programs.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";
import { makeTinyDesigner } from "../support/tiny-designer.js";

const folder = useTemporaryFolder();
const runCli = useCliHost();
const SPLITS = ["train", "validation", "test"] as const;
const ITEMS = 6;

/** A word that says where it stands, such as "validation-answer-3". */
const marker = (split: string, field: string, item: number) => `${split}-${field}-${item}`;
const MARKERS = /\b(train|validation|test)-(question|context|choice|other|answer|solution|meta)-(\d)\b/g;
const markersIn = (text: string) => [...text.matchAll(MARKERS)].map(([all]) => all);
/** What only the item's own data tells. */
const SECRET = /\b(?:train|validation|test)-(?:answer|solution|meta)-\d/;
const SCORED = /\b(?:validation|test)-\w+-\d/;

type Kind = "qa" | "choice";

function writeTask(root: string, kind: Kind, splits: readonly string[]): string {
  const directory = join(root, `marked-${kind}-${splits.length}`);
  mkdirSync(directory, { recursive: true });
  const line = (split: string, item: number) => {
    const of = (field: string) => marker(split, field, item);
    return {
      id: `${split}-${item}`,
      question: `What is behind ${of("question")}?`,
      context: `A text about ${of("context")}.`,
      ...(kind === "qa"
        ? { answer: of("answer") }
        : { choices: [`the ${of("other")}`, `a ${of("choice")}`], answer: "B" }),
      solution: `It is ${of("solution")}.`,
      meta: { note: of("meta") },
    };
  };
  for (const split of splits) {
    const lines = Array.from({ length: ITEMS }, (_, item) => JSON.stringify(line(split, item)));
    writeFileSync(join(directory, `${split}.jsonl`), `${lines.join("\n")}\n`);
  }
  const manifest = {
    name: `marked-${kind}`,
    kind,
    metric: kind === "qa" ? "f1" : "choice",
    splits: Object.fromEntries(splits.map((split) => [split, { file: `${split}.jsonl` }])),
  };
  writeFileSync(join(directory, "dataset.json"), JSON.stringify(manifest));
  return directory;
}

let server: FakeOpenAI;
let model: string;

beforeAll(async () => {
  // Wrong for nearly every item, so that there are failures to show; it says the item back, as models do.
  server = await startFakeOpenAI({
    reply: ({ prompt }) =>
      `I read ${markersIn(prompt).join(" and ")}. The answer is (A). <answer>nothing</answer>`,
  });
  model = makeTinyDesigner(join(folder(), "tiny.gguf"), 16_384);
});
afterAll(() => server.close());

/** All that was put to the designer, as the run recorded it. */
function designerPrompts(run: string): string[] {
  return readTrajectory(join(run, "trajectories.jsonl")).flatMap((record) => {
    if (record.kind !== "actions") return [];
    const own = record.actions.flatMap(({ messages }) => messages ?? []);
    return [...record.messages, ...own]
      .filter(({ role }) => role !== "assistant")
      .map(({ content }) => content);
  });
}

/** No request of the executor holds a secret, and none about a scored item anything of another item. */
function expectNoLeakToExecutor(chats: FakeOpenAI["chats"]): void {
  for (const { body } of chats) {
    const text = JSON.stringify(body);
    if (!SCORED.test(text)) continue;
    expect(text).not.toMatch(/\b(?:validation|test)-(?:answer|solution|meta)-\d/);
    const scored = markersIn(text).filter((found) => SCORED.test(found));
    expect(new Set(scored.map((found) => found.replace(/-\w+-/, " "))).size, text).toBe(1);
  }
}

const LEAKING = "Say that it is";
const isWriting = (prompt: string) => prompt.startsWith("You write instructions");

const DESIGNERS = {
  random: ["--designer", "random"],
  compact: ["--gpu", "off", "--prompt-style", "compact"],
  full: ["--gpu", "off", "--prompt-style", "full", "--grammar", "subset"],
};

describe("a task with marked items", () => {
  it.each([
    ["qa", "random"],
    ["choice", "compact"],
    ["qa", "full"],
  ] as const)("optimize, kind %s, designer %s", async (kind, designer) => {
    const root = folder();
    const run = join(root, "run");
    const before = server.chats.length;
    const { code, stderr } = await runCli([
      ...[
        "optimize",
        "--task",
        writeTask(root, kind, SPLITS),
        "--run",
        run,
        "--episodes",
        "1",
        "--turns",
        "2",
      ],
      ...[
        "--candidates",
        "3",
        "--screen",
        "0",
        "--validation-limit",
        "4",
        "--test-limit",
        "4",
        "--threads",
        "1",
      ],
      ...["--executor", `openai:${server.baseUrl}`, "--executor-model", "fake-model", "--weak", "none"],
      ...["--baselines", "direct", "--max-repairs", "0"],
      ...withoutPrograms(root),
      ...(designer === "random" ? [] : ["--model", model]),
      ...DESIGNERS[designer],
    ]);
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    const prompts = designerPrompts(run);
    expect(prompts.length).toBeGreaterThan(1);
    for (const prompt of prompts) expect(prompt).not.toMatch(SCORED);
    // It is shown something all the same.
    expect(prompts.join("\n")).toMatch(/train-question-\d/);
    if (designer !== "random") expect(prompts.join("\n")).toMatch(/right "(?:train-answer-\d|B)/);
    const chats = server.chats.slice(before);
    expectNoLeakToExecutor(chats);
    const writing = chats.filter(({ prompt }) => isWriting(prompt));
    expect(writing).toHaveLength(1);
    expect(writing[0]?.prompt).toMatch(/question "What is behind train-question-\d/);
    expect(JSON.stringify(writing[0]?.body)).not.toMatch(SCORED);
    expect(JSON.stringify(writing[0]?.body)).not.toMatch(/train-(?:solution|meta)/);
    // What was written and tells an answer stands in no workflow.
    expect(readFileSync(join(run, "trajectories.jsonl"), "utf8")).not.toContain(LEAKING);
  });
});

/** A designer that throws, logs and returns whatever its workflow can see. */
function nosy(style: Policy["style"]): Policy {
  let written = 0;
  const sources = [
    "throw new Error(JSON.stringify(task))",
    'agent.log(JSON.stringify(task)); return "wrong " + JSON.stringify(task)',
  ];
  return {
    info: {
      id: "nosy",
      modelHash: "",
      tokenizerHash: "",
      templateHash: "",
      adapterHash: null,
      device: "none",
    },
    style,
    canForce: false,
    act: async (_prompt, draws) => ({
      promptTokens: [],
      actions: draws.map(() => ({
        text: `Look.\n\`\`\`js\nexport default async function workflow(agent, task) {\n  ${sources[Math.min(1, written++)]};\n}\n\`\`\``,
        tokens: [],
        finishReason: "stop",
      })),
    }),
  };
}

async function nosySearch(splits: readonly string[], style: Policy["style"]) {
  const root = folder();
  const run = join(root, "run");
  const warnings: string[] = [];
  await optimize(
    parseRunConfig({
      ...{ task: writeTask(root, "qa", splits), run, episodes: 1, turns: 2, candidates: 1, maxRepairs: 1 },
      ...{ executor: `openai:${server.baseUrl}`, executorModel: "fake-model", weak: "none", parent: "last" },
      ...{ screen: 0, testLimit: 2, baselines: "direct" },
    }),
    {
      policy: nosy(style),
      onEvent: (event) => event.type === "warning" && void warnings.push(event.message),
    },
  );
  return { prompts: designerPrompts(run), warnings };
}

describe.each(["compact", "full"] as const)(
  "a designer whose workflows tell what they see, style %s",
  (style) => {
    it("sees train items with their answers", async () => {
      const { prompts } = await nosySearch(SPLITS, style);
      expect(prompts.filter((prompt) => SCORED.test(prompt))).toEqual([]);
      const all = prompts.join("\n");
      expect(all).toMatch(/failed its quick check: .*train-question-\d/);
      expect(all).toMatch(/log .*train-question-\d/);
      expect(all).toMatch(/right "train-answer-\d"/);
    });

    it("without a train split sees questions of validation, and no answer", async () => {
      const { prompts, warnings } = await nosySearch(["validation", "test"], style);
      expect(prompts.join("\n")).toMatch(/question ".*validation-question-\d/);
      expect(prompts.filter((prompt) => SECRET.test(prompt) || /\btest-/.test(prompt))).toEqual([]);
      expect(warnings.filter((message) => message.includes("no train split"))).toHaveLength(1);
    });
  },
);
