/** @file Baselines of robot tasks: who reads the sensors, who proposes, and who has the last word. */
import { problemTemplate, READ_REPLY, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

const SENSORS =
  "Read the sensors: for each direction give the number of free cells, by the middle one of its three readings. Only the free cells, no command yet.";
const STEPS = "Think step by step. ";

function workflow(body: string): string {
  return `export default async function workflow(agent, task) {
  const problem = \`${problemTemplate("commands", true)}\`;
${body}}
`;
}

const FINDINGS = `  const [findings] = await agent.text(\`\${problem}\\n\\n${SENSORS}\`);
  const known = \`\${problem}\\n\\nWhat the sensors say:\\n\${findings}\`;
`;

/** Called once for every control step; each gives back the next command. */
export function robotBaselines(): Baseline[] {
  const giveBack = `  return ${READ_REPLY.commands};\n`;
  const format = STATE_FORMAT.commands;
  return [
    {
      name: "direct",
      title: "executor alone, direct",
      source: workflow(`  const [reply] = await agent.text(\`\${problem}\\n\\n${format}\`);\n${giveBack}`),
    },
    {
      name: "chain-of-thought",
      title: "executor alone, step by step",
      source: workflow(
        `  const [reply] = await agent.text(\`\${problem}\\n\\n${STEPS}${format}\`);\n${giveBack}`,
      ),
    },
    {
      name: "sensors-first",
      title: "executor reads the sensors, then commands",
      source: workflow(
        `${FINDINGS}  const [reply] = await agent.text(\`\${known}\\n\\n${STEPS}${format}\`);\n${giveBack}`,
      ),
    },
    {
      name: "self-consistency",
      title: "executor alone, five votes",
      source:
        workflow(`  const replies = await agent.text(\`\${problem}\\n\\n${STEPS}${format}\`, { n: 5, temperature: 0.7 });
  return vote(replies.map((reply) => ${READ_REPLY.commands}));
`),
    },
    {
      name: "weak-alone",
      title: "local model alone, step by step",
      source: workflow(
        `  const [reply] = await agent.weak.text(\`\${problem}\\n\\n${STEPS}${format}\`);\n${giveBack}`,
      ),
    },
    {
      name: "weak-commands-strong-sensors",
      title: "executor reads the sensors, local model proposes, executor checks",
      source: workflow(`${FINDINGS}  const [proposal] = await agent.weak.text(\`\${known}\\n\\n${format}\`);
  const [reply] = await agent.text(
    \`\${known}\\n\\nDraft:\\n\${proposal}\\n\\nCheck this draft step by step for mistakes and correct it. ${format}\`,
  );
${giveBack}`),
    },
  ];
}
