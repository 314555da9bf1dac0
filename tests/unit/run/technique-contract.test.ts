/** @file What the technique table and the grammar promise is reachable through the offers of production, for some task at least. */
import { describe, expect, it } from "vitest";
import { startsOf } from "../../../src/evaluate/baselines/choose-baselines.js";
import { answerKind, usualBaselines } from "../../../src/evaluate/baselines/usual-baselines.js";
import { Rules } from "../../../src/evaluate/rules.js";
import type { ToolBox } from "../../../src/evaluate/tool-box.js";
import type { WorkflowModels } from "../../../src/evaluate/workflow-agent.js";
import { offersOf } from "../../../src/run/open-bench.js";
import type { SplitName, Task } from "../../../src/tasks/task.js";
import { ANSWER_KINDS, type AnswerKind } from "../../../src/workflow/answer-kind.js";
import {
  BODY_NAMES,
  bodiesFor,
  canForce,
  type SubsetOptions,
  subsetGrammar,
} from "../../../src/workflow/subset-grammar.js";
import { detectTechniques, TECHNIQUES, techniqueNames } from "../../../src/workflow/techniques.js";
import { grammarPattern } from "../nano/grammar-pattern.js";

/** A task of each kind of answer. */
const TASKS: readonly Pick<Task, "kind" | "metric">[] = [
  { kind: "math", metric: "exact-number" },
  { kind: "choice", metric: "choice" },
  { kind: "qa", metric: "exact-match" },
  { kind: "code", metric: "tests" },
  { kind: "robot", metric: "robot" },
  { kind: "text", metric: "writing" },
];
const TOOL = {
  name: "search",
  description: "Finds texts.",
  input: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
};

/** Grammars of a task with each piece of equipment there or not. */
function spaces(task: Pick<Task, "kind" | "metric">): SubsetOptions[] {
  const both = [false, true];
  return both.flatMap((hasWeak) =>
    both.flatMap((hasTools) =>
      both.flatMap((hasAlias) =>
        both.map((hasTrain) => {
          const weak = hasWeak ? ({} as WorkflowModels["executor"]) : undefined;
          const splits: SplitName[] = hasTrain ? ["train", "validation"] : ["validation"];
          const offers = offersOf({ ...task, splits }, { weak }, hasTools ? ({} as ToolBox) : undefined);
          return {
            ...{ answer: answerKind(task), offers, tools: hasTools ? [TOOL] : [] },
            ...{ models: hasAlias ? ["strong"] : [], description: "Sums of numbers." },
          };
        }),
      ),
    ),
  );
}

const ALL = TASKS.flatMap(spaces);
const richest = (answer: AnswerKind) => ALL.filter((space) => space.answer === answer).at(-1)!;

describe("offers of production", () => {
  it("there is a task of every kind of answer", () => {
    expect(TASKS.map(answerKind).sort()).toEqual([...ANSWER_KINDS].sort());
  });

  it("programs run where they can print the answer, tests where there are some", () => {
    const offered = (name: string) =>
      TASKS.filter((task) =>
        offersOf({ ...task, splits: ["validation"] }, { weak: undefined }).has(name),
      ).map(answerKind);
    expect(offered("runPython")).toEqual(["number", "choice", "text", "code"]);
    expect(offered("test")).toEqual(["code"]);
  });

  it("rules take away what they forbid", () => {
    const rules = new Rules({ forbid: { calls: ["runPython"] } });
    const task = { ...TASKS[0]!, splits: [] };
    expect(offersOf(task, { weak: undefined }, undefined, rules)).toEqual(new Set());
  });
});

describe("techniques and shapes", () => {
  it.each(TECHNIQUES)("$name can be used for each kind of answer it is declared for", ({ name, answers }) => {
    const reached = ALL.filter((space) => canForce([name], space)).map(({ answer }) => answer);
    expect([...new Set(reached)].sort()).toEqual([...(answers ?? ANSWER_KINDS)].sort());
  });

  it("what is allowed can be written, so that no menu promises too much", () => {
    for (const space of ALL)
      expect(techniqueNames(space).filter((name) => !canForce([name], space))).toEqual([]);
  });

  it.each(BODY_NAMES)("a body of the shape %s is written for some task", (body) => {
    expect(ALL.some((space) => bodiesFor([], space).includes(body))).toBe(true);
  });

  it("each has a source, a meaning of its own and a name of its own", () => {
    for (const { source } of TECHNIQUES) expect(source).toMatch(/^own\b|^[A-Z].+ 20\d\d, arXiv \d{4}\.\d{5}/);
    expect(new Set(TECHNIQUES.map(({ meaning }) => meaning)).size).toBe(TECHNIQUES.length);
    expect(new Set(TECHNIQUES.map(({ name }) => name)).size).toBe(TECHNIQUES.length);
  });
});

/**
 * Seeds that the grammar does not write word for word, with techniques of which it writes a workflow instead: they hold their
 * problem and tests in variables, or ask about the item (its sensors, its aspects) in words of their own kind of task.
 */
const IN_OTHER_WORDS: Partial<Record<AnswerKind, Record<string, readonly string[]>>> = {
  code: {
    direct: ["answer-format"],
    "generate-test-repair": ["test-repair"],
    "weak-generator-strong-critic": ["weak-first"],
    "weak-ranked-by-tests": ["weak-first"],
  },
  commands: {
    direct: ["answer-format"],
    "chain-of-thought": ["steps", "answer-format"],
    "sensors-first": ["sensors-first", "steps"],
    "self-consistency": ["self-consistency", "steps"],
    "weak-commands-strong-sensors": ["weak-drafts", "sensors-first"],
  },
  writing: {
    direct: ["answer-format"],
    "draft-critique-refine": ["critique-draft"],
    "weak-drafts-strong-edit": ["weak-drafts"],
  },
};

describe.each(ANSWER_KINDS)("seed workflows that give %s", (answer) => {
  it.each([false, true])(
    "are sentences of the grammar, or have a counterpart in it (context: %s)",
    (context) => {
      const space = { ...richest(answer), context };
      const pattern = grammarPattern(subsetGrammar(space));
      const seeds = startsOf(usualBaselines(answer, context), "all");
      expect(seeds.length).toBeGreaterThan(1);
      for (const { name, source } of seeds) {
        const isWritten = pattern.test(`The plainest way to ask.\n\`\`\`js\n${source.trimEnd()}\n\`\`\``);
        const counterpart = IN_OTHER_WORDS[answer]?.[name];
        // Without a counterpart nothing can be forced: the name says which seed that is.
        if (!isWritten) expect(canForce(counterpart ?? [name], space), name).toBe(true);
      }
    },
  );
});

it("the recognisers know the techniques of the baselines", () => {
  const repair = usualBaselines("code").find(({ name }) => name === "generate-test-repair")!;
  expect(detectTechniques(repair.source)).toContain("test-repair");
  expect(detectTechniques(repair.source)).not.toContain("test-escalate");
});
