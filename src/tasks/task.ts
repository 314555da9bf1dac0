/** @file Task, sample, split and scorer: what a workflow is tried on and how an answer is judged. */
import type { WritingConstraints } from "./writing/constraints.js";

export const SPLIT_NAMES = ["train", "validation", "test"] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];
export const TASK_KINDS = ["math", "code", "qa", "choice", "text", "robot"] as const;
export type TaskKind = (typeof TASK_KINDS)[number];
export const METRICS = [
  "exact-number",
  "expression",
  "choice",
  "f1",
  "exact-match",
  "regex",
  "tests",
  "writing",
  "judge",
  "robot",
] as const;
export type MetricName = (typeof METRICS)[number];

/** One item of a dataset (format: docs/datasets.md). Only `visibleTask()` of it reaches a workflow. */
export interface Sample {
  id: string;
  question: string;
  context?: string | undefined;
  choices?: string[] | undefined;
  /** Accepted answers; the first is the canonical one. Empty for kind `code`. */
  answers: string[];
  /** Code tasks only. */
  prompt?: string | undefined;
  entryPoint?: string | undefined;
  publicTests?: string[] | undefined;
  privateTests?: string | undefined;
  /** Metric writing: what the text must keep; the question says all of it. */
  constraints?: WritingConstraints | undefined;
  /** The dataset's instruction, the same in all of its items. */
  instruction?: string | undefined;
  /** Further data of the item, never shown to any model. */
  meta: Record<string, unknown>;
}

/** The part of a sample a workflow may see: never the answer, the solution or meta. */
export type VisibleTask = Pick<
  Sample,
  "id" | "question" | "context" | "choices" | "prompt" | "entryPoint" | "publicTests" | "instruction"
>;

/**
 * Parts that a scorer can measure of a text beside its score, each 0–1: the share of constraints kept, how it hangs together,
 * whether it is to the point, and what a judge model gives it.
 */
export type TextComponent = "constraints" | "coherence" | "relevance" | "judge";

/** Score of an answer. */
export interface Score {
  /** From 0 to 1. */
  value: number;
  isCorrect: boolean;
  /** Text that the scorer read out of the answer, for feedback and reports. */
  extracted: string;
  /** Parts of the value, 0–1, for rewards that weigh them; the scorer names them in its own `components`. */
  components?: Partial<Record<TextComponent, number>> | undefined;
  /** Details of the value, where it has parts; plain JSON of a few kilobytes, stored with the result. */
  details?: Record<string, unknown> | undefined;
}

/** Play of an item step by step: the workflow is called once for every view. */
export interface Play {
  /** Most views it can have: the step budget. */
  readonly maxViews: number;
  /** Sample that the workflow is asked now; undefined at the end. Answers and meta are for simulated models only. */
  view(): Sample | undefined;
  /** Takes the answer to the last view. Never throws on odd answers. */
  act(answer: unknown): void;
  /** @param calls - model calls of the whole play */
  score(calls: number): Score;
}

/** Judge of answers by one metric. */
export interface Scorer {
  readonly metric: MetricName;
  /** The components that scores of a text can have. */
  readonly components?: readonly TextComponent[] | undefined;
  /** Name of what else decides a score, such as the model of embeddings: stored results depend on it. */
  readonly basis?: string | undefined;
  /**
   * `answer` is whatever JSON value the workflow returned. Never throws on odd answers. Metrics that run programs or ask
   * models give a promise.
   * @param isCut - the answer is a reply as it was cut at its token limit: of such a one only marks count. Default false
   */
  score(answer: unknown, sample: Sample, isCut?: boolean): Score | Promise<Score>;
  /**
   * Where it is there, an item is no single question: whoever runs a workflow plays it to its end instead.
   * @throws {InputError} when the item cannot be played
   */
  play?(sample: Sample): Play;
}

/** A scorer that needs nobody's help: it answers at once. */
export interface InstantScorer extends Scorer {
  score(answer: unknown, sample: Sample, isCut?: boolean): Score;
}

/** Dataset as it is worked on: description, scorer, items by split. */
export interface Task {
  name: string;
  title: string;
  kind: TaskKind;
  metric: MetricName;
  /** One or two sentences for the meta-agent: what is asked and what an answer looks like. */
  description: string;
  /** What every model that answers an item is told with it. */
  instruction?: string | undefined;
  scorer: Scorer;
  /** Options of the metric, from which another machine can make the scorer; absent where a program made it. */
  metricOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Content hash over dataset.json and the split files named in it. */
  hash: string;
  /** Generated family this dataset was drawn from; the simulated executor needs one. */
  family?: string | undefined;
  /**
   * Items of a split, read from disk on first use.
   * The optimiser asks for "train" and "validation" only; "test" is opened by finalTest().
   * @throws {InputError} on any bad line (file, line, field, reason).
   */
  load(split: SplitName): Promise<Sample[]>;
  /** Splits that were loaded so far. */
  readonly opened?: ReadonlySet<SplitName> | undefined;
  /** Items of splits, where the dataset says how many; nothing was read to know it. */
  counts?: Readonly<Partial<Record<SplitName, number>>> | undefined;
  /** Splits there are, in the order train, validation, test. */
  splits: SplitName[];
  /** Notes on what was let through on request while loading (shared items, bad lines), for the run's record. */
  readonly notices?: readonly string[] | undefined;
}
