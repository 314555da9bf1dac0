/** @file Bodies of code tasks: the public tests say what has to be repaired, and by whom. */
import { ask, type Body, type BodyContext, phrasesOf } from "./body.js";
import { anyOf, inside, literal, template } from "./gbnf-text.js";

const REPORT = '\n\nProgram:\n${program}\n\nErrors of its tests:\n${errors.join("\n")}\n\n';

export const TEST_BODIES = {
  "test-repair": {
    techniques: ["test-repair"],
    room: ["instruction", "temperature", "model"],
    rules: (context) => ({
      "test-repair": written("text", "program-options", literal("")),
      ...repairRule(context),
    }),
  },
  "test-escalate": {
    techniques: ["test-escalate"],
    room: ["instruction", "temperature"],
    may: ["test-repair", "other-model"],
    rules: (context) => ({
      "test-escalate": written("text", "role-options", `${literal(", { ")} model ${literal(" }")}`),
      ...repairRule(context),
    }),
  },
  "weak-first": {
    techniques: ["weak-first"],
    room: ["instruction", "temperature", "model"],
    may: ["test-repair", "weak-drafts"],
    rules: (context) => ({
      "weak-first": written("weak.text", "role-options", "model-options"),
      ...repairRule(context),
    }),
  },
} as const satisfies Record<string, Body>;

/** A first program, its tests, and repairs by the second call while they fail. */
function written(call: string, firstOptions: string, repairOptions: string): string {
  return [
    ask("[first]", call),
    `prompt ${firstOptions}`,
    literal(");\n  let program = code(first);\n  for (let repair = 0; repair < "),
    anyOf(["1", "2"]),
    literal(
      "; repair++) {\n    const { failed, errors } = await agent.test(program);\n    if (failed === 0) break;\n    const [reply] = await agent.text(",
    ),
    `repair ${repairOptions}`,
    literal(");\n    program = code(reply) || program;\n  }\n  return program;\n"),
  ].join(" ");
}

function repairRule({ problem }: BodyContext): Record<string, string> {
  return { repair: template(problem, inside(REPORT), anyOf(phrasesOf("test-repair"))) };
}
