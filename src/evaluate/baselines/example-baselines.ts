/** @file Baselines that show examples of the train split, by name: what an expert tries first by hand. */
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

function workflow(kind: AnswerKind, hasContext: boolean, call: string, steps: string): string {
  return `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate(kind, hasContext)}\`;
  const shots = fewShot(await ${call});
  const [reply] = await agent.text(\`\${shots}\\n\\nNow this one:\\n\${problem}\\n\\n${steps}${STATE_FORMAT[kind]}\`);
  return ${READ_REPLY[kind]};
}
`;
}

/** Five examples with their answers, and five with solutions of the executor that came out right. */
export function exampleBaselines(kind: AnswerKind, hasContext: boolean): Baseline[] {
  return [
    {
      name: "few-shot-5",
      title: "executor with five examples",
      source: workflow(kind, hasContext, "agent.examples(5)", ""),
    },
    {
      name: "worked-5",
      title: "executor with five worked examples, step by step",
      source: workflow(kind, hasContext, "agent.examples(5, { worked: true })", "Think step by step. "),
    },
  ];
}
