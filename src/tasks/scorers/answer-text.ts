/** @file Whatever JSON value a workflow returned, as the one text a scorer reads. */

/** Longest answer text that is looked at, from its end; a right answer is short. */
export const MAX_ANSWER_CHARACTERS = 20_000;

/**
 * Strings as they are, finite numbers in plain decimals, `{ answer }` unwrapped, a list of one element unwrapped.
 * Everything else (null, booleans, longer lists, other objects) is no answer: undefined.
 */
export function answerText(answer: unknown, depth = 0): string | undefined {
  if (typeof answer === "string") return answer.slice(-MAX_ANSWER_CHARACTERS);
  if (typeof answer === "number") return Number.isFinite(answer) ? String(answer) : undefined;
  if (typeof answer !== "object" || answer === null || depth > 2) return undefined;
  if (Array.isArray(answer)) return answer.length === 1 ? answerText(answer[0], depth + 1) : undefined;
  return Object.hasOwn(answer, "answer")
    ? answerText((answer as { answer: unknown }).answer, depth + 1)
    : undefined;
}
