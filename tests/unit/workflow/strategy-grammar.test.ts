/** @file Strategy lines: only techniques that one workflow can use together, exactly the forced ones where some are. */
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import type { AnswerKind } from "../../../src/workflow/answer-kind.js";
import { Gbnf } from "../../../src/workflow/gbnf.js";
import { SENTENCE_GRAMMAR, strategyGrammar, strategyLine } from "../../../src/workflow/strategy-grammar.js";
import { canForce } from "../../../src/workflow/subset-grammar.js";
import { TECHNIQUES, techniqueNames } from "../../../src/workflow/techniques.js";
import { longestSentence } from "../../support/gbnf-length.js";

const SEED = 20_261_123;
const DRAWS = 300;
const ANSWERS: readonly AnswerKind[] = ["number", "choice", "text", "code"];

function namesIn(line: string): string[] {
  return line.split("; ").map((part) => {
    const found = TECHNIQUES.find(({ meaning }) => meaning === part);
    expect(found, part).toBeDefined();
    return found?.name ?? "";
  });
}

describe(`strategyGrammar (seed ${SEED})`, () => {
  for (const answer of ANSWERS) {
    it(`names one to three distinct techniques that go together, answers of kind ${answer}`, () => {
      const space = { answer, offers: new Set(["weak", "runPython"]) };
      const grammar = new Gbnf(strategyGrammar(space));
      const random = new Random(SEED);
      const counts = new Set<number>();
      const seen = new Set<string>();
      for (let i = 0; i < DRAWS; i++) {
        const names = namesIn(grammar.sample(random));
        counts.add(names.length);
        for (const name of names) seen.add(name);
        expect(new Set(names).size).toBe(names.length);
        expect(canForce(names, space), names.join()).toBe(true);
      }
      expect([...counts].sort()).toEqual([1, 2, 3]);
      expect([...seen].sort()).toEqual([...techniqueNames(space)].sort());
    });
  }

  it("leaves one line where techniques are forced, in the order of the table", () => {
    const space = {
      answer: "number",
      offers: new Set<string>(),
      forced: ["self-consistency", "steps"],
    } as const;
    const line = new Gbnf(strategyGrammar(space)).sample(new Random(SEED));
    expect(line).toBe("ask for the solution step by step; ask for several replies and vote");
    expect(line).toBe(strategyLine(["steps", "self-consistency"]));
  });
});

describe("SENTENCE_GRAMMAR", () => {
  it("is one bounded sentence on one line", () => {
    const grammar = new Gbnf(SENTENCE_GRAMMAR);
    const random = new Random(SEED);
    for (let i = 0; i < DRAWS; i++) expect(grammar.sample(random)).toMatch(/^[A-Z][\w ,'-]{20,140}\.$/);
    expect(longestSentence(grammar)).toBe(142);
  });
});
