/** @file The figures of one workflow on one split, and what was spent, as every summary.json holds them. */
import { z } from "zod";
import { sumOrNull } from "../core/statistics.js";

export const intervalSchema = z.object({ low: z.number(), high: z.number() });

/** Runs on samples that gave no answer for the same reason. */
const failureSchema = z.object({
  /** Status of the runs; "lost" where it was the executor's fault, so that they are in no score. */
  what: z.string(),
  /** What failed in lost ones, where it is known. */
  fault: z.string().optional(),
  count: z.number(),
  /** Of the first one. */
  message: z.string().optional(),
});

/** One line of a result table. */
export const resultRowSchema = z.object({
  name: z.string(),
  title: z.string(),
  workflowHash: z.string(),
  split: z.enum(["train", "validation", "test"]),
  executor: z.string(),
  /** The executor is simulated and answered calls of this row; the local model's own row is real. */
  isSimulated: z.boolean(),
  /** Samples that were scored, however often each was repeated. */
  n: z.number(),
  accuracy: z.number(),
  interval: intervalSchema,
  /** Costs are those of scored runs. */
  callsPerSample: z.number(),
  tokensPerSample: z.number(),
  /** null when the price is unknown. */
  dollarsPerSample: z.number().nullable(),
  /** Runs on samples that the executor lost. */
  errors: z.number(),
  statusCounts: z.record(z.string(), z.number()),
  /** Share of the scored runs whose answer a program printed, 0–1; absent where none did, and in runs of earlier versions. */
  byCode: z.number().optional(),
  /** Absent where nothing failed, and in runs of earlier versions. */
  failures: z.array(failureSchema).optional(),
});

const ledgerRow = z.object({
  role: z.string(),
  model: z.string(),
  /** Calls that were paid, and those answered from the store. */
  calls: z.number(),
  cachedCalls: z.number(),
  promptTokens: z.number(),
  completionTokens: z.number(),
  dollars: z.number().nullable(),
  /** Calls whose tokens the server did not tell. */
  estimatedCalls: z.number(),
});

/** Sums over the paid roles; the local model costs nothing and stays in the rows. */
export const spentSchema = z.object({
  rows: z.array(ledgerRow),
  calls: z.number(),
  tokens: z.number(),
  dollars: z.number().nullable(),
});

export type ResultRow = z.infer<typeof resultRowSchema>;
export type Failure = z.infer<typeof failureSchema>;
export type LedgerRow = z.infer<typeof ledgerRow>;
export type Spent = z.infer<typeof spentSchema>;

export function spentOf(rows: LedgerRow[]): Spent {
  const paid = rows.filter((row) => row.role !== "weak");
  return {
    rows,
    calls: paid.reduce((sum, row) => sum + row.calls, 0),
    tokens: paid.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0),
    dollars: sumOrNull(paid.map((row) => row.dollars)),
  };
}
