/** @file A workflow as one file for Python on the `openai` package: its source in Python, and an agent with what it calls. */
import { basename } from "node:path";
import { THOUGHT_END, THOUGHT_START } from "../llm/read-reply.js";
import { type ExportedWorkflow, titleText } from "./exported-workflow.js";
import { fillTemplate, runtimeText } from "./fill-template.js";
import { pythonLiteral } from "./python/python-literal.js";
import { translateWorkflow } from "./python/translate-workflow.js";
import { aboutLines, distinct, PROGRAM_LIMITS } from "./typescript-export.js";

/** @throws {InputError} naming line and construct of the source that cannot be translated */
export function pythonFile(workflow: ExportedWorkflow, outPath: string): string {
  const { features, parts, models, settings, source } = workflow;
  const name = basename(outPath);
  const about = aboutLines(workflow, [
    'Needs Python 3.9 and "pip install openai":',
    "",
    `  python ${name} --question "…"`,
    `  python ${name} --input items.jsonl --concurrency 4 > answers.jsonl`,
    "",
    `or from a program: from ${name.replace(/\.py$/, "")} import answer, answer_sync`,
  ]);
  return fillTemplate(runtimeText("workflow.py"), "#:", features, {
    ABOUT: about.map((line) => line.replaceAll("\\", "/").replaceAll('"""', "'''")).join("\n"),
    TITLE: titleText(workflow),
    MODELS: pythonLiteral(models),
    SETTINGS: pythonLiteral(settings),
    INSTRUCTION: pythonLiteral(parts?.instruction),
    WORKFLOW: translateWorkflow(source),
    CLOSING: THOUGHT_END.source,
    OPENING: THOUGHT_START.source,
    PROGRAM_LIMITS: pythonLiteral(PROGRAM_LIMITS),
    PROGRAM_SOURCE: pythonLiteral(runtimeText("program.py")),
    EXAMPLES: pythonLiteral(distinct(parts?.examples ?? [])),
    WORKED: pythonLiteral(distinct(parts?.worked ?? [])),
  });
}
