/** @file What a policy's row of a suite designed for one task: a file in designs/, and a part of suite.resolved.yaml. */
import { z } from "zod";
import { readRecord, writeRecord } from "./record-file.js";

export const suiteDesignSchema = z.strictObject({
  row: z.string(),
  task: z.string(),
  /** null where no candidate ran on the whole validation set. */
  source: z.string().max(1_000_000).nullable(),
  title: z.string(),
  /** On validation. */
  accuracy: z.number().min(0).max(1),
  /** Samples behind it, and those that the executor lost; not told by version 0.1. */
  n: z.number().int().optional(),
  lost: z.number().int().optional(),
  candidates: z.number().int().min(0),
  valid: z.number().int().min(0),
  /** Tokens and dollars of all candidates' calls, stored replies at the price they once had. */
  tokens: z.number().min(0),
  dollars: z.number().min(0).nullable(),
});

export type SuiteDesign = z.infer<typeof suiteDesignSchema>;

/** @returns undefined where the design is not finished. @throws {InputError | StorageError} on a changed or damaged file */
export function readDesign(path: string): SuiteDesign | undefined {
  return readRecord(path, suiteDesignSchema, "delete it: it is designed again from what the run has stored");
}

export async function writeDesign(path: string, design: SuiteDesign): Promise<void> {
  await writeRecord(path, design);
}
