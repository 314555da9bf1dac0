/** @file Baselines in which the executor writes a Python program that is run. */
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import { phrasesOf } from "../../workflow/grammar/body.js";
import { programRequest, READ_RUN } from "../../workflow/grammar/program-bodies.js";
import type { Baseline } from "./baseline.js";

type PrintedKind = Exclude<AnswerKind, "code" | "commands" | "writing">;

/**
 * One program an item, without and with an answer by words where the program fails or prints nothing. It is asked for as designs
 * ask for it, so that what is compared is when to ask.
 * @source Chen et al. 2022, arXiv 2211.12588 (program of thoughts); Gao et al. 2022, arXiv 2211.10435
 */
export function programBaselines(kind: PrintedKind, hasContext: boolean): Baseline[] {
  const request = programRequest(phrasesOf("program")[0] ?? "", kind);
  const begin = `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate(kind, hasContext)}\`;
  const [program] = await agent.text(\`\${problem}\\n\\n${request}\`);
  const run = await agent.runPython(code(program));
`;
  return [
    {
      name: "always-code",
      title: "executor writes a program, its output is the answer",
      source: `${begin}  return run.ok ? ${READ_RUN[kind]} : "";
}
`,
    },
    {
      name: "code-then-words",
      title: "executor writes a program, and answers by words where it fails",
      source: `${begin}  const computed = run.ok ? ${READ_RUN[kind]} : "";
  if (computed !== "") return computed;
  const [reply] = await agent.text(\`\${problem}\\n\\nThink step by step. ${STATE_FORMAT[kind]}\`);
  return ${READ_REPLY[kind]};
}
`,
    },
  ];
}
