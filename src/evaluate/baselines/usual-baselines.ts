/** @file The usual baselines: episodes start from them, and every result is compared with them. */
import type { TaskKind } from "../../tasks/task.js";
import { type AnswerKind, problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";
import { codeBaselines } from "./code-baselines.js";
import { robotBaselines } from "./robot-baselines.js";
import { writingBaselines } from "./writing-baselines.js";

/** Form of the answer that a workflow returns for a task. */
export function answerKind(task: { kind: TaskKind; metric: string }): AnswerKind {
  if (task.kind === "choice") return "choice";
  if (task.kind === "code") return "code";
  if (task.kind === "robot") return "commands";
  if (task.metric === "writing") return "writing";
  return task.metric === "exact-number" ? "number" : "text";
}

function single(kind: AnswerKind, hasContext: boolean, instruction: string, call: string): string {
  return `export default async function workflow(agent, task) {
  const [reply] = await ${call}(\`${problemTemplate(kind, hasContext)}\\n\\n${instruction}${STATE_FORMAT[kind]}\`);
  return ${READ_REPLY[kind]};
}
`;
}

/**
 * Direct, chain of thought and self-consistency × 5 on the executor, and the local model alone.
 * @source the first three are the starting workflows of the paper's reference code (GSM-Hard).
 */
export function usualBaselines(kind: AnswerKind, hasContext = false): Baseline[] {
  if (kind === "code") return codeBaselines();
  if (kind === "commands") return robotBaselines();
  if (kind === "writing") return writingBaselines();
  const steps = "Think step by step. ";
  return [
    {
      name: "direct",
      title: "executor alone, direct",
      source: single(kind, hasContext, "", "agent.text"),
    },
    {
      name: "chain-of-thought",
      title: "executor alone, step by step",
      source: single(kind, hasContext, steps, "agent.text"),
    },
    {
      name: "self-consistency",
      title: "executor alone, five votes",
      source: `export default async function workflow(agent, task) {
  const replies = await agent.text(\`${problemTemplate(kind, hasContext)}\\n\\n${steps}${STATE_FORMAT[kind]}\`, { n: 5, temperature: 0.7 });
  return vote(replies.map((reply) => ${READ_REPLY[kind]}));
}
`,
    },
    {
      name: "weak-alone",
      title: "local model alone, step by step",
      source: single(kind, hasContext, steps, "agent.weak.text"),
    },
  ];
}
