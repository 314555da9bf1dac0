/** @file What workers send to their run: payments, results and notes, in the order in which they happened. */
import { z } from "zod";
import type { StoredReply, StoredToolCall } from "../../llm/call-store.js";

const entrySchema = z.object({
  role: z.string(),
  model: z.string(),
  isCached: z.literal(false),
  promptTokens: z.number(),
  completionTokens: z.number(),
  dollars: z.number().nullable(),
  requests: z.number().optional(),
  isEstimated: z.boolean().optional(),
  tag: z.string().optional(),
});

const requestSchema = z.object({
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })),
  n: z.number().optional(),
  temperature: z.number().optional(),
  maxTokens: z.number().optional(),
  stop: z.array(z.string()).optional(),
  json: z.boolean().optional(),
});

const replySchema = z.looseObject({
  texts: z.array(z.string()),
  usage: z.looseObject({ promptTokens: z.number(), completionTokens: z.number() }),
  finishReasons: z.array(z.string()),
  model: z.string(),
});

/** A call that was paid, with its reply where that is the one that counts. */
const paidSchema = z.object({
  kind: z.literal("paid"),
  /** Of the payment; a note that comes twice is counted once. */
  id: z.string(),
  key: z.string(),
  reply: replySchema.nullable(),
  entry: entrySchema,
  request: requestSchema,
});

const noteSchema = z.discriminatedUnion("kind", [
  paidSchema,
  z.object({
    kind: z.literal("tool"),
    key: z.string(),
    call: z.looseObject({ tool: z.string(), input: z.string(), milliseconds: z.number() }),
  }),
  /** The result of a job as JSON; `lost`: its sample was lost, so that it is not stored. */
  z.object({ kind: z.enum(["result", "lost"]), id: z.string(), json: z.string() }),
  z.object({
    kind: z.literal("violation"),
    batch: z.string(),
    workflow: z.string(),
    call: z.string(),
    rule: z.string(),
    sample: z.string(),
  }),
  z.object({ kind: z.literal("warning"), message: z.string() }),
  /** A batch could not be worked off: an error that stops the run, or an artefact that is not there. */
  z.object({
    kind: z.literal("failed"),
    batch: z.string(),
    worker: z.string(),
    error: z.looseObject({ message: z.string() }),
    isMissing: z.boolean(),
  }),
]);
export type QueueNote = z.infer<typeof noteSchema>;
export type PaidNote = z.infer<typeof paidSchema>;

/** Undefined where it is none of ours, as of a worker of another version that goes on after its plan was closed. */
export function readNote(text: string): QueueNote | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The reply of a payment as the store takes it. */
export function replyOf({ reply }: PaidNote): StoredReply | undefined {
  return (reply ?? undefined) as StoredReply | undefined;
}

export function toolCallOf({ call }: Extract<QueueNote, { kind: "tool" }>): StoredToolCall {
  return call as unknown as StoredToolCall;
}

/** A reply as it lies in the queue: with the payment it came by, so that a sender knows its own. */
export function storedReply(payment: string, reply: StoredReply): string {
  return JSON.stringify({ payment, reply });
}

/** @throws {SyntaxError} on what is none */
export function readStoredReply(text: string): { payment: string; reply: StoredReply } {
  return JSON.parse(text) as { payment: string; reply: StoredReply };
}
