/** @file The part of a configuration that decides what a run finds: compared when a run is taken up. */
import type { RunConfig } from "./run-config.js";

/** Settings that change how fast or how far a run goes, but not what it finds: they may differ on resume. */
const OPERATIONAL_KEYS = new Set([
  "run",
  "runsRoot",
  "cache",
  "concurrency",
  "requestsPerMinute",
  "timeoutMs",
  "maxWaitSeconds",
  "budget",
  "maxErrors",
  "minScore",
  "dryRun",
  "fresh",
  "forceUnlock",
  "threads",
  "price",
  // What the rules are decides, not where they lie; refusals are recorded.
  "policyFile",
  "approve",
  "approveFile",
]);

/** The part of a configuration that decides what a run finds. */
export function identityOf(
  config: RunConfig,
  command: "optimize" | "collect" | "eval" | "learn",
): Record<string, unknown> {
  const isOther = (key: string) => key === "learn" || (key === "policies" && command !== "learn");
  const entries = Object.entries(config).filter(([key]) => !OPERATIONAL_KEYS.has(key) && !isOther(key));
  if (command !== "learn") return Object.fromEntries(entries);
  // More rounds only lengthen a run.
  const { rounds: _, ...learn } = config.learn;
  return { ...Object.fromEntries(entries), learn };
}
