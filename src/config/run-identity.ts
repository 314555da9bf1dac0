/** @file The parts of a configuration that decide what a run or a suite finds. */
import { withoutHeaderValues } from "./executor-params.js";
import { DEFAULT_KEY_VARIABLE } from "./key-variable.js";
import type { RunConfig } from "./run-config.js";
import { decidesOf } from "./settings.js";

/** Validation samples where a configuration names none and no candidates race. */
export const DEFAULT_VALIDATION = 32;

/** As runs and suites hold it that were begun when this setting had a default of its own. */
function withDefaults({ validationLimit = DEFAULT_VALIDATION, ...config }: RunConfig) {
  return { ...withoutHeaderValues(config), validationLimit };
}

/** The settings that decide the results of a command; their table says which these are. */
export function identityOf(
  config: RunConfig,
  command: "optimize" | "collect" | "eval" | "learn",
): Record<string, unknown> {
  const counted = command === "learn" ? /^(results|learning)$/ : /^results$/;
  // More rounds only lengthen a run; memory and device change how results are computed, not which.
  const { rounds: _, maxMemory: __, device: ___, ...learn } = config.learn;
  return Object.fromEntries(
    // As runs hold it that were begun when the key's variable had a default of its own.
    Object.entries({
      ...withDefaults(config),
      ...{ learn, apiKeyEnv: config.apiKeyEnv ?? DEFAULT_KEY_VARIABLE },
    }).filter(([key]) => counted.test(decidesOf(key))),
  );
}

/** Settings that a suite says in its own way: its tasks, and how many items of each. */
const SAID_BY_TASKS = new Set(["task", "testLimit"]);

/** The settings that decide a suite's results, as a suite file holds them. */
export function suiteSettings(config: RunConfig): Record<string, unknown> {
  const isKept = (key: string) => !SAID_BY_TASKS.has(key) && /^(results|terms)$/.test(decidesOf(key));
  return Object.fromEntries(Object.entries(withDefaults(config)).filter(([key]) => isKept(key)));
}
