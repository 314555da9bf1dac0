/** @file instructions/TASK.json: what a model wrote once for the designers of a task, with its price. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { readRecord, writeRecord } from "./record-file.js";

const instructionRecord = z.object({
  version: z.literal(1),
  task: z.string(),
  taskHash: z.string(),
  /** Model that wrote them. */
  by: z.string(),
  /** One line each; empty where its reply held none that can be used. */
  texts: z.array(z.string()),
  /** Of the call that wrote them and of the answers to train items before it, when first paid. */
  calls: z.number(),
  tokens: z.number(),
  /** null when a price is unknown. */
  dollars: z.number().nullable(),
});

export type InstructionRecord = z.infer<typeof instructionRecord>;

/** Undefined where none were written yet. @throws {InputError | StorageError} on a changed or damaged file */
export function readInstructionRecord(directory: string, task: string): InstructionRecord | undefined {
  return readRecord(pathOf(directory, task), instructionRecord);
}

export async function writeInstructionRecord(directory: string, record: InstructionRecord): Promise<void> {
  const path = pathOf(directory, record.task);
  mkdirSync(dirname(path), { recursive: true });
  await writeRecord(path, record);
}

function pathOf(directory: string, task: string): string {
  return join(directory, "instructions", `${task}.json`);
}
