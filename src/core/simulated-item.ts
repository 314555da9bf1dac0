/** @file What a simulated executor has to know about an item: its true answer, and how one errs. */

/** An item with its true answer; the model is handed it and then errs on purpose. */
export interface SimulatedItem {
  question: string;
  /** The passage the question is about. */
  context?: string | undefined;
  /** Option texts in order; the answer is then a letter. */
  choices?: string[] | undefined;
  answer: string;
  /** 0–1. */
  difficulty: number;
  /** Wrong answers of typical slips, in the form of the answer. */
  distractors: string[];
  /** Worked steps; the last reaches the answer. */
  steps?: string[] | undefined;
  /** Findings from rightly read measurements; only of items that hold noisy ones. */
  findings?: string | undefined;
  /** Findings from misread measurements. */
  misfindings?: string[] | undefined;
  /** Sentences that the answer rests on, wherever they stand; without them the passage as a whole. */
  facts?: string[] | undefined;
  /** Values that a reader of the question fills into fields of these names: the right one first, then wrong ones. */
  fields?: Record<string, string[]> | undefined;
}
