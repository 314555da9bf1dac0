/** @file A found workflow as files for people without w4s: TypeScript, Python, a configuration of promptfoo, a card. */
import { basename, dirname, extname, join } from "node:path";
import { ConfigError } from "../core/errors.js";
import { refuseExisting, writeAtomic } from "../core/write-atomic.js";
import type { Sample, Task } from "../tasks/task.js";
import { cardFile } from "./card-export.js";
import { openWorkflow } from "./exported-workflow.js";
import { promptfooFile } from "./promptfoo-export.js";
import { pythonFile } from "./python-export.js";
import { typescriptFile } from "./typescript-export.js";

/** Forms with the endings that their file may have. */
const ENDINGS = {
  ts: [".ts", ".mts", ".js", ".mjs"],
  python: [".py"],
  promptfoo: [".yaml", ".yml"],
  card: [".md"],
} as const;

export type WorkflowForm = keyof typeof ENDINGS;

export interface ExportWorkflowOptions {
  form: WorkflowForm;
  /** Write over what is there. Default false. */
  force?: boolean | undefined;
  /** For promptfoo: gives the task of the run, with its validation items. */
  loadItems?: ((task: string) => Promise<{ task: Task; items: readonly Sample[] }>) | undefined;
}

/**
 * @param workflowPath - a workflow file, best-workflow.js of a run directory for one
 * @returns the files that were written, the named one first, and what a user has to know of them
 * @throws {ConfigError} on a target of another kind or one that exists; {InputError} where the workflow cannot be read, or
 *   holds what cannot be exported
 */
export async function exportWorkflow(
  workflowPath: string,
  outPath: string,
  { form, force = false, loadItems }: ExportWorkflowOptions,
): Promise<{ paths: string[]; warnings: string[] }> {
  const endings: readonly string[] = ENDINGS[form];
  if (!endings.includes(extname(outPath)))
    throw new ConfigError(`--out ${outPath}: --to ${form} writes ${endings.join(", ")}`, {
      hint: `name a file such as workflow${form === "ts" ? ".mjs, which plain Node runs" : endings[0]}`,
    });
  refuseExisting(outPath, force);
  const workflow = openWorkflow(workflowPath);
  const { warnings } = workflow;
  if (form === "card") {
    await writeAtomic(outPath, await cardFile(workflow));
    return { paths: [outPath], warnings: [] };
  }
  if (form !== "promptfoo") {
    const text = form === "ts" ? typescriptFile(workflow, outPath) : pythonFile(workflow, outPath);
    await writeAtomic(outPath, text);
    return { paths: [outPath], warnings };
  }
  const task = workflow.config.task;
  if (task === undefined || loadItems === undefined)
    throw new ConfigError(
      "--to promptfoo writes the validation items of a run, and this workflow lies in none",
      {
        hint: "name a run directory, its name, or latest",
      },
    );
  const provider = join(dirname(outPath), `${basename(outPath, extname(outPath))}.workflow.mjs`);
  refuseExisting(provider, force);
  const loaded = await loadItems(task);
  await writeAtomic(provider, typescriptFile(workflow, provider));
  const file = promptfooFile(workflow, basename(provider), loaded);
  await writeAtomic(outPath, file.text);
  return { paths: [outPath, provider], warnings: [...warnings, ...file.warnings] };
}
