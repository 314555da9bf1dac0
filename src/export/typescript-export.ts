/** @file A workflow as one file for Node on the `openai` package: its source, and an agent with what it calls. */
import { basename } from "node:path";
import { THOUGHT_END, THOUGHT_START } from "../llm/read-reply.js";
import type { Example } from "../records/workflow-parts.js";
import { sampleKey } from "../tasks/sample-key.js";
import { GLOBALS } from "../workflow/workflow-api.js";
import { workflowHash } from "../workflow/workflow-hash.js";
import { type ExportedWorkflow, titleText } from "./exported-workflow.js";
import { fillTemplate, runtimeText } from "./fill-template.js";
import { moduleBody } from "./module-body.js";
import { readerSources } from "./reader-sources.js";

/**
 * Limits of a program: those that `w4s run` has. The subprocess is CPython, which takes about a third of the time that Python in
 * WebAssembly does.
 */
export const PROGRAM_LIMITS = {
  wallMs: 20_000,
  memoryBytes: 512 * 2 ** 20,
  outputBytes: 2 ** 20,
  fileBytes: 16 * 2 ** 20,
  programBytes: 256 * 2 ** 10,
};

/**
 * JavaScript that plain Node runs (.js, .mjs), or TypeScript with types at its door (.ts, .mts).
 * @throws {InputError} where the source holds what only the sandbox has
 */
export function typescriptFile(workflow: ExportedWorkflow, outPath: string): string {
  const { features, parts, models, settings } = workflow;
  const name = basename(outPath);
  const about = aboutLines(workflow, [
    `Needs Node 20 and "npm install openai"${features.has("programs") ? ", and Python 3 for programs (PYTHON names it)" : ""}:`,
    "",
    `  ${/ts$/.test(name) ? "npx tsx" : "node"} ${name} --question "…"`,
    `  ${/ts$/.test(name) ? "npx tsx" : "node"} ${name} --input items.jsonl --concurrency 4 > answers.jsonl`,
    "",
    `or from a program: import { answer } from "./${name}"`,
  ]);
  const json = (value: unknown) => JSON.stringify(value, null, 2) ?? "undefined";
  const text = fillTemplate(runtimeText("workflow.mjs"), "//#", features, {
    ABOUT: about.map((line) => ` * ${line.replaceAll("*/", "* /")}`.trimEnd()).join("\n"),
    NAME: name,
    TITLE: titleText(workflow),
    MODELS: json(models),
    SETTINGS: json(settings),
    INSTRUCTION: json(parts?.instruction),
    HELPERS: [...GLOBALS.map((one) => one.name), "isCut", "console"].join(", "),
    WORKFLOW: moduleBody(workflow.source),
    CLOSING: String(THOUGHT_END),
    OPENING: String(THOUGHT_START),
    PROGRAM_LIMITS: json(PROGRAM_LIMITS),
    PROGRAM_SOURCE: json(runtimeText("program.py")),
    EXAMPLES: json(distinct(parts?.examples ?? [])),
    WORKED: json(distinct(parts?.worked ?? [])),
    FUNCTIONS: readerSources(features),
  });
  const isTyped = /ts$/.test(name);
  return text
    .replace(/^\/\/ts ?(.*)\n/gm, isTyped ? "$1\n" : "")
    .replace(/ \/\*(: [^*]+) \*\//g, isTyped ? "$1" : "");
}

/** What the head of an exported file says, in lines. */
export function aboutLines(workflow: ExportedWorkflow, usage: readonly string[]): string[] {
  const { features, source, settings, warnings, parts } = workflow;
  const examples = parts?.examples?.length ?? 0;
  return [
    `${titleText(workflow)}: a workflow found by w4s, which is not needed to run it.`,
    `Hash of the workflow: ${workflowHash(source)}`,
    "",
    ...usage,
    "",
    `At most ${settings.modelCalls} model calls and ${settings.toolCalls} other calls an input. The workflow itself runs in this process, without the`,
    "limits of the sandbox (5 s of computing, 64 MiB): read it before you run it.",
    ...(features.has("examples") ? [`It carries ${examples} examples.`] : []),
    ...(features.has("programs")
      ? ["Programs run in a process of their own with limits, not in a sandbox: see PROGRAM_LIMITS."]
      : []),
    ...warnings.map((warning) => `Note: ${warning}.`),
  ];
}

/** Of examples that ask the same the first one. */
export function distinct(examples: readonly Example[]): Example[] {
  const first = new Map(examples.toReversed().map((example) => [sampleKey(example), example]));
  return examples.filter((example) => first.get(sampleKey(example)) === example);
}
