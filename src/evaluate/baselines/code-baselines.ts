/** @file Baselines of code tasks: who writes, who criticises, and what the public tests decide. */
import { STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { Baseline } from "./baseline.js";

/** The prompt and what may be known of the tests, as a variable of the workflow. */
const PROBLEM = `  const tests = task.publicTests.join("\\n");
  const problem = \`\${task.prompt}\\n\\n\${tests && \`It must pass:\\n\${tests}\\n\\n\`}${STATE_FORMAT.code}\`;
`;

function workflow(body: string): string {
  return `export default async function workflow(agent, task) {\n${PROBLEM}${body}}\n`;
}

/**
 * Direct on either model, weak generator with strong critic, generate–test–repair, and several weak programs ranked by
 * the public tests. A program is right or wrong as a whole, so there is no vote among them.
 */
export function codeBaselines(): Baseline[] {
  return [
    {
      name: "direct",
      title: "executor alone, direct",
      source: workflow(`  const [reply] = await agent.text(problem);
  return code(reply);
`),
    },
    {
      name: "generate-test-repair",
      title: "executor with public tests and two repairs",
      source: workflow(`  let program = code((await agent.text(problem))[0]);
  for (let repair = 0; repair < 2; repair++) {
    const { failed, errors } = await agent.test(program);
    if (failed === 0) break;
    const [reply] = await agent.text(
      \`\${problem}\\n\\nThis program:\\n\${program}\\n\\nfails:\\n\${errors.join("\\n")}\\n\\nGive the corrected program.\`,
    );
    program = code(reply);
  }
  return program;
`),
    },
    {
      name: "weak-alone",
      title: "local model alone, direct",
      source: workflow(`  const [reply] = await agent.weak.text(problem);
  return code(reply);
`),
    },
    {
      name: "weak-generator-strong-critic",
      title: "local model writes, executor criticises and corrects",
      source: workflow(`  const [draft] = await agent.weak.text(problem);
  const program = code(draft);
  const { failed, errors } = await agent.test(program);
  const result = failed === 0 ? "It passes these tests." : \`It fails:\\n\${errors.join("\\n")}\`;
  const [reply] = await agent.text(
    \`\${problem}\\n\\nA weaker model wrote:\\n\${program}\\n\\n\${result}\\nFind its mistakes, then give the right program.\`,
  );
  return code(reply);
`),
    },
    {
      name: "weak-ranked-by-tests",
      title: "four programs of the local model, ranked by public tests; the executor where all fail",
      source: workflow(`  const drafts = await agent.weak.text(problem, { n: 4, temperature: 0.8 });
  let best = { program: "", passed: -1, failed: 1, errors: [] };
  for (const draft of drafts) {
    const program = code(draft);
    const { passed, failed, errors } = await agent.test(program);
    if (passed > best.passed) best = { program, passed, failed, errors };
    if (failed === 0) return program;
  }
  const [reply] = await agent.text(
    \`\${problem}\\n\\nThe best draft so far:\\n\${best.program}\\n\\nfails:\\n\${best.errors.join("\\n")}\\n\\nGive the right program.\`,
  );
  return code(reply);
`),
    },
  ];
}

/** The local model first, and the executor in doubt: asked for by name. */
export function weakFirstCode(): Baseline {
  return {
    name: "weak-first",
    title: "local model writes, executor writes where the public tests fail",
    source: workflow(`  const [draft] = await agent.weak.text(problem);
  const program = code(draft);
  const { failed } = await agent.test(program);
  if (program !== "" && failed === 0) return program;
  const [reply] = await agent.text(problem);
  return code(reply);
`),
  };
}
