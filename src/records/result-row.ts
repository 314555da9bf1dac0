/** @file The figures of one workflow on one split, and what was spent, as every summary.json holds them. */
import { z } from "zod";
import { sumOrNull } from "../core/statistics.js";

export const intervalSchema = z.object({ low: z.number(), high: z.number() });

/** One line of a result table. */
export const resultRowSchema = z.object({
  name: z.string(),
  title: z.string(),
  workflowHash: z.string(),
  split: z.enum(["train", "validation", "test"]),
  executor: z.string(),
  /** The executor is simulated and answered calls of this row; the local model's own row is real. */
  isSimulated: z.boolean(),
  n: z.number(),
  accuracy: z.number(),
  interval: intervalSchema,
  callsPerSample: z.number(),
  tokensPerSample: z.number(),
  /** null when the price is unknown. */
  dollarsPerSample: z.number().nullable(),
  errors: z.number(),
  statusCounts: z.record(z.string(), z.number()),
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
