/** @file The scorer of a metric. */
import { ConfigError } from "../core/errors.js";
import type { MetricOptions } from "./dataset-manifest.js";
import { choiceScorer } from "./scorers/choice.js";
import { exactMatchScorer } from "./scorers/exact-match.js";
import { exactNumberScorer } from "./scorers/exact-number.js";
import { f1Scorer } from "./scorers/f1.js";
import { regexScorer } from "./scorers/regex.js";
import type { MetricName, Scorer } from "./task.js";

type AvailableMetric = Exclude<MetricName, "tests" | "judge">;

const SCORERS: Readonly<Record<AvailableMetric, (options: MetricOptions) => Scorer>> = {
  "exact-number": exactNumberScorer,
  choice: choiceScorer,
  f1: f1Scorer,
  "exact-match": exactMatchScorer,
  regex: regexScorer,
};

/** @throws {ConfigError} for metrics that this version cannot compute yet. */
export function makeScorer(metric: MetricName, options: MetricOptions = {}): Scorer {
  if (metric === "tests" || metric === "judge") {
    throw new ConfigError(`metric "${metric}" is not available in this version`, {
      code: "metric-unavailable",
      hint: `use a task with one of these metrics: ${Object.keys(SCORERS).join(", ")}; "tests" and "judge" arrive with a later release`,
    });
  }
  return SCORERS[metric](options);
}
