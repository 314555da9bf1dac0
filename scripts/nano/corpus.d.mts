import type { ChatMessage } from "../../src/llm/chat-model.js";
import type { TaskKind } from "../../src/tasks/task.js";
import type { AnswerKind } from "../../src/workflow/answer-kind.js";

export interface CorpusPair {
  messages: ChatMessage[];
  /** The first of `replies`. */
  reply: string;
  replies: string[];
  space: { answer: AnswerKind; offers: Set<string>; context: boolean; description: string };
  /** Of the first reply. */
  design: Record<string, unknown> & { body: string };
  task: string;
}

export declare const CORPUS_VERSION: number;
export declare const HELD_OUT_FAMILIES: string[];
export declare const ANSWER_KINDS: Partial<Record<TaskKind, AnswerKind>>;
export declare function makeCorpus(options: {
  seed: number;
  count: number;
  from?: number;
  families?: "shown" | "held-out";
  replyCount?: number;
}): Generator<CorpusPair>;
