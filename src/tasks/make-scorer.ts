/** @file The scorer of a metric. */
import type { AnswerJudge } from "../core/answer-judge.js";
import { ConfigError } from "../core/errors.js";
import type { ProgramRunner } from "../core/program-runner.js";
import type { TextEmbedder } from "../core/text-embedder.js";
import type { MetricOptions } from "./dataset-manifest.js";
import { choiceScorer } from "./scorers/choice-scorer.js";
import { exactMatchScorer } from "./scorers/exact-match-scorer.js";
import { exactNumberScorer } from "./scorers/exact-number-scorer.js";
import { expressionScorer } from "./scorers/expression-scorer.js";
import { f1Scorer } from "./scorers/f1-scorer.js";
import { judgeScorer } from "./scorers/judge-scorer.js";
import { regexScorer } from "./scorers/regex-scorer.js";
import { robotScorer } from "./scorers/robot-scorer.js";
import { testsScorer } from "./scorers/tests-scorer.js";
import { writingScorer } from "./scorers/writing-scorer.js";
import type { InstantScorer, MetricName, Scorer } from "./task.js";

type AvailableMetric = Exclude<MetricName, "tests" | "writing" | "judge">;

const SCORERS: Readonly<Record<AvailableMetric, (options: MetricOptions) => InstantScorer>> = {
  "exact-number": exactNumberScorer,
  expression: expressionScorer,
  choice: choiceScorer,
  f1: f1Scorer,
  "exact-match": exactMatchScorer,
  regex: regexScorer,
  robot: () => robotScorer,
};

/** Tools that some metrics need from outside. */
export interface ScorerTools {
  /** Metric tests: runs programs in a sandbox. Without one such a task is refused, never run elsewhere. */
  programs?: ProgramRunner | undefined;
  /** Metric writing: measures coherence and relevance. Without one they are left out, and the scores say so. */
  embedder?: TextEmbedder | undefined;
  /** Metric judge: grades the answers; without one such a task is refused. Metric writing: one more part of the score. */
  judge?: AnswerJudge | undefined;
}

export function makeScorer(metric: AvailableMetric, options?: MetricOptions): InstantScorer;
export function makeScorer(metric: MetricName, options?: MetricOptions, tools?: ScorerTools): Scorer;
/** @throws {ConfigError} for metrics that cannot be computed here. */
export function makeScorer(metric: MetricName, options: MetricOptions = {}, tools: ScorerTools = {}): Scorer {
  if (metric === "tests" && tools.programs) return testsScorer(tools.programs);
  if (metric === "tests") {
    throw new ConfigError('metric "tests" needs a sandbox for Python programs, and none was given', {
      code: "metric-unavailable",
      hint: "pass `programs: new PythonSandbox()` to loadTask; the commands of w4s do so by themselves",
    });
  }
  if (metric === "writing") return writingScorer(tools.embedder, tools.judge);
  if (metric === "judge" && tools.judge) return judgeScorer(tools.judge);
  if (metric === "judge") {
    throw new ConfigError('metric "judge" needs a model that grades, and none was given', {
      code: "metric-unavailable",
      hint: "name it: --judge executor, or an alias of executors in w4s.config.yaml; a program passes `judge: new ModelJudge({ model })` to loadTask",
    });
  }
  return SCORERS[metric](options);
}
