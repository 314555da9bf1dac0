/** @file Baselines in which the executor writes a Python program that is run. */
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

type PrintedKind = Exclude<AnswerKind, "code" | "commands" | "writing">;

/** What the program is to print. */
const PRINTED: Readonly<Record<PrintedKind, string>> = {
  number: "only the answer",
  choice: "only the letter of the right option",
  text: "only the answer, as plain text and not as a list",
};

/** Expressions over the variable `printed` that make an answer of it; "" where it holds none. */
const READ_PRINTED: Readonly<Record<PrintedKind, string>> = {
  number: "number(printed)",
  choice: "choice(printed, task.choices)",
  text: "printed.trim()",
};

/**
 * One program an item, without and with an answer by words where the program fails or prints nothing.
 * @source Chen et al. 2022, arXiv 2211.12588 (program of thoughts); Gao et al. 2022, arXiv 2211.10435
 */
export function programBaselines(kind: PrintedKind, hasContext: boolean): Baseline[] {
  const begin = `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate(kind, hasContext)}\`;
  const [program] = await agent.text(\`\${problem}\\n\\nWrite a short Python program that solves this and prints ${PRINTED[kind]}. Give it in one code block.\`);
  const { ok, stdout: printed } = await agent.runPython(code(program));
`;
  return [
    {
      name: "always-code",
      title: "executor writes a program, its output is the answer",
      source: `${begin}  return ok ? ${READ_PRINTED[kind]} : "";
}
`,
    },
    {
      name: "code-then-words",
      title: "executor writes a program, and answers by words where it fails",
      source: `${begin}  const computed = ok ? ${READ_PRINTED[kind]} : "";
  if (computed !== "") return computed;
  const [reply] = await agent.text(\`\${problem}\\n\\nThink step by step. ${STATE_FORMAT[kind]}\`);
  return ${READ_REPLY[kind]};
}
`,
    },
  ];
}
