/** @file Instructions out of replies as models write them, cleaned for a grammar and for the texts of workflows. */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Random } from "../../../../src/core/random.js";
import { MAX_INSTRUCTION } from "../../../../src/design/instructions/instruction-prompt.js";
import { readInstructions } from "../../../../src/design/instructions/read-instructions.js";
import { RandomPolicy } from "../../../../src/design/random-policy.js";
import type { Sample } from "../../../../src/tasks/task.js";
import { Gbnf } from "../../../../src/workflow/gbnf.js";
import { extractWorkflow } from "../../../../src/workflow/reading/extract-workflow.js";
import { QuickJsSandbox } from "../../../../src/workflow/sandbox/quickjs-sandbox.js";
import { subsetGrammar } from "../../../../src/workflow/subset-grammar.js";
import { StubHost } from "../../../support/hostile-js.js";

const item = (id: string, ...answers: string[]): Sample => ({ id, question: `${id}?`, answers, meta: {} });
const read = (reply: string, samples: readonly Sample[] = [], count = 8) =>
  readInstructions(reply, samples, { count });

const [FIRST, SECOND] = ["Count every object once, in order.", "Check the units before you add anything."];

describe("readInstructions", () => {
  it.each([
    ["a numbered list with an opening", `Here are two instructions:\n\n1. ${FIRST}\n2. ${SECOND}\n`],
    ["bullets in bold", `- **${FIRST}**\n* ${SECOND}`],
    ["bold numbers", `**1.** ${FIRST}\n**2.** ${SECOND}`],
    ["lines without marks", `${FIRST}\n${SECOND}`],
    ["quoted lines with names", `Instruction 1: "${FIRST}"\nInstruction 2: "${SECOND}"`],
    ["a JSON list", JSON.stringify([FIRST, SECOND])],
    [
      "JSON in a fence",
      `Sure!\n\`\`\`json\n${JSON.stringify({ instructions: [FIRST, SECOND] }, null, 2)}\n\`\`\``,
    ],
    ["a list of objects", JSON.stringify([{ instruction: FIRST }, { instruction: SECOND }])],
    ["a list with a trailing comma", `["${FIRST}", "${SECOND}",]`],
    ["items over two lines", `1. Count every object once,\n   in order.\n2. ${SECOND}`],
    ["thinking before it", `<think>1. A thought that is none of them.</think>\n1) ${FIRST}\n2) ${SECOND}`],
    ["a fenced list", `\`\`\`\n1. ${FIRST}\n2. ${SECOND}\n\`\`\`\nI hope this helps!`],
  ])("reads %s", (_, reply) => {
    expect(read(reply)).toEqual([FIRST, SECOND]);
  });

  it("takes no more than were asked for, and none twice", () => {
    const reply = `1. ${FIRST}\n2. ${FIRST.toUpperCase()}\n3. ${SECOND}\n4. Read the question twice.`;
    expect(read(reply, [], 2)).toEqual([FIRST, SECOND]);
  });

  it("leaves out the last line of a reply that was cut", () => {
    const reply = `1. ${FIRST}\n2. Check the units befo`;
    expect(readInstructions(reply, [], { count: 8, isCut: true })).toEqual([FIRST]);
  });

  it.each([
    ["a template's hole", "Look at ${task.question} and think."],
    ["a backslash", "Write \\boxed around what you find."],
    ["a tag", "End with <|im_end|> when you are done."],
    ["a control character", "Ring the bell\u0007 when you are done."],
    ["a mark that reorders text", "Read \u202eit from the right to the left."],
    ["half a character", "Think of \ud800 before all else."],
    ["more than 300 characters", `Think ${"and think ".repeat(40)}again.`],
    ["a scrap", "Think."],
  ])("leaves out one with %s", (_, line) => {
    expect(read(`1. ${FIRST}\n2. ${line}`)).toEqual([FIRST]);
  });

  it("writes typographic marks plainly, and other scripts as they are", () => {
    const reply =
      "1. Use `sorted` on “each” list – don’t guess…\n2. Zähle jedes Ding genau einmal.\n3. 先数一数所有的东西，再仔细检查一遍答案。";
    expect(read(reply)).toEqual([
      `Use 'sorted' on "each" list - don't guess...`,
      "Zähle jedes Ding genau einmal.",
      "先数一数所有的东西，再仔细检查一遍答案。",
    ]);
  });

  it("leaves out what holds an answer of a shown item, but not what only looks like it", () => {
    const samples = [item("a", "42", "forty-two"), item("b", "Paris"), item("c", "7")];
    const reply = [
      "Remember that the answer is 42 here.",
      "Say FORTY-TWO where it fits best.",
      "If they ask for France, say paris at once.",
      "There were 142 of them, or 4.27 by another count.",
      "Prefer Parisian names over others.",
    ].join("\n");
    expect(read(reply, samples)).toEqual([
      "There were 142 of them, or 4.27 by another count.",
      "Prefer Parisian names over others.",
    ]);
  });

  it("takes labels that several items share and letters of options for no leak, and a right option for one", () => {
    const labels = [item("a", "yes"), item("b", "no"), item("c", "yes"), item("d", "no")];
    expect(read("Decide whether yes or no is safer.", labels)).toHaveLength(1);
    const options = [{ ...item("e", "A"), choices: ["a red kite", "a blue whale"] }];
    expect(read("A good start is to exclude options.\nChoose a red kite whenever you can.", options)).toEqual(
      ["A good start is to exclude options."],
    );
  });

  it("gives only what a template text and a grammar carry, for any reply", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 400 })), (lines) => {
        for (const text of read(lines.map((line) => `1. Say this: ${line}`).join("\n"))) {
          expect(text.length).toBeLessThanOrEqual(MAX_INSTRUCTION);
          expect(new Function(`return \`${text}\``)()).toBe(text);
          expect(
            new Gbnf(subsetGrammar({ answer: "number", offers: new Set(), sentences: [text] })),
          ).toBeDefined();
        }
      }),
    );
  });
});

describe("the grammar with instructions", () => {
  const sandbox = new QuickJsSandbox({ processes: 1 });
  afterAll(async () => await sandbox.close());
  const sentences = [
    `Use 'sorted' on "each" list - don't guess...`,
    "先数一数所有的东西，再仔细检查一遍答案。",
    `Costs of $5 {each} add up; ${"so take your time ".repeat(14)}at last.`,
  ];

  it("offers them and the free sentence in one place, and says them as they are", async () => {
    const seen = new Set<string>();
    let free = 0;
    for (const answer of ["number", "choice", "text", "code", "commands", "writing"] as const) {
      const offers = new Set(["weak"]);
      const grammar = new Gbnf(subsetGrammar({ answer, offers, sentences }));
      const random = new Random(7);
      for (let i = 0; i < 40; i++) {
        const found = extractWorkflow(grammar.sample(random));
        if (!found.ok) throw new Error(found.error);
        const said = sentences.filter((sentence) => found.source.includes(sentence));
        expect(said.length).toBeLessThanOrEqual(1);
        for (const sentence of said) seen.add(sentence);
        if (/Make sure to|Remember that/.test(found.source)) free++;
        if (i % 10 > 0) continue;
        const task = {
          id: "1",
          question: "6 × 7?",
          choices: ["41", "42"],
          prompt: "def f():",
          entryPoint: "f",
        };
        const host = new StubHost({ offers: [...offers], reply: "The answer is 42. (B)", delayMs: 0 });
        const run = await sandbox.run(found.source, task, host, { seed: 1 });
        expect(run, `${found.source}\n${run.error}`).toMatchObject({ status: "ok" });
        if (said[0] !== undefined)
          expect(JSON.stringify(host.sent)).toContain(JSON.stringify(said[0]).slice(1, -1));
      }
    }
    expect(seen.size).toBe(3);
    expect(free).toBeGreaterThan(0);
  });

  it("stand in about half of what the random designer writes, and nowhere without any", async () => {
    const draws = Array.from({ length: 400 }, (_, seed) => ({ seed, temperature: 0.8, forced: [] }));
    const space = { answer: "number", offers: new Set<string>(), hasContext: false } as const;
    const { actions } = await new RandomPolicy().act([], draws, {
      ...space,
      sentences: async () => sentences,
    });
    const own = actions.filter(({ text }) => sentences.some((sentence) => text.includes(sentence)));
    expect(own.length / draws.length).toBeGreaterThan(0.35);
    expect(own.length / draws.length).toBeLessThan(0.65);
    const { actions: without } = await new RandomPolicy().act([], draws, space);
    const { actions: none } = await new RandomPolicy().act([], draws, {
      ...space,
      sentences: async () => [],
    });
    expect(none).toEqual(without);
  });
});
