/** @file Bodies that look at a reply before they go on: ask again, escalate, decompose, vote over different prompts. */
import { type AnswerKind, READ_REPLY } from "../answer-kind.js";
import { ask, type Body, type BodyContext, END, GIVE_BACK, phrasesOf, problemLine } from "./body.js";
import { anyOf, inside, literal, oneOf, template } from "./gbnf-text.js";

/** Expressions over `reply` that are "" where it holds no answer in the form that was asked for. */
const STRICT_READ: Record<AnswerKind, string> = {
  ...READ_REPLY,
  text: 'extract(reply, "answer")',
  commands: 'extract(reply, "answer")',
};

/** Ends of the three prompts of a vote, the more different the better. */
const WAYS = [
  ["Think step by step.", "Work through it step by step."],
  ["First list the facts that matter.", "First restate the question in other words."],
  ["Estimate the answer first, then work it out.", "Solve it in two different ways and compare."],
];

export const ROUTING_BODIES = {
  "ask-again": {
    techniques: ["ask-again"],
    room: ["instruction", "temperature", "length", "model"],
    rules: ({ answer, problem }) => ({
      "ask-again": [
        literal("  let [reply] = await agent.text("),
        `stated-prompt one-options ${END}`,
        literal(`  if (reply.isCut || ${STRICT_READ[answer]} === "") {\n    [reply] = await agent.text(`),
        template(problem, inside("\n\n"), anyOf(phrasesOf("ask-again")), `" " format`),
        literal(");\n  }\n"),
        GIVE_BACK,
      ].join(" "),
    }),
  },
  "vote-escalate": {
    techniques: ["escalate"],
    room: ["instruction", "length", "model"],
    may: ["self-consistency", "weak-drafts"],
    rules: (context) => {
      const { options, forced, answer } = context;
      const isWeak = forced.includes("weak-drafts");
      const calls = [...(isWeak ? [] : ["text"]), ...(options.offers.has("weak") ? ["weak.text"] : [])];
      return {
        "vote-escalate": [
          `${oneOf(calls.map((call) => ask("replies", call)))} prompt votes-options ${END}`,
          literal(
            `  const answers = replies.map((reply) => ${READ_REPLY[answer]});\n  if (agreement(answers) >= `,
          ),
          anyOf(phrasesOf("escalate")),
          literal(") return vote(answers);\n"),
          `${ask("[reply]")} ${stepsPrompt(context)} model-options ${END} ${GIVE_BACK}`,
        ].join(" "),
      };
    },
  },
  decompose: {
    techniques: ["decompose"],
    room: ["instruction", "temperature", "length", "model"],
    rules: ({ problem }) => ({
      decompose: [
        problemLine(problem),
        ask("[list]"),
        template(inside("${problem}\n\n"), anyOf(phrasesOf("decompose"))),
        END,
        literal(
          '  const parts = list.split("\\n").filter((line) => line.trim() !== "").slice(0, 4);\n  const solved = await Promise.all(parts.map((part) => agent.text(',
        ),
        template(inside("${problem}\n\nSolve only this part: ${part}")),
        literal(")));\n"),
        ask("[reply]"),
        template(
          inside('${problem}\n\n${parts.map((part, i) => part + "\n" + solved[i][0]).join("\n\n")}\n\n'),
          "instructions",
        ),
        `one-options ${END} ${GIVE_BACK}`,
      ].join(" "),
    }),
  },
  "prompts-vote": {
    techniques: ["prompt-vote"],
    room: ["temperature", "length", "model"],
    rules: ({ problem, answer }) => ({
      "prompts-vote": [
        literal("  const lists = await Promise.all(["),
        WAYS.map((ways) => `${literal('"')} ${anyOf(ways)} ${literal('"')}`).join(` ${literal(", ")} `),
        literal("].map((way) => agent.text("),
        template(problem, inside("\n\n${way} "), "format"),
        "one-options",
        literal(`)));\n  return vote(lists.map(([reply]) => ${READ_REPLY[answer]}));\n`),
      ].join(" "),
    }),
  },
} as const satisfies Record<string, Body>;

/** The plainest careful way to ask. */
function stepsPrompt({ problem }: BodyContext): string {
  return template(problem, inside("\n\n"), anyOf(phrasesOf("steps")), `" " format`);
}
