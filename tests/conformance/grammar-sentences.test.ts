/**
 * @file Sampled sentences of the grammar run to an answer whatever the models and programs do.
 * GRAMMAR_SENTENCES sets their number for each kind of answer (`make grammar-sample`: 10 000).
 */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { Tokenizer } from "../../scripts/nano/bpe.mjs";
import { seedFrom } from "../../src/core/hash.js";
import { Random } from "../../src/core/random.js";
import { stringsValue } from "../../src/formats/gguf/gguf-metadata.js";
import { readGgufHeader } from "../../src/formats/gguf/read-gguf-header.js";
import { ANSWER_KINDS, type AnswerKind } from "../../src/workflow/answer-kind.js";
import { Gbnf } from "../../src/workflow/gbnf.js";
import { extractWorkflow } from "../../src/workflow/reading/extract-workflow.js";
import { readWorkflow } from "../../src/workflow/reading/read-workflow.js";
import { QuickJsSandbox } from "../../src/workflow/sandbox/quickjs-sandbox.js";
import { bodiesFor, type SubsetOptions, subsetGrammar } from "../../src/workflow/subset-grammar.js";
import { techniqueNames } from "../../src/workflow/techniques.js";
import { MoodyAgent } from "../support/moody-agent.js";

const SEED = 20_261_129;
const SENTENCES = Number(process.env.GRAMMAR_SENTENCES ?? 120);
/** Sentences drawn from one grammar. */
const PER_GRAMMAR = 4;
/** Of a design, in the vocabulary of the embedded model. */
const MAX_TOKENS = 500;
const DESCRIPTION = `Sums \`of\` \${things} in C:\\x.\n"Quoted" ${"and more words ".repeat(30)}`;
const OFFERS = ["weak", "runPython", "test", "tool", "examples"];
const TOOL = {
  name: "search",
  description: "Finds texts.",
  input: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
};

/** The embedded model's own. */
function nanoTokenizer(): Tokenizer {
  const { metadata } = readGgufHeader(fileURLToPath(new URL("../../models/nano/nano.gguf", import.meta.url)));
  const merges = stringsValue(metadata, "tokenizer.ggml.merges")!.map(
    (pair) => pair.split(" ") as [string, string],
  );
  return new Tokenizer(stringsValue(metadata, "tokenizer.ggml.tokens")!, merges);
}

function drawSpace(random: Random, answer: AnswerKind): SubsetOptions & { models: string[] } {
  const offers = new Set(
    OFFERS.filter((name) => random.chance(0.7) && (name !== "test" || answer === "code")),
  );
  const models = random.chance(0.5) ? ["strong", "cheap_1.5"] : [];
  const description = random.chance(0.8) ? DESCRIPTION : "";
  return { answer, offers, tools: [TOOL], models, description, context: random.chance(0.3) };
}

/** Forced techniques of a grammar: any one, so that rare ones are met too, or none. */
function drawForced(random: Random, space: SubsetOptions): string[] {
  const names = techniqueNames(space).filter((name) => bodiesFor([name], space).length > 0);
  return random.chance(0.7) ? [random.pick(names)] : [];
}

describe(`sentences of the grammar (seed ${SEED}, ${SENTENCES} for each kind of answer)`, () => {
  const sandbox = new QuickJsSandbox({ processes: 2 });
  afterAll(async () => await sandbox.close());
  const grammars = new Map<string, Gbnf>();
  const tokenizer = nanoTokenizer();

  for (const answer of ANSWER_KINDS) {
    it(`run to an answer and are short: ${answer}`, { timeout: 120_000 + SENTENCES * 120 }, async () => {
      const random = new Random(seedFrom(SEED, answer));
      let longest = 0;
      const statuses: Record<string, number> = {};
      for (let drawn = 0; drawn < SENTENCES; drawn += PER_GRAMMAR) {
        const space = drawSpace(random, answer);
        const forced = drawForced(random, space);
        const key = JSON.stringify([
          answer,
          [...space.offers],
          space.models,
          space.description,
          space.context,
          forced,
        ]);
        const grammar = grammars.get(key) ?? new Gbnf(subsetGrammar({ ...space, forced }));
        grammars.set(key, grammar);
        const sentences = Array.from({ length: PER_GRAMMAR }, () => grammar.sample(random));
        await Promise.all(
          sentences.map(async (sentence, index) => {
            longest = Math.max(longest, tokenizer.encode(sentence).length);
            const extracted = extractWorkflow(sentence);
            if (!extracted.ok) throw new Error(`${extracted.error}:\n${sentence}`);
            expect(readWorkflow(extracted.source).calls.length, sentence).toBeGreaterThan(0);
            const task = {
              id: "1",
              question: "How much is 6 times 7?",
              ...(space.context ? { context: "A text." } : {}),
              ...(answer === "choice" ? { choices: ["41", "42"] } : {}),
              ...(answer === "code" ? { prompt: "def f():", entryPoint: "f", publicTests: [] } : {}),
            };
            const agent = new MoodyAgent(answer, space.offers, {
              models: space.models,
              random: new Random(seedFrom(SEED, "agent", drawn, index)),
            });
            const run = await sandbox.run(extracted.source, task, agent, { seed: drawn });
            statuses[run.status] = (statuses[run.status] ?? 0) + 1;
            expect(run.status, `${sentence}\n${run.error}`).toBe("ok");
            expect(agent.sent.length).toBeGreaterThan(0);
          }),
        );
      }
      expect(statuses).toEqual({ ok: Math.ceil(SENTENCES / PER_GRAMMAR) * PER_GRAMMAR });
      expect(longest).toBeLessThanOrEqual(MAX_TOKENS);
      if (process.env.GRAMMAR_SENTENCES)
        process.stdout.write(`${answer}: ${SENTENCES} sentences ran, the longest ${longest} tokens\n`);
    });
  }

  it("one program for all items: its prompt holds the task and nothing of the item", async () => {
    const offers = new Set(["runPython", "examples"]);
    const random = new Random(SEED);
    for (const forced of [["one-program"], ["one-program", "few-shot"], ["one-program", "worked-examples"]]) {
      const space = { answer: "number", offers, description: DESCRIPTION, forced } as const;
      const extracted = extractWorkflow(new Gbnf(subsetGrammar(space)).sample(random));
      if (!extracted.ok) throw new Error(extracted.error);
      const asked = await Promise.all(
        ["How much is 6 times 7?", "How much is 9 plus 1?"].map(async (question, index) => {
          const agent = new MoodyAgent("number", offers, { random: new Random(SEED) });
          await sandbox.run(extracted.source, { id: String(index), question }, agent, { seed: index });
          const run = agent.sent.find(({ name }) => name === "runPython");
          expect(run?.args[1]).toEqual({ stdin: question });
          return agent.sent.find(({ name }) => name === "text")?.args;
        }),
      );
      expect(asked[0]).toEqual(asked[1]);
      const prompt = asked[0]?.[0];
      expect(prompt).toMatch(/^Task: Sums `of` \$\{things\} in C:\\x\. "Quoted" and more words/);
      expect(prompt).not.toContain("6 times 7");
      expect(String(prompt).includes("<examples>")).toBe(forced.length > 1);
    }
  });
});
