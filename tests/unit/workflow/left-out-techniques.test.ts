/** @file Techniques that a user leaves out: no grammar, menu or draw holds them, and something to write is always left. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { RandomPolicy } from "../../../src/design/random-policy.js";
import { Gbnf } from "../../../src/workflow/gbnf.js";
import { bodiesFor, subsetGrammar } from "../../../src/workflow/subset-grammar.js";
import {
  detectTechniques,
  TECHNIQUES,
  techniqueMenu,
  techniqueNames,
  techniquesLeftOut,
} from "../../../src/workflow/techniques.js";

const OFFERS = new Set(["weak", "runPython", "test", "tool", "examples"]);
const KINDS = ["number", "choice", "text", "code", "commands", "writing"] as const;
const WITHOUT = ["self-consistency", "program-vote", "prompt-vote", "escalate", "check-draft"];
const WORDS = { analysis: "It should be shorter than that.", free: "" };

describe("techniques left out", () => {
  it.each(KINDS)("are in no sentence of the grammar and not in the menu: %s", (answer) => {
    const space = { answer, offers: OFFERS, description: "Add two numbers.", ownWords: false };
    const grammar = new Gbnf(subsetGrammar({ ...space, without: WITHOUT }));
    const random = new Random(7);
    for (let i = 0; i < 200; i++) {
      const used = detectTechniques(grammar.sample(random, WORDS));
      expect(used.filter((name) => WITHOUT.includes(name))).toEqual([]);
    }
    const meanings = TECHNIQUES.filter(({ name }) => WITHOUT.includes(name)).map(({ meaning }) => meaning);
    for (const meaning of meanings)
      expect(techniqueMenu({ ...space, without: WITHOUT })).not.toContain(meaning);
    expect(techniqueNames({ ...space, without: [] })).toEqual(techniqueNames(space));
  });

  it.each(KINDS)("may be a form stated at an end, or a way to show examples: %s", (answer) => {
    const optional = ["answer-format", "near-examples", "worked-examples"];
    // Shapes that state the form in any case.
    const without = [...optional, "ask-again", "prompt-vote", "escalate"];
    const space = { answer, offers: OFFERS, description: "Add two numbers.", ownWords: false, without };
    const grammar = new Gbnf(subsetGrammar(space));
    const random = new Random(8);
    const used = Array.from({ length: 300 }, () => detectTechniques(grammar.sample(random, WORDS))).flat();
    expect(used.filter((name) => optional.includes(name))).toEqual([]);
  });

  it.each(KINDS)("may be all there are: a plain call is left: %s", (answer) => {
    const space = { answer, offers: OFFERS, without: TECHNIQUES.map(({ name }) => name) };
    expect(techniqueNames(space)).toEqual([]);
    expect(bodiesFor([], space).length).toBeGreaterThan(0);
    expect(() => subsetGrammar(space)).not.toThrow();
  });

  it("are not drawn by the designer without a model", async () => {
    const draws = Array.from({ length: 200 }, (_, seed) => ({ seed, temperature: 0.8, forced: [] }));
    const options = { answer: "number", offers: OFFERS, hasContext: false, without: WITHOUT } as const;
    const { actions } = await new RandomPolicy().act([], draws, options);
    const used = new Set(actions.flatMap(({ text }) => detectTechniques(text)));
    expect(WITHOUT.filter((name) => used.has(name))).toEqual([]);
    expect(used).toContain("program");
  });

  it("are named in a list; a wrong name is said with the nearest one", () => {
    expect(techniquesLeftOut(undefined)).toEqual([]);
    expect(techniquesLeftOut(" steps, plan ,")).toEqual(["steps", "plan"]);
    expect(() => techniquesLeftOut("steps,program-votes")).toThrow(/"program-votes" is no technique/);
  });
});
