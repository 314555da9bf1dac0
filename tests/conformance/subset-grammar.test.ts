/** @file Every sentence of the subset grammar is a valid workflow that uses what it was forced to use. */
import { afterAll, describe, expect, it } from "vitest";
import { seedFrom } from "../../src/core/hash.js";
import { Random } from "../../src/core/random.js";
import type { AnswerKind } from "../../src/workflow/answer-kind.js";
import { Gbnf } from "../../src/workflow/gbnf.js";
import { extractWorkflow } from "../../src/workflow/reading/extract-workflow.js";
import { QuickJsSandbox } from "../../src/workflow/sandbox/quickjs-sandbox.js";
import { canForce, type SubsetOptions, subsetGrammar } from "../../src/workflow/subset-grammar.js";
import {
  detectTechniques,
  TECHNIQUES,
  techniqueMenu,
  techniqueNames,
} from "../../src/workflow/techniques.js";
import type { ToolCard } from "../../src/workflow/tool.js";
import { longestSentence } from "../support/gbnf-length.js";
import { StubHost } from "../support/hostile-js.js";

const SEED = 20_261_122;
const SENTENCES_PER_GRAMMAR = 6;
/** So many sentences really run; the others are parsed. More run in grammar-sentences.test.ts. */
const RUNS = 120;

const ANSWERS: readonly AnswerKind[] = ["number", "choice", "text", "code", "commands", "writing"];
const OFFERS = [[], ["weak"], ["runPython"], ["weak", "runPython", "test"], ["tool"], ["examples"]].map(
  (names) => new Set(names),
);
const MODELS = ["strong", "cheap-one"];
const DESCRIPTION = 'Word problems with `asides` and ${costs}, "quoted" and C:\\escaped.\nOne step or many.';
/** One that is called with the question, one whose input is filled in, and one that no grammar can call. */
const TOOLS: readonly ToolCard[] = [
  {
    name: "search",
    description: "Finds texts `about` a ${question}.",
    input: {
      type: "object",
      properties: { query: { type: "string" }, top: { type: "integer", minimum: 1 } },
      required: ["query", "top"],
    },
  },
  {
    name: "mean",
    description: "The mean of a column.",
    input: {
      type: "object",
      properties: { column: { type: "string", enum: ["ph", "mass"] } },
      required: ["column"],
    },
  },
  {
    name: "plot",
    description: "Draws.",
    input: { type: "object", properties: { points: { type: "array" } }, required: ["points"] },
  },
];
const REPLIES: Record<AnswerKind, string> = {
  number: "3 * 14 = 42. The answer is 42.",
  choice: "The answer is (B).",
  text: "It is known. <answer>forty-two</answer>",
  code: "```python\nprint(42)\n```",
  commands: "The way is free. <answer>east 3</answer>",
  writing: "  Forty-two geese\nflew over the hill.\n",
};
const ANSWERED: Record<AnswerKind, unknown> = {
  number: 42,
  choice: "B",
  text: "forty-two",
  code: "print(42)",
  commands: "east 3",
  writing: "Forty-two geese\nflew over the hill.",
};

function subsets(names: readonly string[], size: number): string[][] {
  if (size === 0) return [[]];
  const smaller = subsets(names, size - 1);
  const larger = smaller
    .filter((set) => set.length === size - 1)
    .flatMap((set) =>
      names.filter((name) => set.every((other) => other < name)).map((name) => [...set, name]),
    );
  return [...smaller, ...larger];
}

const cases: SubsetOptions[] = ANSWERS.flatMap((answer) =>
  OFFERS.flatMap((offers) => {
    const isRich = offers.size > 1;
    const space = {
      ...{ answer, offers, tools: offers.has("tool") ? TOOLS : [] },
      ...{ description: DESCRIPTION, models: isRich ? MODELS : [] },
    };
    return subsets(techniqueNames(space), isRich ? 2 : 1)
      .filter((set) => canForce(set, space))
      .map((set, index) => ({ ...space, forced: set, context: index % 2 === 1 }));
  }),
);

const PLAIN_WORDS = { analysis: "Nothing is left to choose here.", free: "" };

/** Techniques that a shape or a way of showing examples is written with, and is read as too. */
const WRITTEN_WITH: Readonly<Record<string, readonly string[]>> = {
  "code-then-words": ["program"],
  "program-vote": ["self-consistency", "program", "code-then-words"],
  "extract-compute": ["program", "code-then-words"],
  "one-program": ["program", "code-then-words"],
  escalate: ["steps", "answer-format", "self-consistency", "weak-drafts"],
  "ask-again": ["answer-format"],
  "prompt-vote": ["steps", "careful-reading", "answer-format", "self-consistency"],
  "near-examples": ["few-shot"],
  "worked-examples": ["few-shot"],
  "test-escalate": ["test-repair", "other-model"],
  // The last where another model is asked to repair.
  "weak-first": ["weak-drafts", "test-repair", "test-escalate"],
};

/** Techniques without which no shape has room for all that are forced, and what these are written with. */
function isNeeded(name: string, options: SubsetOptions): boolean {
  const { forced = [] } = options;
  const shapes = TECHNIQUES.map((technique) => technique.name).filter(
    (other) => !forced.includes(other) && !canForce(forced, { ...options, without: [other] }),
  );
  return [...forced, ...shapes].some((other) => other === name || WRITTEN_WITH[other]?.includes(name));
}

const drawn = new Map<SubsetOptions, { sentences: string[]; grammar: Gbnf }>();

function draw(options: SubsetOptions): { sentences: string[]; grammar: Gbnf } {
  const known = drawn.get(options) ?? drawAnew(options);
  drawn.set(options, known);
  return known;
}

function drawAnew(options: SubsetOptions): { sentences: string[]; grammar: Gbnf } {
  const grammar = new Gbnf(subsetGrammar(options));
  const random = new Random(seedFrom(SEED, options.answer, [...options.offers], options.forced ?? []));
  return { sentences: Array.from({ length: SENTENCES_PER_GRAMMAR }, () => grammar.sample(random)), grammar };
}

describe(`the subset grammar (seed ${SEED})`, () => {
  const sandbox = new QuickJsSandbox({ processes: 2 });
  afterAll(async () => await sandbox.close());

  it("has a case for every technique, and enough of them", () => {
    const forced = new Set(cases.flatMap((options) => options.forced ?? []));
    expect([...forced].sort()).toEqual(TECHNIQUES.map(({ name }) => name).sort());
    expect(cases.length * SENTENCES_PER_GRAMMAR).toBeGreaterThan(2_000);
  });

  it("each sentence extracts, parses and shows the techniques it was forced to use", () => {
    for (const options of cases) {
      for (const sentence of draw(options).sentences) {
        const extracted = extractWorkflow(sentence);
        if (!extracted.ok) throw new Error(`${extracted.error}:\n${sentence}`);
        const body = extracted.source.replace("export default ", "");
        expect(() => new Function(`"use strict"; return ${body}`), sentence).not.toThrow();
        expect(detectTechniques(extracted.source), sentence).toEqual(
          expect.arrayContaining(options.forced as string[]),
        );
        const sees = options.answer === "code" ? "${task.prompt}" : "${task.question}";
        expect(extracted.source).toContain(sees);
        if (options.answer !== "code")
          expect(extracted.source.includes("${task.context}")).toBe(options.context);
      }
    }
  });

  it("a sparse sentence uses what it was forced to use, and else only what that needs", () => {
    for (const options of cases) {
      const forced = options.forced as string[];
      const grammar = new Gbnf(subsetGrammar({ ...options, sparse: true, ownWords: false }));
      const random = new Random(seedFrom(SEED, "sparse", options.answer, [...options.offers], forced));
      for (let i = 0; i < SENTENCES_PER_GRAMMAR; i++) {
        const sentence = grammar.sample(random, PLAIN_WORDS);
        const used = detectTechniques(sentence);
        expect(used, sentence).toEqual(expect.arrayContaining(forced));
        const beside = used.filter((name) => !isNeeded(name, options));
        expect(beside, sentence).toEqual([]);
      }
    }
  });

  it("is small, and its sentences are bounded", () => {
    for (const options of cases) {
      const { grammar } = draw(options);
      expect(grammar.rules.size).toBeLessThanOrEqual(70);
      // 500 tokens of 3.5 characters.
      expect(longestSentence(grammar), JSON.stringify(options.forced)).toBeLessThan(1_750);
    }
  });

  it("sentences run to an answer", async () => {
    const chosen = cases.flatMap((options) =>
      draw(options).sentences.map((sentence) => ({ options, sentence })),
    );
    const random = new Random(SEED);
    const runs = random.shuffle(chosen).slice(0, RUNS);
    await Promise.all(
      runs.map(async ({ options: { answer, offers, context }, sentence }) => {
        const extracted = extractWorkflow(sentence);
        if (!extracted.ok) throw new Error(extracted.error);
        const task = {
          id: "1",
          question: "How much is 6 times 7?",
          ...(context ? { context: "A text." } : {}),
          ...(answer === "choice" ? { choices: ["41", "42"] } : {}),
          ...(answer === "code" ? { prompt: "def f():", entryPoint: "f" } : {}),
        };
        const host = new StubHost({
          offers: [...offers],
          reply: REPLIES[answer],
          delayMs: 0,
          models: MODELS,
        });
        const run = await sandbox.run(extracted.source, task, host, { seed: 1 });
        expect(run, `${sentence}\n${run.error}`).toMatchObject({ status: "ok" });
        const isProgram = extracted.source.includes("runPython") && answer !== "number";
        if (!isProgram && !extracted.source.includes("agent.json"))
          expect(run.answer).toEqual(ANSWERED[answer]);
      }),
    );
  });

  it("leaves the model's own sentence out where it may write none, and keeps those written for the task", () => {
    const openings = /Make sure to|Remember that|Be careful with|Pay attention to/;
    const told = "Count each thing once.";
    for (const options of cases) {
      for (const sentences of [[], [told]]) {
        const grammar = new Gbnf(subsetGrammar({ ...options, sentences, ownWords: false }));
        const random = new Random(SEED);
        const drawn = Array.from({ length: 20 }, () => grammar.sample(random));
        expect(drawn.filter((text) => openings.test(text))).toEqual([]);
        for (const text of drawn) expect(extractWorkflow(text).ok, text).toBe(true);
        if (sentences.length === 0) expect(drawn.join()).not.toContain(told);
      }
    }
    const one = { ...cases[0]!, forced: [] };
    const texts = (more: Partial<SubsetOptions>) => {
      const [grammar, random] = [new Gbnf(subsetGrammar({ ...one, ...more })), new Random(SEED)];
      return Array.from({ length: 60 }, () => grammar.sample(random)).join();
    };
    expect(texts({})).toMatch(openings);
    expect(texts({ sentences: [told], ownWords: false })).toContain(told);
  });

  it("begins with the program where no analysis is wanted", () => {
    for (const options of cases) {
      const grammar = new Gbnf(subsetGrammar({ ...options, analysis: false }));
      const random = new Random(SEED);
      for (let i = 0; i < 10; i++) {
        const text = grammar.sample(random);
        expect(text.startsWith("```js\nexport default"), text).toBe(true);
        expect(extractWorkflow(text).ok, text).toBe(true);
      }
    }
  });

  it("refuses what cannot be forced together or does not exist", () => {
    const options = { answer: "number", offers: new Set<string>() } as const;
    expect(() => subsetGrammar({ ...options, forced: ["weak-drafts"] })).toThrow(RangeError);
    expect(() => subsetGrammar({ ...options, forced: ["no-such-technique"] })).toThrow(RangeError);
    expect(canForce(["self-consistency", "low-temperature"], options)).toBe(false);
    expect(canForce(["steps", "check-draft", "self-consistency"], options)).toBe(true);
  });

  it("calls each tool whose input can be written, and no other", () => {
    const options = {
      answer: "text",
      offers: new Set(["tool"]),
      tools: TOOLS,
      forced: ["tool-lookup"],
    } as const;
    const grammar = new Gbnf(subsetGrammar(options));
    const random = new Random(SEED);
    const sources = Array.from({ length: 60 }, () => grammar.sample(random)).join("\n");
    expect(sources).toContain('agent.tool("search", { query: task.question, top: 1 })');
    expect(sources).toContain('agent.tool("mean", input)');
    expect(sources).not.toContain('"plot"');
    expect(canForce(["tool-lookup"], { ...options, tools: TOOLS.slice(2) })).toBe(false);
    expect(canForce(["tool-lookup"], { ...options, offers: new Set<string>() })).toBe(false);
  });

  it("the menu names what is offered and nothing else", () => {
    expect(techniqueMenu({ answer: "text", offers: new Set() })).not.toMatch(/local model|Python/);
    expect(techniqueMenu({ answer: "text", offers: new Set(["weak", "runPython"]) })).toMatch(
      /local model.*Python/,
    );
  });
});
