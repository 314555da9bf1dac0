/** @file Family: number sequences made by a rule; a later term is asked. */
import { type FamilyDefinition, plainNumber, scaled, scaledSize } from "./family.js";

type SequenceProblem = { shown: number; asked: number } & (
  | { rule: "add"; start: number; step: number }
  | { rule: "multiply"; start: number; factor: number; plus: number }
  | { rule: "growing"; start: number; step: number; growth: number }
  | { rule: "sum-of-two"; first: number; second: number }
  | { rule: "alternate"; start: number; up: number; down: number }
);

/** Terms 1 to `count`. */
function terms(problem: SequenceProblem, count: number): number[] {
  const list: number[] = [];
  for (let i = 0; i < count; i++) {
    const last = list.at(-1) ?? 0;
    switch (problem.rule) {
      case "add":
        list.push(problem.start + i * problem.step);
        break;
      case "multiply":
        list.push(i === 0 ? problem.start : last * problem.factor + problem.plus);
        break;
      case "growing":
        list.push(i === 0 ? problem.start : last + problem.step + (i - 1) * problem.growth);
        break;
      case "sum-of-two":
        list.push(i === 0 ? problem.first : i === 1 ? problem.second : last + list.at(-2)!);
        break;
      case "alternate":
        list.push(i === 0 ? problem.start : i % 2 === 1 ? last + problem.up : last - problem.down);
        break;
    }
  }
  return list;
}

function ruleText(problem: SequenceProblem): string {
  switch (problem.rule) {
    case "add":
      return `each term is the one before plus ${problem.step}`;
    case "multiply":
      return `each term is the one before times ${problem.factor}${problem.plus === 0 ? "" : `, plus ${problem.plus}`}`;
    case "growing":
      return `the differences start at ${problem.step} and grow by ${problem.growth}`;
    case "sum-of-two":
      return "each term is the sum of the two before";
    case "alternate":
      return `the terms go up by ${problem.up} and down by ${problem.down} in turn`;
  }
}

export const sequences: FamilyDefinition<SequenceProblem> = {
  name: "sequences",
  title: "Number sequences (generated)",
  kind: "math",
  metric: "exact-number",
  description: "A number sequence with a simple rule; a later term is asked. The answer is one whole number.",
  version: 1,

  make(random, difficulty) {
    const rules = ["add", "alternate", "growing", "sum-of-two", "multiply"] as const;
    const rule = rules[Math.min(4, random.integer(0, 1 + scaled(difficulty, 0, 3)))]!;
    const size = scaledSize(difficulty, 8, 60);
    const shown = 5;
    const asked = shown + random.integer(1, 1 + scaled(difficulty, 0, 3));
    const small = () => random.integer(2, size);
    switch (rule) {
      case "add":
        return { rule, shown, asked, start: small(), step: small() };
      case "alternate": {
        const down = random.integer(1, 9);
        return { rule, shown, asked, start: small() + 10, up: down + random.integer(1, 9), down };
      }
      case "growing":
        return {
          rule,
          shown,
          asked,
          start: small(),
          step: random.integer(1, 9),
          growth: random.integer(1, 4),
        };
      case "sum-of-two":
        return { rule, shown, asked, first: small(), second: small() };
      case "multiply":
        return {
          rule,
          shown,
          asked,
          start: random.integer(2, 7),
          factor: random.integer(2, 3),
          plus: random.integer(0, 4),
        };
    }
  },

  solve(problem) {
    const list = terms(problem, problem.asked);
    const more = list
      .slice(problem.shown)
      .map((value, index) => `term ${problem.shown + index + 1} = ${value}`);
    return { answer: plainNumber(list.at(-1)!), steps: [ruleText(problem), more.join(", ")] };
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
    return { question: `A sequence begins ${shown}, … Its rule is: ${ruleText(problem)}. ${ask}` };
  },
};
