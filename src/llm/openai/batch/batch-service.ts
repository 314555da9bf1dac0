/** @file The files and batches of an OpenAI-compatible server: upload, create, look, read. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { ModelCallError } from "../../../core/errors.js";
import type { Clock } from "../../clock.js";
import { CallFailure } from "../call-failure.js";
import { callWithRetries } from "../call-with-retries.js";
import type { OpenAIWire } from "../openai-wire.js";
import type { RateLimiter } from "../rate-limiter.js";

const batchSchema = z.object({
  id: z.string(),
  status: z.string(),
  input_file_id: z.string().nullish(),
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  created_at: z.number().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  request_counts: z
    .object({ total: z.number(), completed: z.number(), failed: z.number() })
    .partial()
    .nullish(),
  errors: z
    .object({
      data: z
        .array(
          z.object({
            code: z.string().nullish(),
            message: z.string().nullish(),
            line: z.number().nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

/** A batch as the server tells of it. */
export type Batch = z.infer<typeof batchSchema>;

export interface BatchServiceOptions {
  wire: OpenAIWire;
  limiter: RateLimiter;
  /** Longest attempt, ms. */
  timeoutMs: number;
  maxRetries: number;
  /** Ends everything. */
  signal: AbortSignal;
  onWarning: (message: string) => void;
}

/** Name of ours in the metadata of a batch. */
const LABEL = "w4s";
/** Larger files are not read: they would not fit into one text. */
const MAX_FILE_BYTES = 400 * 2 ** 20;
/** Batches of an account that are looked through for one of ours. */
const PAGE = 100;
const MAX_PAGES = 50;
/** Statuses after which nothing more comes. */
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "expired", "cancelled"]);

export const isEnded = ({ status }: Batch): boolean => ENDED.has(status);

export class BatchService {
  readonly #options: BatchServiceOptions;

  constructor(options: BatchServiceOptions) {
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.limiter.clock;
  }

  /** @throws {ModelCallError} fatal, where the server has no batches */
  async check(): Promise<void> {
    try {
      await this.#retry((bounds) => this.#list(undefined, 1, bounds));
    } catch (error) {
      throw withoutBatches(error);
    }
  }

  /** @returns id of the file */
  async upload(name: string, lines: string): Promise<string> {
    const { wire } = this.#options;
    const file = await this.#retry((bounds) =>
      wire.requestObject(bounds, (client) =>
        client.files.create({ file: new File([lines], name), purpose: "batch" }).asResponse(),
      ),
    );
    if (typeof file.id === "string") return file.id;
    throw new ModelCallError("bad-reply", "the server took a file for a batch and gave it no id", {
      isFatal: true,
    });
  }

  /** Makes a batch of an uploaded file; after an answer that was lost it is looked for first, so that there is one only. */
  async create(file: string, label: string): Promise<string> {
    const { wire } = this.#options;
    let isUncertain = false;
    return await this.#retry(async (bounds) => {
      const found = isUncertain ? await this.#findOnce(label, file, bounds) : undefined;
      if (found !== undefined) return found;
      isUncertain = true;
      const body = {
        input_file_id: file,
        endpoint: "/v1/chat/completions",
        completion_window: "24h",
        metadata: { [LABEL]: label },
      } as const;
      const once = { ...bounds, isOnce: true };
      return parsed(await wire.requestObject(once, (client) => client.batches.create(body).asResponse())).id;
    });
  }

  /** Id of the batch with this label, or of this file; undefined where the server has none. */
  async find(label: string, file: string | undefined): Promise<string | undefined> {
    return await this.#retry((bounds) => this.#findOnce(label, file, bounds));
  }

  async retrieve(id: string): Promise<Batch> {
    const { wire } = this.#options;
    return await this.#retry(async (bounds) =>
      parsed(await wire.requestObject(bounds, (client) => client.batches.retrieve(id).asResponse())),
    );
  }

  /** The texts of what it has answered so far. */
  async files({ output_file_id, error_file_id }: Batch): Promise<string[]> {
    const { wire } = this.#options;
    const ids = [output_file_id, error_file_id].filter((id) => typeof id === "string" && id !== "");
    const texts: string[] = [];
    for (const id of ids as string[])
      texts.push(
        await this.#retry((bounds) =>
          wire.request({ ...bounds, maxBytes: MAX_FILE_BYTES }, (client) =>
            client.files.content(id).asResponse(),
          ),
        ),
      );
    return texts;
  }

  async #findOnce(label: string, file: string | undefined, bounds: Bounds): Promise<string | undefined> {
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { data, hasMore } = await this.#list(after, PAGE, bounds);
      const found = data.find(
        (one) => one.metadata?.[LABEL] === label || (file !== undefined && one.input_file_id === file),
      );
      if (found) return found.id;
      after = data.at(-1)?.id;
      if (!hasMore || after === undefined) return undefined;
    }
    return undefined;
  }

  async #list(
    after: string | undefined,
    limit: number,
    bounds: Bounds,
  ): Promise<{ data: Batch[]; hasMore: boolean }> {
    const { wire } = this.#options;
    const { data, has_more } = await wire.requestObject(bounds, (client) =>
      client.batches.list(after === undefined ? { limit } : { limit, after }).asResponse(),
    );
    const batches = Array.isArray(data) ? data.flatMap((one) => batchSchema.safeParse(one).data ?? []) : [];
    return { data: batches, hasMore: has_more === true };
  }

  async #retry<T>(attempt: (bounds: Bounds) => Promise<T>): Promise<T> {
    const { limiter, timeoutMs, maxRetries, signal, onWarning } = this.#options;
    const options = {
      limiter,
      timeoutMs,
      maxRetries,
      signal,
      totalTimeoutMs: 2 * timeoutMs,
      onWait: onWarning,
    };
    return await callWithRetries((ms) => attempt({ timeoutMs: ms, signal }), options);
  }
}

interface Bounds {
  timeoutMs: number;
  signal: AbortSignal;
}

/** Bytes of a request in the file of a batch. */
export function sizeOf(line: string): number {
  return Buffer.byteLength(line) + 1;
}

function parsed(value: unknown): Batch {
  const { data } = batchSchema.safeParse(value);
  if (data) return data;
  const error = new ModelCallError("bad-reply", "the server's answer about a batch is none", {
    isRetryable: true,
    isFatal: true,
  });
  throw new CallFailure("once", error);
}

const ABSENT: ReadonlySet<number | undefined> = new Set([404, 405, 410, 501]);

function withoutBatches(error: unknown): unknown {
  if (!(error instanceof ModelCallError) || !ABSENT.has(error.status)) return error;
  return new ModelCallError("not-openai", `the server has no batches: ${error.message}`, {
    status: error.status,
    isFatal: true,
    hint: "leave --batch out: calls are then sent one by one, at their usual price",
    cause: error,
  });
}
