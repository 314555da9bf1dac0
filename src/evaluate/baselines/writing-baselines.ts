/** @file Baselines of writing tasks. A text is not voted on: drafts are criticised, or put together. */
import { READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

const FORMAT = STATE_FORMAT.writing;
const READ = READ_REPLY.writing;

function workflow(body: string): string {
  return `export default async function workflow(agent, task) {\n${body}}\n`;
}

/** Direct on either model, draft–critique–refine on the executor, and weak drafts that the executor makes one text of. */
export function writingBaselines(): Baseline[] {
  return [
    {
      name: "direct",
      title: "executor alone, direct",
      source: workflow(`  const [reply] = await agent.text(\`\${task.question}\\n\\n${FORMAT}\`);
  return ${READ};
`),
    },
    {
      name: "draft-critique-refine",
      title: "executor drafts, criticises and refines",
      source: workflow(`  const [draft] = await agent.text(\`\${task.question}\\n\\n${FORMAT}\`);
  const [critique] = await agent.text(
    \`Request:\\n\${task.question}\\n\\nDraft:\\n\${draft}\\n\\nGo through the request point by point and name, in a short list, what the draft breaks.\`,
  );
  const [reply] = await agent.text(
    \`Request:\\n\${task.question}\\n\\nDraft:\\n\${draft}\\n\\nCritique:\\n\${critique}\\n\\nRewrite the draft so that it keeps every point of the request. ${FORMAT}\`,
  );
  return ${READ};
`),
    },
    {
      name: "weak-drafts-strong-edit",
      title: "three drafts of the local model, one text by the executor",
      source:
        workflow(`  const drafts = await agent.weak.text(\`\${task.question}\\n\\n${FORMAT}\`, { n: 3, temperature: 0.8 });
  const [reply] = await agent.text(
    \`Request:\\n\${task.question}\\n\\nDrafts of a weaker writer:\\n\${drafts.join("\\n---\\n")}\\n\\nTake what is best in them and write one text that keeps every point of the request. ${FORMAT}\`,
  );
  return ${READ};
`),
    },
    {
      name: "weak-alone",
      title: "local model alone, direct",
      source: workflow(`  const [reply] = await agent.weak.text(\`\${task.question}\\n\\n${FORMAT}\`);
  return ${READ};
`),
    },
  ];
}
