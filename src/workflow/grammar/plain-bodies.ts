/** @file Bodies that ask, vote, check, criticise, draft with the local model, or look something up first. */
import { READ_REPLY } from "../answer-kind.js";
import { TECHNIQUES } from "../techniques.js";
import { SHOW_FOUND, toolLookups } from "../tool-lookups.js";
import { ask, type Body, type BodyContext, END, GIVE_BACK, manyReplies, phrasesOf, VOTED } from "./body.js";
import { anyOf, inside, literal, template } from "./gbnf-text.js";

const SOLVE_AFTER_DRAFTS = [
  "Some of them are wrong. Solve the problem and give the right answer.",
  "Use what is right in them and solve the problem.",
];
const EDIT_DRAFTS = [
  "Take what is best in them and write one text that keeps every point of the request.",
  "Choose the best of them and mend what breaks the request.",
];
const REWRITE = "Rewrite the draft so that it keeps every point of the request.";

export const PLAIN_BODIES = {
  single: {
    techniques: [],
    room: ["instruction", "temperature", "length", "model", "examples"],
    rules: (context) => ({ single: askedOnce(context, ask("[reply]"), `one-options ${END} ${GIVE_BACK}`) }),
  },
  json: {
    techniques: [],
    room: ["instruction", "temperature", "length", "model"],
    answers: ["number", "choice", "text", "commands"],
    rules: ({ answer }) => {
      const value = READ_REPLY[answer].replaceAll("reply", "answer");
      return {
        json: `${ask("{ answer }", "json")} prompt ${literal(', ["reasoning", "answer"]')} one-options ${END} ${literal(`  return ${answer === "text" || answer === "commands" ? "answer" : value};\n`)}`,
      };
    },
  },
  vote: {
    techniques: ["self-consistency"],
    room: ["instruction", "length", "model", "examples"],
    rules: (context) => ({ vote: askedOnce(context, ask("replies"), `many-options ${END} ${VOTED}`) }),
  },
  check: {
    techniques: ["check-draft"],
    room: ["instruction", "temperature", "length", "model"],
    rules: (context) => ({
      check: `${ask("[draft]")} prompt one-options ${END} ${ask("[reply]")} review one-options ${END} ${GIVE_BACK}`,
      review: review(context),
    }),
  },
  "check-vote": {
    techniques: ["check-draft", "self-consistency"],
    room: ["instruction", "length", "model"],
    rules: (context) => ({
      "check-vote": `${ask("drafts")} prompt many-options ${END} ${literal("  const replies = [];\n  for (const draft of drafts) {\n    const [reply] = await agent.text(")} review one-options-free ${literal(");\n    replies.push(reply);\n  }\n")} ${VOTED}`,
      review: review(context),
    }),
  },
  weak: {
    techniques: ["weak-drafts"],
    room: ["instruction", "temperature", "length", "model"],
    rules: ({ answer, problem }) => ({
      weak: `${ask("drafts", "weak.text")} prompt ${manyReplies(phrasesOf("weak-drafts"))} ${literal(" }")} ${END} ${ask("[reply]")} synthesis one-options ${END} ${GIVE_BACK}`,
      synthesis: template(
        problem,
        inside('\n\nDrafts of a weaker model:\n${drafts.join("\n---\n")}\n\n'),
        `${anyOf(answer === "writing" ? EDIT_DRAFTS : SOLVE_AFTER_DRAFTS)} closing`,
      ),
    }),
  },
  critique: {
    techniques: ["critique-draft"],
    room: ["instruction", "temperature", "length", "model"],
    rules: ({ problem }) => ({
      critique: `${ask("[draft]")} prompt one-options ${END} ${ask("[critique]")} remarks ${END} ${ask("[reply]")} rewrite one-options ${END} ${GIVE_BACK}`,
      remarks: template(problem, inside("\n\nDraft:\n${draft}\n\n"), anyOf(phrasesOf("critique-draft"))),
      rewrite: template(
        problem,
        inside(`\n\nDraft:\n\${draft}\n\nCritique:\n\${critique}\n\n${REWRITE}`),
        "closing",
      ),
    }),
  },
  tool: {
    techniques: ["tool-lookup"],
    room: ["instruction", "temperature", "length", "model"],
    rules: (context) => ({
      tool: `lookup ${ask("[reply]")} found-prompt one-options ${END} ${GIVE_BACK}`,
      ...lookupRules(context),
    }),
  },
  "tool-vote": {
    techniques: ["tool-lookup", "self-consistency"],
    room: ["instruction", "length", "model"],
    rules: (context) => ({
      "tool-vote": `lookup ${ask("replies")} found-prompt many-options ${END} ${VOTED}`,
      ...lookupRules(context),
    }),
  },
} as const satisfies Record<string, Body>;

/** The call alone, or with solved examples before the problem where they are offered. */
function askedOnce(context: BodyContext, begin: string, end: string): string {
  const { allowed, forced } = context;
  if (!allowed.includes("few-shot")) return `${begin} prompt ${end}`;
  const shown = `examples ${begin} examples-prompt ${end}`;
  const isForced = TECHNIQUES.some(({ name, slot }) => slot === "examples" && forced.includes(name));
  return isForced ? shown : `(${begin} prompt ${end} | ${shown})`;
}

function review({ problem }: BodyContext): string {
  return template(problem, inside("\n\nDraft:\n${draft}\n\n"), `${anyOf(phrasesOf("check-draft"))} closing`);
}

/** One call of a tool, and the prompt that shows what it found before the problem. */
function lookupRules({ options, problem }: BodyContext): Record<string, string> {
  const lookups = toolLookups(options).map((pieces) => pieces.map(anyOf).join(" "));
  return {
    lookup: lookups.length === 1 ? lookups[0]! : `(${lookups.join(" | ")})`,
    "found-prompt": template(literal(SHOW_FOUND), problem, literal("\\n\\n"), "instructions"),
  };
}
