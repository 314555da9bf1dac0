/** @file What a workflow needs beside its source: best-workflow.json, and the worked solutions that a run keeps. */
import { existsSync, rmSync } from "node:fs";
import { z } from "zod";
import { checkRecord, readRecord, writeRecord } from "./record-file.js";

/** Item to learn from, as `agent.examples` gives it. */
const exampleSchema = z.object({
  question: z.string(),
  context: z.string().optional(),
  choices: z.array(z.string()).optional(),
  /** As a reply should give it: of choices the letter. */
  answer: z.string(),
  solution: z.string().optional(),
});
export type Example = z.infer<typeof exampleSchema>;

/** Mark by which the file is told from other JSON that may lie beside a workflow. */
export const PARTS_FORMAT = "w4s-workflow";

const partsSchema = z.object({
  format: z.literal(PARTS_FORMAT),
  version: z.literal(1),
  /** Instruction of the dataset that the workflow was designed on. */
  instruction: z.string().optional(),
  /** Items of the train split in the order drawn; absent where the workflow asks for none. */
  examples: z.array(exampleSchema).optional(),
  /** Items with the solutions of the executor, for those that ask for worked ones. */
  worked: z.array(exampleSchema).optional(),
});
export type WorkflowParts = z.infer<typeof partsSchema>;

/** @throws {InputError} naming the field that does not fit */
export function checkParts(value: unknown, place: string): WorkflowParts {
  return checkRecord(value, partsSchema, place);
}

/**
 * The parts of a workflow file, from the JSON file of the same name beside it.
 * @returns undefined where there is none, or one of another format
 * @throws {InputError | StorageError} where it is damaged
 */
export function readParts(workflowPath: string): WorkflowParts | undefined {
  const path = partsPath(workflowPath);
  if (path === workflowPath || !existsSync(path)) return undefined;
  const found = readRecord(path, z.unknown(), "copy it again from the run directory");
  if ((found as { format?: unknown } | null)?.format !== PARTS_FORMAT) return undefined;
  return checkParts(found, path);
}

/** Leaves the parts beside a workflow file; parts of an earlier workflow are removed where this one has none. */
export async function writeParts(workflowPath: string, parts: WorkflowParts | undefined): Promise<void> {
  if (parts) await writeRecord(partsPath(workflowPath), parts);
  else rmSync(partsPath(workflowPath), { force: true });
}

/** best-workflow.json for best-workflow.js. */
function partsPath(workflowPath: string): string {
  return workflowPath.replace(/\.[cm]?js$/, ".json");
}

const workedSchema = z.object({
  version: z.literal(1),
  task: z.string(),
  /** Items that were asked, and those of them that the executor lost. */
  asked: z.number().int(),
  lost: z.number().int(),
  /** Solutions that led to the right answer, by the id of their item, in the order drawn. */
  solutions: z.array(z.object({ id: z.string(), solution: z.string() })),
});
export type WorkedRecord = z.infer<typeof workedSchema>;

/** @returns undefined where none were made. @throws {InputError | StorageError} on a changed or damaged file */
export function readWorked(path: string): WorkedRecord | undefined {
  return readRecord(path, workedSchema, "delete it: they are made again from what the run has stored");
}

export async function writeWorked(path: string, record: WorkedRecord): Promise<void> {
  await writeRecord(path, record);
}
