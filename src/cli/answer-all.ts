/** @file Many inputs through one workflow: one line of JSON each, in their order, as soon as it is known. */
import PQueue from "p-queue";
import type { WorkflowAnswer } from "../commands.js";
import { messageOf } from "../core/errors.js";
import { EXIT } from "./exit-code.js";
import { writeErr, writeJson, writeJsonLine } from "./print/output.js";
import type { RunInput } from "./run-inputs.js";

/** Result of one input. `lost`: the executor gave no usable reply, so that nothing is known about the workflow. */
interface AnsweredInput {
  /** Number of the input, from 1, and its own id where it has one. */
  input: number;
  id?: string | undefined;
  status: WorkflowAnswer["status"] | "lost";
  answer?: unknown;
  error?: string | undefined;
}

interface AnswerOptions {
  /** One object with all results, instead of lines. */
  isJson: boolean;
  concurrency: number;
  isLoss(error: unknown): boolean;
  /** No further input is begun. */
  stopSignal: AbortSignal;
}

/**
 * @returns the exit code: 5 where an input has no answer
 * @throws what makes the executor or the budget unusable for all, after the lines of the inputs before it
 */
export async function answerAll(
  inputs: readonly RunInput[],
  answer: (input: RunInput) => Promise<WorkflowAnswer>,
  { isJson, concurrency, isLoss, stopSignal }: AnswerOptions,
): Promise<number> {
  const results: AnsweredInput[] = [];
  const queue = new PQueue({ concurrency });
  let printed = 0;
  let failure: { error: unknown } | undefined;
  const one = async (input: RunInput, at: number) => {
    if (failure || stopSignal.aborted) return;
    const place = { input: at + 1, id: input.id };
    try {
      const { status, answer: text, error } = await answer(input);
      results[at] = { ...place, status, answer: status === "ok" ? text : undefined, error };
    } catch (error) {
      if (!isLoss(error)) {
        failure ??= { error };
        return;
      }
      results[at] = { ...place, status: "lost", error: messageOf(error) };
    }
    for (; results[printed] !== undefined; printed++) if (!isJson) writeJsonLine(results[printed]);
  };
  await Promise.all(inputs.map((input, at) => queue.add(() => one(input, at))));
  if (failure) throw failure.error;
  stopSignal.throwIfAborted();
  const failed = results.filter(({ status }) => status !== "ok").length;
  if (isJson) writeJson({ results });
  else writeErr(`${results.length - failed} of ${results.length} inputs answered`);
  return failed === 0 ? EXIT.done : EXIT.failedSamples;
}
