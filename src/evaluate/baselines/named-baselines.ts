/** @file All baselines by name, with those in which the local model and the executor work together. */
import {
  ANSWER_KINDS,
  type AnswerKind,
  problemTemplate,
  READ_REPLY,
  STATE_FORMAT,
} from "../../workflow/answer-kind.js";
import { workflowHash } from "../../workflow/workflow-hash.js";
import type { Baseline } from "./baseline.js";
import { weakFirstCode } from "./code-baselines.js";
import { exampleBaselines } from "./example-baselines.js";
import { programBaselines } from "./program-baselines.js";
import { qaBaselines } from "./qa-baselines.js";
import { usualBaselines } from "./usual-baselines.js";

/** Every baseline there is for a kind of answer, by name. Code, robot and writing tasks bring their own cooperative ones. */
export function namedBaselines(kind: AnswerKind, hasContext: boolean): Baseline[] {
  const usual = usualBaselines(kind, hasContext);
  if (kind === "code") return [...usual, weakFirstCode()];
  if (kind === "commands" || kind === "writing") return usual;
  return [
    ...usual,
    ...programBaselines(kind, hasContext),
    ...cooperativeBaselines(kind, hasContext),
    ...qaBaselines(kind, hasContext),
    ...exampleBaselines(kind, hasContext),
  ];
}

/** Every baseline of every kind of answer, with and without a context. */
export function knownBaselines(): (Baseline & { hash: string })[] {
  return ANSWER_KINDS.flatMap((kind) => [...namedBaselines(kind, true), ...namedBaselines(kind, false)]).map(
    (baseline) => ({ ...baseline, hash: workflowHash(baseline.source) }),
  );
}

function workflow(kind: AnswerKind, hasContext: boolean, body: string): string {
  return `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate(kind, hasContext)}\`;
  const ask = \`\${problem}\\n\\nThink step by step. ${STATE_FORMAT[kind]}\`;
${body}}
`;
}

/**
 * One weak draft that is always checked; weak votes that bring in the executor only where they disagree; weak answers
 * out of which the executor makes one.
 */
function cooperativeBaselines(kind: AnswerKind, hasContext: boolean): Baseline[] {
  const read = READ_REPLY[kind];
  const votes = `  const replies = await agent.weak.text(ask, { n: 3, temperature: 0.7 });
  const answers = replies.map((reply) => ${read});
`;
  return [
    {
      name: "weak-draft-strong-check",
      title: "local model drafts, executor checks and corrects",
      source: workflow(
        kind,
        hasContext,
        `  const [draft] = await agent.weak.text(ask);
  const [reply] = await agent.text(
    \`\${problem}\\n\\nDraft:\\n\${draft}\\n\\nCheck this draft for mistakes step by step and correct it. ${STATE_FORMAT[kind]}\`,
  );
  return ${read};
`,
      ),
    },
    {
      name: "weak-first",
      formerName: "weak-votes-strong-in-doubt",
      title: "three votes of the local model, the executor where they disagree",
      source: workflow(
        kind,
        hasContext,
        `${votes}  const [first] = answers;
  // Three replies without an answer are no agreement.
  if ((first || first === 0) && answers.every((answer) => answer === first)) return first;
  const [reply] = await agent.text(ask);
  return ${read};
`,
      ),
    },
    {
      name: "weak-drafts-strong-synthesis",
      title: "three answers of the local model, the executor makes one of them",
      source: workflow(
        kind,
        hasContext,
        `${votes}  const listed = answers.map((answer, i) => \`Answer \${i + 1}: \${answer}\`).join("\\n");
  const [reply] = await agent.text(
    \`\${problem}\\n\\nThree proposed answers:\\n\${listed}\\n\\nCheck them step by step, then decide. ${STATE_FORMAT[kind]}\`,
  );
  return ${read};
`,
      ),
    },
  ];
}
