/** @file A budget's minutes for work that asks no executor, whose calls would notice that they are over. */
import type { Budget } from "../core/budget.js";
import { linkedController } from "../llm/clock.js";

/** Longer waits would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Work that ends early when the minutes of a budget are over.
 * @param parent - ends it too
 * @param work - stops at its signal, and keeps what it has
 * @throws {BudgetExceededError} where they are over before it begins, and as the signal's reason
 */
export async function withinMinutes<T>(
  budget: Pick<Budget, "check" | "millisecondsLeft">,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  budget.check("minutes");
  const { controller, unlink } = linkedController(parent);
  const left = budget.millisecondsLeft;
  const end = () => {
    try {
      budget.check("minutes");
    } catch (error) {
      controller.abort(error);
    }
  };
  // A timer may fire a moment too soon by the clock that the budget reads.
  const timer = left < LONGEST_TIMER_MS ? setTimeout(end, Math.ceil(left) + 1) : undefined;
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    unlink();
  }
}
