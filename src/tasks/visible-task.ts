/** @file The part of a sample that leaves this room for a workflow or a prompt. */
import type { Sample, VisibleTask } from "./task.js";

/** A fresh copy without answers, private tests, solution and meta. */
export function visibleTask(sample: Sample): VisibleTask {
  const { id, question, context, choices, prompt, entryPoint, publicTests, instruction } = sample;
  return {
    id,
    question,
    context,
    choices: choices && [...choices],
    prompt,
    entryPoint,
    publicTests: publicTests && [...publicTests],
    instruction,
  };
}
