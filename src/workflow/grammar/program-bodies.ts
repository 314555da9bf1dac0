/** @file Bodies that ask for a Python program and run it: what it prints is the answer. */
import { cut } from "../../core/figure-format.js";
import type { AnswerKind } from "../answer-kind.js";
import {
  ask,
  type Body,
  type BodyContext,
  END,
  GIVE_BACK,
  manyReplies,
  phrasesOf,
  problemLine,
} from "./body.js";
import { anyOf, inside, literal, template, templateText } from "./gbnf-text.js";

const MAX_DESCRIPTION = 300;

/** Expressions over the variable `run` that make an answer of what a program printed. */
export const READ_RUN: Readonly<Partial<Record<AnswerKind, string>>> = {
  number: "number(run.stdout)",
  choice: "choice(run.stdout, task.choices)",
  // Asked for plain text, small models print a guess; asked to print what they compute, often a list.
  text: "printed(run.stdout)",
};

export const PROGRAM_BODIES = {
  program: {
    techniques: ["program"],
    // A program is asked for and nothing else: steps or the answer's form would be about another reply.
    room: ["temperature", "model"],
    rules: (context) => ({
      program: `${askedAndRun("reply")} ${literal(`  return ${READ_RUN[context.answer]};\n`)}`,
      ...requestRules(context),
    }),
  },
  "code-then-words": {
    techniques: ["code-then-words"],
    room: ["instruction", "temperature", "model"],
    rules: (context) => ({
      "code-then-words": `${askedAndRun("program")} found-or-words`,
      "found-or-words": foundOrWords(context),
      ...requestRules(context),
    }),
  },
  "program-vote": {
    techniques: ["program-vote"],
    room: ["instruction", "model"],
    rules: (context) => {
      const read = `vote(runs.map((run) => ${READ_RUN[context.answer]}))`;
      const isWordy = context.forced.some(
        (name) => !["program-vote", "expert-role", "other-model"].includes(name),
      );
      const words = `${literal(`  const found = ${read};\n  if (found !== "") return found;\n`)} words`;
      return {
        "program-vote": `${ask("replies")} request programs-options ${END} ${literal("  const runs = await Promise.all(replies.map((reply) => agent.runPython(code(reply))));\n")} ${isWordy ? words : `(${literal(`  return ${read};\n`)} | ${words})`}`,
        "programs-options": `${manyReplies(phrasesOf("program-vote"))} more-options ${literal(" }")}`,
        words: `${ask("[reply]")} prompt ${END} ${GIVE_BACK}`,
        ...requestRules(context),
      };
    },
  },
  "extract-compute": {
    techniques: ["extract-compute"],
    room: ["instruction", "temperature", "model"],
    rules: (context) => ({
      "extract-compute": [
        problemLine(context.problem),
        ask("[given]"),
        template(inside("${problem}\n\n"), anyOf(phrasesOf("extract-compute"))),
        END,
        literal("  const values = code(given) || given;\n"),
        ask("[program]"),
        template(
          inside(
            `\${problem}\n\n<found>\n\${values}\n</found>\n\n${programRequest("Write a Python program that reads these values from standard input and prints only the answer. Give it in one code block.", context.answer)}`,
          ),
        ),
        "program-options",
        END,
        run("program", "values"),
        "found-or-words",
      ].join(" "),
      "found-or-words": foundOrWords(context),
    }),
  },
  "one-program": {
    techniques: ["one-program"],
    room: ["instruction", "temperature", "model"],
    // Examples near to the item would make its prompt another one for each.
    may: ["few-shot", "worked-examples"],
    rules: (context) => oneProgram(context),
  },
} as const satisfies Record<string, Body>;

/** Request for a program as the kind of answer wants it: of choices the letter is computed and printed. */
export function programRequest(request: string, answer: AnswerKind): string {
  return answer === "choice" ? request.replace("the answer", "the letter of the right option") : request;
}

/** What a program reads from standard input: everything a solver needs to see. */
function stdin({ answer, options: { context }, problem }: BodyContext): string {
  return answer === "choice" || context ? template(problem) : literal("task.question");
}

function run(reply: string, input: string): string {
  return literal(`  const run = await agent.runPython(code(${reply}), { stdin: ${input} });\n`);
}

/** A call for a program that holds the question, and its run. */
function askedAndRun(reply: string): string {
  return `${ask(`[${reply}]`)} request program-options ${literal(`);\n  const run = await agent.runPython(code(${reply})`)} ${END}`;
}

function requestRules({ problem, answer }: BodyContext): Record<string, string> {
  const request = anyOf(phrasesOf("program").map((phrase) => programRequest(phrase, answer)));
  return { request: template(problem, inside("\n\n"), request, "more-words") };
}

/** What the program printed, or a reply by words where that is nothing. */
function foundOrWords({ answer }: BodyContext): string {
  return `${literal(`  const found = ${READ_RUN[answer]};\n  if (run.ok && found !== "") return found;\n`)} ${ask("[reply]")} prompt ${END} ${GIVE_BACK}`;
}

/** Its first prompt holds nothing of the item, so that it is one call for all of them, and paid once. */
function oneProgram(context: BodyContext): Record<string, string> {
  const { answer, allowed, forced, options } = context;
  const description = cut((options.description ?? "").replace(/\s+/g, " ").trim(), MAX_DESCRIPTION);
  const task = literal(`Task: ${templateText(description)}\\n\\n`);
  const request = `${anyOf(phrasesOf("one-program").map((phrase) => programRequest(phrase, answer)))}`;
  const asked = `${ask("[program]")} ${template(task, request)}`;
  const shown = `constant-examples ${ask("[program]")} ${template(task, inside("<examples>\n${shots}\n</examples>\n\n"), request)}`;
  const isShown = ["few-shot", "worked-examples"].some((name) => forced.includes(name));
  const begin = !allowed.includes("few-shot") ? asked : isShown ? shown : `(${asked} | ${shown})`;
  return {
    "one-program": `${begin} program-options ${literal(");\n  const run = await agent.runPython(code(program), { stdin: ")} ${stdin(context)} ${literal(" });\n")} found-or-words`,
    "found-or-words": foundOrWords(context),
  };
}
