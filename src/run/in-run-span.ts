/** @file The span of a whole run: what was asked for, and what ended it early. */
import type { RunConfig } from "../config/run-config.js";
import { failSpan, withSpan } from "../core/telemetry/spans.js";
import type { RunCommand } from "../records/run-manifest.js";

/** Runs a command inside the span `run`; an interruption, which a run ends with and does not throw, is the span's error too. */
export async function inRunSpan<T extends { stoppedBy?: unknown }>(
  command: RunCommand,
  { task, executor, seed }: Pick<RunConfig, "task" | "executor" | "seed">,
  work: () => Promise<T>,
): Promise<T> {
  const names = { "w4s.command": command, "w4s.task": task, "w4s.executor": executor, "w4s.seed": seed };
  return await withSpan("run", names, async (span) => {
    const result = await work();
    if (result.stoppedBy !== undefined && result.stoppedBy !== null) failSpan(span, result.stoppedBy);
    return result;
  });
}
