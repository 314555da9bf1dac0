/** @file The part of a configuration that decides what a run finds: compared when a run is taken up. */
import type { RunConfig } from "./run-config.js";
import { decidesOf } from "./settings.js";

/** The settings that decide the results of a command; their table says which these are. */
export function identityOf(
  config: RunConfig,
  command: "optimize" | "collect" | "eval" | "learn",
): Record<string, unknown> {
  const counted = command === "learn" ? /^(results|learning)$/ : /^results$/;
  // More rounds only lengthen a run.
  const { rounds: _, ...learn } = config.learn;
  return Object.fromEntries(
    Object.entries({ ...config, learn }).filter(([key]) => counted.test(decidesOf(key))),
  );
}
