/** @file Instructions for the designers of a task: written once by a model, stored with the run, found again. */
import { sumOrNull } from "../core/statistics.js";
import { instructionPrompt } from "../design/instructions/instruction-prompt.js";
import { readInstructions } from "../design/instructions/read-instructions.js";
import type { PolicyState } from "../design/policy-state.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { RoleModel } from "../evaluate/judge-model.js";
import { isLoss } from "../llm/fault-class.js";
import {
  type InstructionRecord,
  readInstructionRecord,
  writeInstructionRecord,
} from "../records/instruction-record.js";
import type { OnRunEvent } from "../records/run-event.js";
import type { Sample, Task } from "../tasks/task.js";

/** Replies are to differ in their ideas. */
const TEMPERATURE = 0.7;

/** Who writes instructions, and how many. */
export interface InstructionPlan {
  /** From 1 to 8. */
  count: number;
  writer: RoleModel;
  /** Of its reply. */
  maxTokens: number;
}

export interface InstructionOrder extends InstructionPlan {
  task: Pick<Task, "name" | "hash">;
  card: PolicyState["task"];
  /** Items of train that the writer is shown. */
  samples: readonly Sample[];
  /** The plainest workflow on these items. */
  answered: () => Promise<Evaluation>;
  /** Run directory. Default: they are not stored. */
  directory: string | undefined;
  emit: OnRunEvent;
  signal: AbortSignal | undefined;
}

/**
 * Instructions as an earlier session of the run wrote them, or as they are written now. A lost call leaves none, which is
 * said; the next session asks again.
 * @throws what stops a run: a fatal ModelCallError, a BudgetExceededError, the signal's reason
 */
export async function taskInstructions(order: InstructionOrder): Promise<readonly string[]> {
  const { task, directory, emit } = order;
  const known = directory === undefined ? undefined : readInstructionRecord(directory, task.name);
  const isResumed = known !== undefined && known.taskHash === task.hash;
  let record: InstructionRecord;
  try {
    record = isResumed ? known : await write(order);
  } catch (error) {
    if (!isLoss(error)) throw error;
    emit({ type: "warning", message: `no instructions for ${task.name}: ${error.message}` });
    return [];
  }
  if (!isResumed && directory !== undefined) await writeInstructionRecord(directory, record);
  const { by, texts, calls, tokens, dollars } = record;
  emit({
    ...{ type: "instructions-written", task: task.name, by, count: texts.length },
    ...{ calls, tokens, dollars, isResumed },
  });
  return texts;
}

async function write(order: InstructionOrder): Promise<InstructionRecord> {
  const { task, card, samples, answered, writer, count, maxTokens, signal } = order;
  const direct = await answered();
  const messages = instructionPrompt(card, samples, direct.results, count);
  const reply = await writer.chat({ messages, temperature: TEMPERATURE, maxTokens, signal });
  const { promptTokens, completionTokens } = reply.usage;
  return {
    version: 1,
    task: task.name,
    taskHash: task.hash,
    by: writer.id,
    texts: readInstructions(reply.texts[0] ?? "", samples, {
      count,
      isCut: reply.finishReasons[0] === "length",
    }),
    calls: direct.calls + 1,
    tokens: direct.tokens + promptTokens + completionTokens,
    dollars: sumOrNull([direct.dollars, reply.dollars]),
  };
}
