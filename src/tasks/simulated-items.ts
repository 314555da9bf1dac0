/** @file What a simulated executor has to know about samples of generated families. */
import type { Sample } from "./task.js";

/** Has the shape of `SimulatedItem` in llm/; this room and that one do not know each other. */
export interface SolvedItem {
  question: string;
  context?: string | undefined;
  choices?: string[] | undefined;
  answer: string;
  /** 0–1. */
  difficulty: number;
  /** Wrong answers of typical slips. */
  distractors: string[];
  steps?: string[] | undefined;
  /** Findings from rightly read measurements; `misfindings` are those from wrongly read ones. */
  findings?: string | undefined;
  misfindings?: string[] | undefined;
  /** Sentences that the answer rests on. */
  facts?: string[] | undefined;
  /** Values that a reader of the question fills into fields of these names: the right one first, then wrong ones. */
  fields?: Record<string, string[]> | undefined;
}

/** The solved items of those samples that carry a generated family's meta data; others are left out. */
export function simulatedItems(samples: readonly Sample[]): SolvedItem[] {
  return samples.flatMap((sample) => {
    const { difficulty, distractors, steps, findings, misfindings, facts, fields } = sample.meta;
    const [answer] = sample.answers;
    if (answer === undefined || typeof difficulty !== "number" || !isTexts(distractors)) return [];
    return [
      {
        question: sample.question,
        context: sample.context,
        choices: sample.choices,
        answer,
        difficulty,
        distractors,
        steps: isTexts(steps) ? steps : undefined,
        ...(typeof findings === "string" && isTexts(misfindings) ? { findings, misfindings } : {}),
        facts: isTexts(facts) ? facts : undefined,
        fields: isFields(fields) ? fields : undefined,
      },
    ];
  });
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isFields(value: unknown): value is Record<string, string[]> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((entry) => isTexts(entry) && entry.length > 0)
  );
}
