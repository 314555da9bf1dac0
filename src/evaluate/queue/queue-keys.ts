/** @file Names of what lies in a queue's Redis. */

/** Begins every key. The braces of a run's keys keep them on one node of a cluster. */
export const PREFIX = "w4s";

/** Members `RUN PLAN` of runs that have work, or had it last. */
export const OPEN_PLANS = `${PREFIX}:plans`;

/** There while a plan's run lives. */
export function aliveKey(member: string): string {
  return `${PREFIX}:alive:${member}`;
}

/** What a worker can do, as JSON; there while it lives. */
export function workerKey(name: string): string {
  return `${PREFIX}:worker:${name}`;
}

/** All keys of one run; each is a hash, but `done` (a set) and `outbox` (a list). */
export interface RunKeys {
  /** Hash of a plan → the plan, sealed. */
  plans: string;
  /** Content hash → text. */
  artefacts: string;
  /** Call → its reply. */
  calls: string;
  /** Call → who makes it, until when, and the most it can cost. */
  claims: string;
  /** Call of a tool → its outcome. */
  tools: string;
  /** Ids of jobs whose result is stored. */
  done: string;
  /** Payments, results and notes on their way to the run, in their order. */
  outbox: string;
  /** Limits of the run, and what was spent of them. */
  limits: string;
  spent: string;
  /** `PLAN WORKER` → whether it was taken. */
  answers: string;
}

export function runKeys(run: string): RunKeys {
  const key = (name: string) => `${PREFIX}:{${run}}:${name}`;
  return {
    plans: key("plans"),
    artefacts: key("artefacts"),
    calls: key("calls"),
    claims: key("claims"),
    tools: key("tools"),
    done: key("done"),
    outbox: key("outbox"),
    limits: key("limits"),
    spent: key("spent"),
    answers: key("answers"),
  };
}

/** Name of the queue of a plan's batches. */
export function queueName(run: string, plan: string): string {
  return `${run.replace(/[^A-Za-z0-9]/g, "").slice(0, 24)}-${plan.slice(0, 16)}`;
}

/** Id of a batch: a letter and a hash, since the queue takes neither colons nor digits alone. */
export function batchId(hash: string): string {
  return `b${hash.slice(0, 40)}`;
}
