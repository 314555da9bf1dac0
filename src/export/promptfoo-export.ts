/** @file A configuration of promptfoo: the exported workflow as provider, the validation items as tests. */
import { stringify } from "yaml";
import { parseNumber } from "../core/reply/find-numbers.js";
import { normalizeWords } from "../tasks/scorers/normalize-words.js";
import type { MetricName, Sample, Task } from "../tasks/task.js";
import { visibleTask } from "../tasks/visible-task.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { type ExportedWorkflow, titleText } from "./exported-workflow.js";

/** Folds a text as `normalizeWords` does, but for its rarer rules. */
const FOLD = `const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/[^\\p{L}\\p{N}\\p{M}\\s.-]/gu, " ").split(/\\s+/).filter((word) => !["", "a", "an", "the"].includes(word)).join(" ").replace(/\\.$/, "");`;

/** JavaScript that judges `output`; undefined where a metric has no such form. */
const JUDGES: Partial<Record<MetricName, (sample: Sample) => string | undefined>> = {
  "exact-number": ({ answers }) => {
    const values = answers.flatMap((answer) => parseNumber(answer)?.value ?? []);
    if (values.length === 0) return undefined;
    return `const found = Number(String(output).replaceAll(",", ""));\nreturn ${JSON.stringify(values)}.some((value) => Math.abs(found - value) <= (Number.isInteger(value) ? 1e-6 : 1e-4 * Math.abs(value)));`;
  },
  choice: ({ answers, choices = [] }) => {
    const letter = answers[0] ?? "";
    const option = choices[letter.charCodeAt(0) - 65];
    return `${FOLD}\nreturn ${JSON.stringify([letter, ...(option === undefined ? [] : [option])])}.some((right) => fold(right) === fold(String(output)) || right === String(output).trim());`;
  },
  "exact-match": ({ answers }) =>
    `${FOLD}\nreturn ${JSON.stringify(answers)}.some((right) => fold(right) === fold(String(output)));`,
  f1: ({ answers }) =>
    `${FOLD}
const words = fold(String(output)).split(" ");
const f1 = (right) => {
  const open = [...right];
  const shared = words.filter((word) => open.includes(word) && open.splice(open.indexOf(word), 1)).length;
  return shared === 0 ? 0 : (2 * shared) / (words.length + right.length);
};
return Math.max(...${JSON.stringify(answers.map(normalizeWords))}.map(f1));`,
};

/**
 * @param provider - name of the exported workflow, in the same folder
 * @returns the text of promptfooconfig.yaml, and what a user has to know of it
 */
export function promptfooFile(
  workflow: ExportedWorkflow,
  provider: string,
  { task, items }: { task: Task; items: readonly Sample[] },
): { text: string; warnings: string[] } {
  const judge = JUDGES[task.metric];
  const warnings = judge
    ? []
    : [
        `promptfoo has no assertion for the metric ${task.metric}: the tests show answers without judging them`,
      ];
  const config = {
    description: `${titleText(workflow)}: ${task.name}, ${items.length} validation items`,
    prompts: ["{{question}}"],
    providers: [{ id: `file://${provider}`, label: titleText(workflow) }],
    // Options are one list, not several tests.
    defaultTest: { options: { disableVarExpansion: true } },
    tests: items.map((sample) => {
      const { id, instruction: _, ...vars } = visibleTask(sample);
      const value = judge?.(sample);
      return {
        description: id,
        vars: JSON.parse(JSON.stringify(vars)),
        ...(value === undefined ? {} : { assert: [{ type: "javascript", value }] }),
      };
    }),
  };
  const head = [
    `Workflow ${workflowHash(workflow.source)}, exported by w4s; ${provider} runs it.`,
    "  npm install openai && npx promptfoo eval -c THIS_FILE",
    ...(judge
      ? [`Assertions judge the metric ${task.metric} of the dataset, the rarest spellings apart.`]
      : []),
    ...[...workflow.warnings, ...warnings].map((warning) => `Note: ${warning}.`),
  ];
  return { text: `${head.map((line) => `# ${line}`).join("\n")}\n${stringify(config)}`, warnings };
}
