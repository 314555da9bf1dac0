/** @file How a workflow of the subset calls a user's tool: source texts in pieces, each with its alternatives. */
import { cut } from "../core/figure-format.js";
import { type AnswerKind, problemTemplate } from "./answer-kind.js";
import { templateText } from "./grammar/gbnf-text.js";
import type { ToolCard } from "./tool.js";
import { fillableKeys, questionInput, schemaText } from "./tool-schema.js";
import { callSpec } from "./workflow-api.js";

/** Findings of a tool inside a template literal; the tag sets them apart from what is asked. */
export const SHOW_FOUND = "<found>\\n${JSON.stringify(found)}\\n</found>\\n\\n";

/** Tools that a grammar names at most: each costs tokens in every sentence that could call it. */
const MAX_TOOLS = 8;
const MAX_DESCRIPTION = 120;

/**
 * The lines that call a tool and leave its result in `found`: straight from the question, or with an input that the
 * strong model fills in. Tools whose input needs more than texts, choices and numbers are left out.
 */
export function toolLookups({
  answer,
  context = false,
  tools = [],
}: {
  answer: AnswerKind;
  context?: boolean | undefined;
  tools?: readonly ToolCard[] | undefined;
}): string[][][] {
  const call = callSpec("tool")?.name ?? "";
  return tools.slice(0, MAX_TOOLS).flatMap(({ name, description, input }) => {
    const begin = `  const found = await agent.${call}("${name}", `;
    const direct = questionInput(input);
    const keys = fillableKeys(input);
    const about = templateText(
      `\n\nThe tool ${name} can help. ${cut(description, MAX_DESCRIPTION)} Its input: ${schemaText(input)}. Write the input that helps here.`,
    );
    return [
      ...(direct ? [[[begin], ...direct, [");\n"]]] : []),
      ...(keys
        ? [
            [
              [
                `  const input = await agent.json(\`${problemTemplate(answer, context)}${about}\`, ${JSON.stringify(keys)});\n${begin}input);\n`,
              ],
            ],
          ]
        : []),
    ];
  });
}
