/** @file What a run tells while it works; the same records go to events.jsonl and to the progress printer. */
import { z } from "zod";
import { intervalSchema } from "./result-row.js";
import { roundRecordSchema } from "./round-record.js";

/** Estimates printed by --dry-run before anything is paid; a budget is what really limits a run. */
const forecast = z.object({
  executorCalls: z.number(),
  /** A call can ask for several. */
  executorReplies: z.number(),
  executorTokens: z.number(),
  /** null when the price of the model is unknown. */
  dollars: z.number().nullable(),
  minutes: z.number(),
  /** Of the minutes, those of the local model that designs; absent where its speed is not known. */
  weakMinutes: z.number().optional(),
  /** What it has to do: turns and items that it answers alone, with the seconds of each. */
  weakWork: z
    .object({ turns: z.number(), perTurn: z.number(), items: z.number(), perItem: z.number() })
    .optional(),
  /** True where the minutes rest on the speed measured in this run, else on an assumption. */
  isMeasured: z.boolean(),
  /** Basis of each figure, one line each. */
  basis: z.array(z.string()),
});

/** Both from 0. Episodes of one task, or of several, may be played at the same time. */
const place = { episode: z.number(), turn: z.number() };

const runEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("run-start"),
    command: z.string(),
    directory: z.string(),
    task: z.string(),
    isResumed: z.boolean(),
    /** A forecast only: no session of the run. */
    isDryRun: z.boolean().optional(),
    executor: z.string(),
    policy: z.string(),
    isSimulated: z.boolean(),
  }),
  z.object({ type: z.literal("forecast"), forecast }),
  /** How what computes on this machine shares its cores, where the executor does. */
  z.object({
    type: z.literal("threads"),
    executor: z.number(),
    weak: z.number(),
    programs: z.number(),
  }),
  z.object({ type: z.literal("warning"), message: z.string() }),
  /** A policy file is in force. */
  z.object({ type: z.literal("call-policy"), file: z.string(), hash: z.string() }),
  /** A call that the policy stopped, once a session, workflow and rule. */
  z.object({
    type: z.literal("policy-violation"),
    workflow: z.string(),
    call: z.string(),
    rule: z.string(),
    sample: z.string(),
    message: z.string(),
  }),
  /** A newly designed workflow may run, or not. */
  z.object({
    type: z.literal("approval"),
    workflow: z.string(),
    decision: z.enum(["yes", "no", "always"]),
    by: z.enum(["terminal", "file"]),
  }),
  z.object({
    type: z.literal("baseline-scored"),
    name: z.string(),
    accuracy: z.number(),
    interval: intervalSchema,
    n: z.number(),
    lost: z.number().optional(),
  }),
  /** Instructions were written for a task, or found as an earlier session wrote them. */
  z.object({
    type: z.literal("instructions-written"),
    task: z.string(),
    by: z.string(),
    count: z.number(),
    /** Of the call that wrote them and of the answers to train items before it. */
    calls: z.number(),
    tokens: z.number(),
    dollars: z.number().nullable(),
    isResumed: z.boolean(),
  }),
  z.object({
    type: z.literal("episode-start"),
    task: z.string().optional(),
    episode: z.number(),
    episodes: z.number(),
  }),
  z.object({ type: z.literal("turn-start"), task: z.string().optional(), ...place, turns: z.number() }),
  /** The local model at work on candidates; for the screen only. */
  z.object({
    type: z.literal("writing"),
    task: z.string().optional(),
    ...place,
    promptTokens: z.number(),
    promptDone: z.number(),
    replyTokens: z.number(),
  }),
  z.object({
    type: z.literal("candidates-written"),
    ...place,
    count: z.number(),
    valid: z.number(),
    seconds: z.number(),
    isResumed: z.boolean(),
  }),
  z.object({
    type: z.literal("job-done"),
    done: z.number(),
    total: z.number(),
    what: z.string(),
    task: z.string().optional(),
    /** Absent where the jobs are run for none: baselines, the final test. */
    episode: z.number().optional(),
  }),
  /** A batch of calls is waited for; for the screen only. */
  z.object({
    type: z.literal("batch-wait"),
    id: z.string(),
    status: z.string(),
    requests: z.number(),
    done: z.number(),
    failed: z.number(),
    ageSeconds: z.number(),
  }),
  z.object({
    type: z.literal("candidate-scored"),
    /** The trajectory that records it, inside the run directory; not told by version 0.1. */
    trajectory: z.string().optional(),
    ...place,
    index: z.number(),
    /** null where no workflow could be read from the reply. */
    workflow: z.string().nullable().optional(),
    status: z.string(),
    accuracy: z.number().nullable(),
    /** Samples behind it; not told by earlier versions. */
    n: z.number().optional(),
    lost: z.number().optional(),
    reward: z.number(),
    techniques: z.array(z.string()),
  }),
  z.object({ type: z.literal("turn-end"), ...place, best: z.number(), kept: z.string().nullable() }),
  z.object({
    type: z.literal("test-opened"),
    items: z.number(),
    purpose: z.string(),
    /** Hash of the workflow that was chosen on validation and that it was opened for; not told by version 0.1. */
    workflow: z.string().optional(),
  }),
  z.object({
    type: z.literal("spent"),
    calls: z.number(),
    tokens: z.number(),
    dollars: z.number().nullable(),
  }),
  z.object({ type: z.literal("run-end"), directory: z.string(), isComplete: z.boolean() }),
]);

/** Events of `w4s learn`, beside those that are told for the screen only. */
const roundEnd = z.object({ type: z.literal("round-end"), record: roundRecordSchema });

const loggedEvent = z.discriminatedUnion("type", [...runEvent.options, roundEnd]);

export type Forecast = z.infer<typeof forecast>;
export type RunEvent = z.infer<typeof runEvent>;
export type OnRunEvent = (event: RunEvent) => void;
/** An event with its time, ISO 8601. */
export type LoggedEvent = { at: string } & z.infer<typeof loggedEvent>;

/** @returns undefined for a line that no reader needs, of this version or of a newer one */
export function parseEvent(line: Record<string, unknown>): LoggedEvent | undefined {
  const event = loggedEvent.safeParse(line).data;
  return event && { at: String(line.at ?? ""), ...event };
}
