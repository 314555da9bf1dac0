/** @file Which batch holds which calls, on disk before a batch can exist: what a kill leaves behind is found again. */
import { z } from "zod";
import { JsonlLog } from "../../../core/jsonl-log.js";

const record = z.discriminatedUnion("type", [
  /** Written before anything is sent. */
  z.object({ type: z.literal("planned"), plan: z.string(), model: z.string(), ids: z.array(z.string()) }),
  z.object({ type: z.literal("uploaded"), plan: z.string(), file: z.string() }),
  z.object({ type: z.literal("created"), plan: z.string(), batch: z.string() }),
  /** Its replies were handed on, or it never came to be. */
  z.object({ type: z.literal("ended"), plan: z.string(), status: z.string() }),
]);

/** One batch as far as it is known to have come. */
export interface LoggedBatch {
  /** Name of ours, which the server keeps as metadata. */
  plan: string;
  /** Id of the model. */
  model: string;
  /** Ids of its requests. */
  ids: readonly string[];
  file?: string | undefined;
  /** Id by which the server knows it; undefined while it is not known whether it was accepted. */
  batch?: string | undefined;
  /** Status of its end as the server gave it, or "dropped" where the server never had it. */
  ended?: string | undefined;
}

export class BatchLog {
  readonly path: string;
  readonly #log: JsonlLog;
  readonly #batches: Map<string, LoggedBatch>;
  readonly #handedOn = new Map<LoggedBatch, string>();

  private constructor(log: JsonlLog, batches: Map<string, LoggedBatch>) {
    this.path = log.path;
    this.#log = log;
    this.#batches = batches;
  }

  /** @throws {StorageError} when the file is damaged or cannot be opened */
  static open(path: string): BatchLog {
    const { log, records } = JsonlLog.open(path);
    return new BatchLog(log, folded(records));
  }

  /** Batches in a file that were not read to their end, without opening it for writing. */
  static pending(path: string): LoggedBatch[] {
    return [...folded(JsonlLog.read(path).records).values()].filter(({ ended }) => ended === undefined);
  }

  /** Batches of a model, in the order of their making. */
  of(model: string): LoggedBatch[] {
    return [...this.#batches.values()].filter((one) => one.model === model);
  }

  plan(plan: string, model: string, ids: readonly string[]): LoggedBatch {
    return this.#append({ type: "planned", plan, model, ids: [...ids] });
  }

  uploaded({ plan }: LoggedBatch, file: string): void {
    this.#append({ type: "uploaded", plan, file });
  }

  created({ plan }: LoggedBatch, batch: string): void {
    this.#append({ type: "created", plan, batch });
  }

  ended({ plan }: LoggedBatch, status: string): void {
    this.#append({ type: "ended", plan, status });
  }

  /** As ended(), a moment later: whoever waits for the answers stores them first. */
  handedOn(batch: LoggedBatch, status: string): void {
    this.#handedOn.set(batch, status);
    setImmediate(() => this.#endHandedOn());
  }

  close(): void {
    this.#endHandedOn();
    this.#log.close();
  }

  #endHandedOn(): void {
    for (const [batch, status] of this.#handedOn) this.ended(batch, status);
    this.#handedOn.clear();
  }

  #append(entry: z.infer<typeof record>): LoggedBatch {
    this.#log.append(entry, true);
    apply(this.#batches, entry);
    return this.#batches.get(entry.plan) as LoggedBatch;
  }
}

function folded(records: readonly unknown[]): Map<string, LoggedBatch> {
  const batches = new Map<string, LoggedBatch>();
  for (const line of records) {
    const { data } = record.safeParse(line);
    if (data) apply(batches, data);
  }
  return batches;
}

function apply(batches: Map<string, LoggedBatch>, entry: z.infer<typeof record>): void {
  const { plan } = entry;
  if (entry.type === "planned") batches.set(plan, { plan, model: entry.model, ids: entry.ids });
  const known = batches.get(plan);
  if (!known) return;
  if (entry.type === "uploaded") known.file = entry.file;
  if (entry.type === "created") known.batch = entry.batch;
  if (entry.type === "ended") known.ended = entry.status;
}
