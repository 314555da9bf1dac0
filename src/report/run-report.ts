/** @file A stored run with what a report adds to it: the best workflow in words, and the names of known baselines. */
import { knownBaselines } from "../evaluate/baselines/named-baselines.js";
import { type CardConfig, cardContext, measuredUse } from "../evaluate/card-context.js";
import { type WorkflowCard, workflowCard } from "../evaluate/workflow-card.js";
import { readRun, type StoredRun } from "../records/read-run.js";

export interface RunReport extends StoredRun {
  /** Card of the best workflow; null where there is none. */
  card: WorkflowCard | null;
  /** The workflows that runs start from, by hash: parents that no candidate wrote. */
  baselines: Record<string, { title: string; source: string }>;
}

/** Reads a run for a report. @throws {InputError | StorageError} as readRun() does */
export async function readRunReport(directory: string): Promise<RunReport> {
  const run = await readRun(directory);
  const baselines = knownBaselines().map(({ hash, title, source }) => [hash, { title, source }] as const);
  return { ...run, card: bestCard(run), baselines: Object.fromEntries(baselines) };
}

/** The card of a run's best workflow, with what was measured of it; null where the run has none. */
function bestCard({
  best,
  rows,
  config,
  executor,
  isSimulated,
}: Pick<StoredRun, "best" | "rows" | "config" | "executor" | "isSimulated">): WorkflowCard | null {
  if (best === null) return null;
  const row = rows.find(({ workflowHash }) => workflowHash === best.hash);
  const context = cardContext(config as CardConfig, { id: executor, isSimulated });
  return workflowCard(best.source, context, measuredUse(row));
}
