/** @file A batch: the jobs that a worker takes at once, by the content hashes of their workflows and items. */
import { z } from "zod";
import { sha256 } from "../../core/hash.js";
import type { Job } from "../evaluation.js";
import { batchId } from "./queue-keys.js";

const refSchema = z.object({
  /** Name of the result. */
  id: z.string(),
  /** Content hashes of artefacts: the source; the item; what the workflow carries; and the examples it is shown. */
  workflow: z.string(),
  sample: z.string(),
  carried: z.string().nullable(),
  examples: z.string().nullable(),
  epoch: z.number().int().min(0),
  seed: z.number().int().min(0),
});
export type JobRef = z.infer<typeof refSchema>;

const batchSchema = z.object({ id: z.string(), plan: z.string(), jobs: z.array(refSchema).min(1).max(1000) });
export type QueueBatch = z.infer<typeof batchSchema>;

/** @throws {Error} on what is none */
export function readBatch(text: string): QueueBatch {
  return batchSchema.parse(JSON.parse(text));
}

/** Items of a batch: fewer cost a message each, more leave workers idle at the end. */
const [FEWEST, MOST] = [20, 100] as const;
/** Batches that many jobs are cut into, so that workers share them evenly. */
const WANTED_BATCHES = 100;

/** Jobs in their order, in batches of 20 to 100; fewer than 20 are one. */
export function cutBatches<T>(jobs: readonly T[]): T[][] {
  const size = Math.min(MOST, Math.max(FEWEST, Math.ceil(jobs.length / WANTED_BATCHES)));
  const batches: T[][] = [];
  for (let start = 0; start < jobs.length; start += size) batches.push(jobs.slice(start, start + size));
  return batches;
}

/** What a job refers to, and the texts behind it by their hashes. @param examples - that the workflow is shown */
export function referTo(job: Job, examples: unknown): { ref: JobRef; texts: ReadonlyMap<string, string> } {
  const texts = new Map<string, string>();
  const put = (text: string) => {
    const hash = sha256(text);
    texts.set(hash, text);
    return hash;
  };
  const ref: JobRef = {
    id: job.id,
    workflow: put(job.source),
    sample: put(JSON.stringify(job.sample)),
    carried: job.carried === undefined ? null : put(JSON.stringify(job.carried)),
    examples: examples === undefined ? null : put(JSON.stringify(examples)),
    epoch: job.epoch,
    seed: job.seed,
  };
  return { ref, texts };
}

export function makeBatch(plan: string, jobs: readonly JobRef[]): QueueBatch {
  return { id: batchId(sha256([plan, ...jobs.map(({ id }) => id)].join(" "))), plan, jobs: [...jobs] };
}
