/** @file What a simulated executor has to know about samples of generated families. */
import type { SimulatedItem } from "../core/simulated-item.js";
import type { Sample } from "./task.js";

/** The solved items of those samples that carry a generated family's meta data; others are left out. */
export function simulatedItems(samples: readonly Sample[]): SimulatedItem[] {
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
