/** @file The corpus of the nano model: seeded, and every reply a workflow of the subset. */
import { Script } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  ANSWER_KINDS,
  type CorpusPair,
  HELD_OUT_FAMILIES,
  makeCorpus,
} from "../../../scripts/nano/corpus.mjs";
import { FAMILIES } from "../../../src/tasks/families.js";
import { extractWorkflow } from "../../../src/workflow/reading/extract-workflow.js";
import { subsetGrammar } from "../../../src/workflow/subset-grammar.js";
import { detectTechniques } from "../../../src/workflow/techniques.js";
import { grammarPattern } from "./grammar-pattern.js";

const COUNT = 1500;
const pairs = [...makeCorpus({ seed: 11, count: COUNT })];

/** The description stands in one shape alone. */
function spaceKey({ space, reply }: CorpusPair): string {
  const said = /every question of this task/i.test(reply) ? space.description : "";
  return `${space.answer} ${[...space.offers].sort().join("+") || "no offers"} ${space.context} ${said}`;
}

describe("seeding", () => {
  test("the same seed gives the same pairs, another seed others", () => {
    expect([...makeCorpus({ seed: 11, count: 30 })]).toEqual(pairs.slice(0, 30));
    expect([...makeCorpus({ seed: 12, count: 30 })]).not.toEqual(pairs.slice(0, 30));
  });

  test("a pair depends on its number only, so that parts can be drawn apart", () => {
    expect([...makeCorpus({ seed: 11, count: 5, from: 20 })]).toEqual(pairs.slice(20, 25));
  });
});

describe("replies", () => {
  const patterns = new Map<string, RegExp>();
  for (const pair of pairs) {
    const key = spaceKey(pair);
    if (!patterns.has(key)) patterns.set(key, grammarPattern(subsetGrammar(pair.space)));
  }

  test("the pattern made from a grammar refuses what is no sentence of it", () => {
    const { reply, space } = pairs[0]!;
    const pattern = grammarPattern(subsetGrammar(space));
    expect(pattern.test(reply)).toBe(true);
    expect(pattern.test(`${reply} `)).toBe(false);
    expect(pattern.test(reply.replace("await", "wait"))).toBe(false);
    expect(pattern.test(reply.slice(reply.indexOf("\n")))).toBe(false);
  });

  test("each is a sentence of the subset grammar of its task", () => {
    const bad = pairs.filter((pair) => !patterns.get(spaceKey(pair))!.test(pair.reply));
    expect(bad.map(({ reply }) => reply)).toEqual([]);
  });

  test("each is extracted and parses as JavaScript", () => {
    for (const { reply } of pairs) {
      const extracted = extractWorkflow(reply);
      if (!extracted.ok) throw new Error(`${extracted.error} in ${reply}`);
      expect(() => new Script(extracted.source.replace("export default ", ""))).not.toThrow();
    }
  });

  test("all kinds of answer, all shapes and all offers occur", () => {
    expect(new Set(pairs.map(({ space }) => space.answer))).toEqual(
      new Set(["number", "choice", "text", "code"]),
    );
    // The rarest shape is one pair of about a thousand: as many as a model is trained on.
    const trained = makeCorpus({ seed: 11, count: 7000 });
    expect(new Set(Array.from(trained, ({ design }) => design.body)).size).toBe(18);
    expect(patterns.size).toBeGreaterThanOrEqual(30);
  });

  test("good designs are the exception, so that rewards have something to teach", () => {
    const share = (name: string) =>
      pairs.filter(({ reply }) => (detectTechniques(reply) as string[]).includes(name)).length / COUNT;
    for (const name of ["steps", "self-consistency", "check-draft", "plan"]) {
      expect(share(name), name).toBeGreaterThan(0.03);
      expect(share(name), name).toBeLessThan(0.3);
    }
  });

  test("most replies differ", () => {
    expect(new Set(pairs.map(({ reply }) => reply)).size / COUNT).toBeGreaterThan(0.8);
  });
});

describe("prompts", () => {
  test("nothing of the held-out families is shown", () => {
    const titles = FAMILIES.filter(({ name }) => HELD_OUT_FAMILIES.includes(name)).map(({ title }) => title);
    expect(titles).toHaveLength(HELD_OUT_FAMILIES.length);
    const text = pairs.flatMap(({ messages }) => messages.map(({ content }) => content)).join("\n");
    expect(titles.filter((title) => text.includes(title))).toEqual([]);
    const kinds = FAMILIES.filter(({ name }) => HELD_OUT_FAMILIES.includes(name)).map(
      ({ kind }) => ANSWER_KINDS[kind],
    );
    expect(new Set(kinds)).toEqual(new Set(["number", "choice", "text"]));
  });

  test("held-out pairs are of held-out families only", () => {
    const titles = FAMILIES.filter(({ name }) => HELD_OUT_FAMILIES.includes(name)).map(({ title }) => title);
    for (const { task } of makeCorpus({ seed: 3, count: 60, families: "held-out" }))
      expect(titles).toContain(task);
  });

  test("repairs and first drafts both occur, always ending with the user", () => {
    const lengths = new Set(pairs.map(({ messages }) => messages.length));
    expect(lengths).toEqual(new Set([1, 3]));
    expect(new Set(pairs.map(({ messages }) => messages.at(-1)!.role))).toEqual(new Set(["user"]));
  });
});
