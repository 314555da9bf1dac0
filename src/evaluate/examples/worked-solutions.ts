/** @file The executor's own solutions of train items: what it wrote where it came to the right answer. */
import PQueue from "p-queue";
import { isLoss } from "../../llm/fault-class.js";
import type { WorkedRecord } from "../../records/workflow-parts.js";
import type { Sample, Scorer } from "../../tasks/task.js";
import { type AnswerKind, STATE_FORMAT } from "../../workflow/answer-kind.js";
import type { AgentHost } from "../../workflow/workflow-run.js";
import { RuleViolationError } from "../rules.js";

/** Solutions wanted, and items asked at most. */
const WANTED = 8;
const MOST_ASKED = 32;
/** A longer solution costs more in every prompt than it shows. */
export const MAX_SOLUTION = 2000;

export interface WorkedOptions {
  answer: AnswerKind;
  scorer: Scorer;
  /** Answers the calls about one item. */
  agentFor: (sample: Sample) => AgentHost;
  concurrency: number;
  signal: AbortSignal | undefined;
}

/**
 * Asks items in their order, step by step and greedily, until 8 came out right or 32 were asked. As many are asked at once as are
 * missing, so that none is paid for in vain. Lost, cut and wrong replies are no solutions.
 * @throws what stops a run: a fatal ModelCallError, a BudgetExceededError, the signal's reason
 */
export async function workedSolutions(
  items: readonly Sample[],
  { answer, scorer, agentFor, concurrency, signal }: WorkedOptions,
): Promise<Pick<WorkedRecord, "asked" | "lost" | "solutions">> {
  const queue = new PQueue({ concurrency });
  const solutions: WorkedRecord["solutions"] = [];
  let [asked, lost] = [0, 0];
  const solve = async (sample: Sample): Promise<string | undefined> => {
    signal?.throwIfAborted();
    const agent = agentFor(sample);
    try {
      const prompt = workedPrompt(sample, answer);
      const call = agent.call("text", [prompt], signal ?? new AbortController().signal, UNTIMED);
      const [reply = ""] = (await call) as string[];
      const isCut = agent.isCut?.(reply) ?? false;
      if (isCut || reply.length > MAX_SOLUTION) return undefined;
      return (await scorer.score(reply, sample)).isCorrect ? reply.trim() : undefined;
    } catch (error) {
      // What the rules stop is no solution either.
      if (error instanceof RuleViolationError) return undefined;
      if (!isLoss(error)) throw error;
      lost++;
      return undefined;
    }
  };
  while (solutions.length < WANTED) {
    const batch = items.slice(asked, Math.min(MOST_ASKED, asked + WANTED - solutions.length));
    if (batch.length === 0) break;
    asked += batch.length;
    // What is in flight may finish, so that no paid reply is lost.
    const outcomes = await Promise.allSettled(batch.map((sample) => queue.add(() => solve(sample))));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected") throw outcome.reason;
      if (outcome.value !== undefined) solutions.push({ id: batch[index]!.id, solution: outcome.value });
    }
  }
  return { asked, lost, solutions };
}

/** No run is timed by these calls. */
const UNTIMED = { sentAt: () => {}, took: () => {} };

function workedPrompt({ question, context, choices = [] }: Sample, answer: AnswerKind): string {
  const options = choices.map((text, index) => `\n${String.fromCharCode(65 + index)}. ${text}`).join("");
  const passage = context === undefined ? "" : `${context}\n\n`;
  return `${passage}${question}${options}\n\nThink step by step. ${STATE_FORMAT[answer]}`;
}
