/** @file Family: number sequences made by a rule; a later term is asked. */
import type { Random } from "../../core/random.js";
import { type FamilyDefinition, plainNumber, scaled, scaledSize } from "./family.js";

interface SequenceProblem {
  shown: number;
  asked: number;
  rule: Rule;
}

/** A rule with its numbers drawn. */
interface Rule {
  text: string;
  /** The term at a place from 0, from those before it. */
  term(place: number, last: number, beforeLast: number): number;
}

/** Draws of rules, the easy ones first; `size` is the largest usual number. */
const RULES: readonly ((random: Random, size: number) => Rule)[] = [
  function plus(random, size) {
    const [start, step] = [random.integer(2, size), random.integer(2, size)];
    return { text: `each term is the one before plus ${step}`, term: (place) => start + place * step };
  },
  function upAndDown(random, size) {
    const down = random.integer(1, 9);
    const start = random.integer(2, size) + 10;
    const up = down + random.integer(1, 9);
    return {
      text: `the terms go up by ${up} and down by ${down} in turn`,
      term: (place, last) => (place === 0 ? start : place % 2 === 1 ? last + up : last - down),
    };
  },
  function growing(random, size) {
    const [start, step, growth] = [random.integer(2, size), random.integer(1, 9), random.integer(1, 4)];
    return {
      text: `the differences start at ${step} and grow by ${growth}`,
      term: (place, last) => (place === 0 ? start : last + step + (place - 1) * growth),
    };
  },
  function sumOfTwo(random, size) {
    const [first, second] = [random.integer(2, size), random.integer(2, size)];
    return {
      text: "each term is the sum of the two before",
      term: (place, last, beforeLast) => (place === 0 ? first : place === 1 ? second : last + beforeLast),
    };
  },
  function times(random) {
    const [start, factor, plus] = [random.integer(2, 7), random.integer(2, 3), random.integer(0, 4)];
    return {
      text: `each term is the one before times ${factor}${plus === 0 ? "" : `, plus ${plus}`}`,
      term: (place, last) => (place === 0 ? start : last * factor + plus),
    };
  },
];

/** Terms 1 to `count`. */
function terms({ rule }: SequenceProblem, count: number): number[] {
  const list: number[] = [];
  while (list.length < count) list.push(rule.term(list.length, list.at(-1) ?? 0, list.at(-2) ?? 0));
  return list;
}

export const sequences: FamilyDefinition<SequenceProblem> = {
  name: "sequences",
  title: "Number sequences (generated)",
  kind: "math",
  metric: "exact-number",
  description: "A number sequence with a simple rule; a later term is asked. The answer is one whole number.",
  version: 1,

  make(random, difficulty) {
    const draw = RULES[Math.min(4, random.integer(0, 1 + scaled(difficulty, 0, 3)))]!;
    const shown = 5;
    const asked = shown + random.integer(1, 1 + scaled(difficulty, 0, 3));
    return { shown, asked, rule: draw(random, scaledSize(difficulty, 8, 60)) };
  },

  solve(problem) {
    const list = terms(problem, problem.asked);
    const more = list
      .slice(problem.shown)
      .map((value, index) => `term ${problem.shown + index + 1} = ${value}`);
    return { answer: plainNumber(list.at(-1)!), steps: [problem.rule.text, more.join(", ")] };
  },

  slips(problem) {
    const list = terms(problem, problem.asked + 1);
    const right = list[problem.asked - 1]!;
    const before = list[problem.asked - 2]!;
    // One term too far or too few; the last difference repeated; a sum off by ten.
    const repeated =
      list[problem.shown - 1]! +
      (list[problem.shown - 1]! - list[problem.shown - 2]!) * (problem.asked - problem.shown);
    return [repeated, list[problem.asked]!, before, right + 10, right - 1].map(plainNumber);
  },

  render(problem) {
    const shown = terms(problem, problem.shown).join(", ");
    const ask =
      problem.asked === problem.shown + 1
        ? "Which number comes next?"
        : `What is term number ${problem.asked}, if ${problem.shown} terms are shown?`;
    return { question: `A sequence begins ${shown}, … Its rule is: ${problem.rule.text}. ${ask}` };
  },
};
